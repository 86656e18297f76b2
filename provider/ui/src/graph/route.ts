/** The ways of the edges. An edge to the next column bends in the gap; a longer one takes a free corridor. */

import { groupBy } from "./group";
import type { Edge, Graph } from "./model";
import type { Measures, Placed, Stack } from "./place";

export interface Routed {
  readonly edge: Edge;
  readonly from: string;
  readonly to: string;
  readonly path: string;
  /** Corners of the way, for hit tests and labels. */
  readonly points: readonly (readonly [number, number])[];
  readonly tip: readonly [number, number];
}

const LANE = 18;
const RADIUS = 10;
const CLEAR = 9; // between a lane and the next card
const HEAD = 7; // arrowhead

interface End {
  readonly edge: Edge;
  readonly a: Placed;
  readonly b: Placed;
  readonly span: number;
  y2: number;
}

export function route(
  graph: Graph,

  nodes: ReadonlyMap<string, Placed>,
  stacks: readonly Stack[],
  m: Measures,
): { edges: Routed[]; bottom: number } {
  const ends: End[] = graph.edges.flatMap((edge) => {
    const a = nodes.get(edge.from);
    const b = nodes.get(edge.to);
    return a && b ? [{ edge, a, b, span: b.column - a.column, y2: 0 }] : [];
  });
  ports(ends);
  const lanes = new Lanes(stacks, m);
  const ways = new Map<End, Pick<Routed, "path" | "points">>();
  // the shortest span goes innermost
  for (const end of [...ends].sort((p, q) => p.span - q.span || p.a.y - q.a.y || p.b.y - q.b.y)) {
    ways.set(end, end.span === 1 ? bend(end, m) : lane(end, lanes, m));
  }
  const edges = ends.map((end) => ({
    edge: end.edge,
    from: end.edge.from,
    to: end.edge.to,
    ...ways.get(end)!,
    tip: [end.b.x - 1, end.y2] as const,
  }));
  return { edges, bottom: lanes.lowest };
}

/** Where on the consumer's left side each edge arrives: in the order of where they come from. */
function ports(ends: readonly End[]) {
  const byReader = groupBy(ends, (end) => end.b.id);
  for (const arriving of byReader.values()) {
    const sorted = [...arriving].sort((p, q) => p.a.y - q.a.y || q.a.x - p.a.x);
    const { y, h } = sorted[0]!.b;
    const step = Math.min(14, (h - 20) / Math.max(1, sorted.length - 1));
    const first = y + h / 2 - (step * (sorted.length - 1)) / 2;
    sorted.forEach((end, n) => (end.y2 = Math.round((first + n * step) * 10) / 10));
  }
}

function bend({ a, b, y2 }: End, m: Measures): Pick<Routed, "path" | "points"> {
  const x1 = a.x + a.w;
  const y1 = a.y + a.h / 2;
  const x2 = b.x - HEAD;
  const k = Math.max(0, Math.min(m.pitch - m.step.w, x2 - x1)) * 0.6;
  const path = `M${x1} ${y1}C${x1 + k} ${y1} ${x2 - k} ${y2} ${x2} ${y2}`;
  return { path, points: samples(x1, y1, x1 + k, x2 - k, x2, y2) };
}

function samples(x1: number, y1: number, c1: number, c2: number, x2: number, y2: number) {
  return Array.from({ length: 9 }, (_, n) => {
    const t = n / 8;
    const u = 1 - t;
    const [p, q, r, s] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    return [p * x1 + q * c1 + r * c2 + s * x2, (p + q) * y1 + (r + s) * y2] as const;
  });
}

function lane(end: End, lanes: Lanes, m: Measures): Pick<Routed, "path" | "points"> {
  const { a, b, y2 } = end;
  const x1 = a.x + a.w;
  const y1 = a.y + a.h / 2;
  const x2 = b.x - HEAD;
  const gap = m.pitch - m.step.w;
  const taken = lanes.take(a.column, b.column, y1, y2, end.span < 1);
  const turn = (taken.track % 3) * 5;
  const xa = x1 + Math.min(12 + turn, gap - 18);
  const xb = x2 - Math.min(8 + turn, gap - 22);
  const y = taken.y;
  const points = [
    [x1, y1],
    [xa, y1],
    [xa, y],
    [xb, y],
    [xb, y2],
    [x2, y2],
  ] as const;
  return { path: rounded(points), points };
}

/** A polyline of horizontal and vertical pieces with round corners. */
export function rounded(points: readonly (readonly [number, number])[]): string {
  let path = `M${points[0]![0]} ${points[0]![1]}`;
  for (let n = 1; n < points.length - 1; n += 1) {
    const [p, c, q] = [points[n - 1]!, points[n]!, points[n + 1]!];
    const before = Math.hypot(c[0] - p[0], c[1] - p[1]);
    const after = Math.hypot(q[0] - c[0], q[1] - c[1]);
    const r = Math.min(RADIUS, before / 2, after / 2);
    if (r < 0.5) {
      path += `L${c[0]} ${c[1]}`;
      continue;
    }
    const toward = (to: readonly [number, number], length: number) =>
      `${c[0] + ((to[0] - c[0]) / length) * r} ${c[1] + ((to[1] - c[1]) / length) * r}`;
    path += `L${toward(p, before)}Q${c[0]} ${c[1]} ${toward(q, after)}`;
  }
  const last = points[points.length - 1]!;
  return `${path}L${last[0]} ${last[1]}`;
}

/** Horizontal corridors in which an edge passes columns without touching a card. */
class Lanes {
  lowest: number;
  private readonly columns = new Map<number, Stack[]>();
  private readonly used: { y: number; from: number; to: number }[] = [];

  constructor(
    stacks: readonly Stack[],
    private readonly m: Measures,
  ) {
    for (const stack of stacks) {
      const list = this.columns.get(stack.column);
      if (list) list.push(stack);
      else this.columns.set(stack.column, [stack]);
    }
    this.lowest = Math.max(0, ...stacks.map((stack) => stack.y + stack.h));
  }

  /** The free y nearest to both ends, and how many lanes near it are taken already. */
  take(from: number, to: number, y1: number, y2: number, around: boolean): { y: number; track: number } {
    const [first, last] = around ? [Math.min(from, to), Math.max(from, to)] : [from + 1, to - 1];
    const passed: Stack[] = [];
    for (let column = first; column <= last; column += 1) passed.push(...(this.columns.get(column) ?? []));
    // lanes below the stacks at the ends look calmer than lanes through their rows
    const nearby = [...passed, ...(this.columns.get(from) ?? []), ...(this.columns.get(to) ?? [])];
    const detour = (y: number) => Math.abs(y - y1) + Math.abs(y - y2) + (y < Math.max(y1, y2) ? 30 : 0);
    const candidates = [y1, y2, ...nearby.map((stack) => stack.y + stack.h + CLEAR + 5)].sort(
      (p, q) => detour(p) - detour(q) || p - q,
    );
    for (const y of candidates) {
      if (this.free(y, passed, from, to)) return this.book(y, from, to);
    }
    let y = Math.max(...passed.map((stack) => stack.y + stack.h)) + CLEAR + 5;
    while (!this.free(y, passed, from, to)) y += LANE;
    return this.book(y, from, to);
  }

  private free(y: number, passed: readonly Stack[], from: number, to: number): boolean {
    const touches = passed.some((stack) => y > stack.y - CLEAR && y < stack.y + stack.h + CLEAR);
    return !touches && !this.used.some((u) => Math.abs(u.y - y) < 8 && u.from < to && u.to > from);
  }

  private book(y: number, from: number, to: number): { y: number; track: number } {
    const track = this.used.filter((u) => u.from < to && u.to > from).length;
    this.used.push({ y, from, to });
    this.lowest = Math.max(this.lowest, y + this.m.rowGap / 2);
    return { y, track };
  }
}
