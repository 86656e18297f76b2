import { describe, expect, test } from "vitest";
import { columns } from "../src/graph/columns";
import { distance } from "../src/graph/hit";
import { lookup, type Graph } from "../src/graph/model";
import { SLIM, layout, spread, type Layout } from "../src/graph/place";
import { artifact, randomGraph, step } from "./graphs";

const SEEDS = [1, 2, 3, 5, 8, 13, 21, 34];

/** Cards that a way passes through, its own two ends apart. */
function crossed(drawn: Layout): string[] {
  const found: string[] = [];
  for (const edge of drawn.edges) {
    for (let n = 1; n < edge.points.length; n += 1) {
      const [[x1, y1], [x2, y2]] = [edge.points[n - 1]!, edge.points[n]!];
      for (let k = 0; k <= 40; k += 1) {
        const [x, y] = [x1 + ((x2 - x1) * k) / 40, y1 + ((y2 - y1) * k) / 40];
        for (const node of drawn.nodes.values()) {
          const inside =
            x > node.x + 0.5 && x < node.x + node.w - 0.5 && y > node.y + 0.5 && y < node.y + node.h - 0.5;
          if (inside) found.push(`${edge.from} -> ${edge.to} crosses ${node.id}`);
        }
      }
    }
  }
  return [...new Set(found)];
}

function overlapping(drawn: Layout): string[] {
  const nodes = [...drawn.nodes.values()];
  return nodes.flatMap((a, n) =>
    nodes.slice(n + 1).flatMap((b) => {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      return apart ? [] : [`${a.id} on ${b.id}`];
    }),
  );
}

describe("columns", () => {
  test("a step stands one column after the longest path to it", () => {
    const graph: Graph = {
      steps: ["a", "b", "c", "d"].map((id) => step(id)),
      artifacts: [artifact("a1", "a"), artifact("b1", "b"), artifact("c1", "c")],
      edges: [
        { from: "a1", to: "b", param: null },
        { from: "b1", to: "c", param: null },
        { from: "a1", to: "d", param: null },
        { from: "c1", to: "d", param: null },
      ],
    };
    expect([...columns(graph, lookup(graph)).entries()]).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 2],
      ["d", 3],
    ]);
  });

  test("what comes from outside stands before its reader", () => {
    const graph: Graph = {
      steps: [step("a")],
      artifacts: [artifact("s3", null)],
      edges: [{ from: "s3", to: "a", param: "uri" }],
    };
    const drawn = layout(graph);
    expect(drawn.nodes.get("s3")!.column).toBe(0);
    expect(drawn.nodes.get("a")!.column).toBe(1);
  });

  test("a step that has not run yet stands where the DAG says", () => {
    const graph: Graph = {
      steps: [step("a"), step("b", { upstream: ["a"], state: "none" })],
      artifacts: [],
      edges: [],
    };
    expect(layout(graph).nodes.get("b")!.column).toBe(1);
  });

  test("a cycle from damaged data ends, and everything has a place", () => {
    const graph: Graph = {
      steps: [step("a"), step("b")],
      artifacts: [artifact("a1", "a"), artifact("b1", "b")],
      edges: [
        { from: "a1", to: "b", param: null },
        { from: "b1", to: "a", param: null },
      ],
    };
    expect(layout(graph).nodes.size).toBe(4);
    expect(layout(graph).edges.every((edge) => !edge.path.includes("NaN"))).toBe(true);
  });
});

describe("places", () => {
  test.each(SEEDS)("no card lies on another, seed %i", (seed) => {
    expect(overlapping(layout(randomGraph(seed, 40)))).toEqual([]);
    expect(overlapping(layout(randomGraph(seed, 40, 3), SLIM))).toEqual([]);
  });

  test.each(SEEDS)("no edge crosses a card, seed %i", (seed) => {
    expect(crossed(layout(randomGraph(seed, 40)))).toEqual([]);
    expect(crossed(layout(randomGraph(seed, 30, 3)))).toEqual([]);
  });

  test("nothing moves when a state or a value changes", () => {
    const graph = randomGraph(7, 60);
    const later: Graph = {
      ...graph,
      steps: graph.steps.map((one, n) => ({
        ...one,
        state: n % 3 ? "failed" : "running",
        seconds: n,
        cached: n % 2 === 0,
      })),
      artifacts: graph.artifacts.map((one) => ({ ...one, value: "0.99", detail: "8 × 6" })),
    };
    const places = (drawn: Layout) => [...drawn.nodes.values()].map(({ id, x, y }) => [id, x, y]);
    expect(places(layout(later))).toEqual(places(layout(graph)));
  });

  test("artifacts hang below the step that made them", () => {
    const drawn = layout(randomGraph(4, 30));
    for (const node of drawn.nodes.values()) {
      const maker = node.artifact?.step && drawn.nodes.get(node.artifact.step);
      if (!maker) continue;
      expect(node.x).toBe(maker.x + 10);
      expect(node.y).toBeGreaterThanOrEqual(maker.y + maker.h);
    }
  });

  test("bands do not share rows", () => {
    const drawn = layout(randomGraph(9, 40, 4));
    drawn.bands.forEach((band, n) => {
      if (n) expect(band.y).toBeGreaterThanOrEqual(drawn.bands[n - 1]!.y + drawn.bands[n - 1]!.h);
    });
    for (const stack of drawn.stacks) {
      const band = drawn.bands[stack.band]!;
      expect(stack.y).toBeGreaterThanOrEqual(band.y);
      expect(stack.y + stack.h).toBeLessThanOrEqual(band.y + band.h);
    }
  });

  test("spread keeps order and distance and moves as little as it can", () => {
    const items = [
      { h: 10, y: 0 },
      { h: 10, y: 0 },
      { h: 10, y: 0 },
    ];
    spread(items, [50, 50, 200], 5);
    expect(items.map((item) => item.y)).toEqual([42.5, 57.5, 200]);
  });

  test("2,000 nodes are laid out in less than a second", () => {
    const graph = randomGraph(11, 680);
    const started = performance.now();
    const drawn = layout(graph);
    expect(drawn.nodes.size).toBeGreaterThan(1900);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("the distance to a way is that to its nearest piece", () => {
    expect(distance(5, 3, [0, 0], [10, 0])).toBe(3);
    expect(distance(13, 4, [0, 0], [10, 0])).toBe(5);
  });
});
