/** What lies under the pointer, found by a grid: large graphs have no element for each node. */

import type { Layout, Placed } from "./place";
import type { Routed } from "./route";

const CELL = 200;

export interface Hit {
  readonly node: Placed | null;
  readonly edge: Routed | null;
}

export class HitGrid {
  private readonly nodes = new Map<string, Placed[]>();
  private readonly edges = new Map<string, Set<Routed>>();

  constructor(layout: Layout) {
    for (const node of layout.nodes.values()) {
      for (let x = cell(node.x); x <= cell(node.x + node.w); x += 1) {
        for (let y = cell(node.y); y <= cell(node.y + node.h); y += 1) push(this.nodes, `${x},${y}`, node);
      }
    }
    for (const edge of layout.edges) {
      for (const [[x1, y1], [x2, y2]] of segments(edge)) {
        const n = Math.ceil(Math.hypot(x2 - x1, y2 - y1) / (CELL / 2)) || 1;
        for (let k = 0; k <= n; k += 1) {
          const key = `${cell(x1 + ((x2 - x1) * k) / n)},${cell(y1 + ((y2 - y1) * k) / n)}`;
          const set = this.edges.get(key);
          if (set) set.add(edge);
          else this.edges.set(key, new Set([edge]));
        }
      }
    }
  }

  at(x: number, y: number, reach: number): Hit {
    const key = `${cell(x)},${cell(y)}`;
    const node = this.nodes.get(key)?.find((n) => x >= n.x && x <= n.x + n.w && y >= n.y && y <= n.y + n.h);
    if (node) return { node, edge: null };
    let best: Routed | null = null;
    let nearest = reach;
    for (const edge of this.edges.get(key) ?? []) {
      for (const [a, b] of segments(edge)) {
        const far = distance(x, y, a, b);
        if (far < nearest) [best, nearest] = [edge, far];
      }
    }
    return { node: null, edge: best };
  }
}

type Point = readonly [number, number];

function cell(v: number): number {
  return Math.floor(v / CELL);
}

function push<T>(map: Map<string, T[]>, key: string, item: T) {
  const list = map.get(key);
  if (list) list.push(item);
  else map.set(key, [item]);
}

function* segments(edge: Routed): Generator<readonly [Point, Point]> {
  for (let n = 1; n < edge.points.length; n += 1) yield [edge.points[n - 1]!, edge.points[n]!];
}

export function distance(x: number, y: number, [x1, y1]: Point, [x2, y2]: Point): number {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const t = length ? Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length)) : 0;
  return Math.hypot(x - x1 - t * (x2 - x1), y - y1 - t * (y2 - y1));
}
