import { describe, expect, test } from "vitest";
import type { RunGraph } from "../src/api/types";
import { stripCells } from "../src/graph/cards";
import { canUnfold, fold } from "../src/graph/fold";
import { failedFrom, inReadingOrder, matches, neighbour } from "../src/graph/keys";
import { lookup } from "../src/graph/model";
import { layout } from "../src/graph/place";
import { ancestry, descendants } from "../src/graph/trace";
import recorded from "./fixtures/run_graph.json";

const run = recorded as unknown as RunGraph;
const folded = fold(run, new Set(), String);
const train = folded.graph.steps.find((step) => step.id === "train")!;

describe("folding", () => {
  test("nine mapped tasks are one step with their states", () => {
    expect(train.mapped).toEqual({ count: 9, states: Array(9).fill("success") });
    expect(folded.instances.get("train")).toHaveLength(9);
    const models = folded.graph.artifacts.filter((artifact) => artifact.step === "train");
    expect(models).toHaveLength(1);
    expect(models[0]).toMatchObject({ count: 9, kind: "model" });
    expect(folded.artifacts.get(models[0]!.id)).toHaveLength(9);
  });

  test("edges of the nine become one whose index is i", () => {
    const edges = folded.graph.edges.filter((edge) => edge.from.startsWith("train/") && edge.to === "choose");
    expect(edges).toEqual([{ from: "train/return_value", to: "choose", param: "models[i]" }]);
  });

  test("unfolded, each of the nine stands alone with its own model", () => {
    const open = fold(run, new Set(["train"]), String).graph;
    expect(open.steps.filter((step) => step.taskId === "train").map((step) => step.id)).toEqual(
      Array.from({ length: 9 }, (_, n) => `train[${n}]`),
    );
    expect(open.artifacts.filter((artifact) => artifact.step?.startsWith("train["))).toHaveLength(9);
    expect(open.edges.filter((edge) => edge.to === "choose" && edge.from.startsWith("train["))).toHaveLength(
      9,
    );
  });

  test("more than fifty are not put on the canvas", () => {
    expect(canUnfold(train)).toBe(true);
    expect(canUnfold({ ...train, mapped: { count: 51, states: [] } })).toBe(false);
  });

  test("the dict that only repeats the named outputs is left out, one that is read stays", () => {
    const ids = folded.graph.artifacts.map((artifact) => artifact.id);
    expect(ids).toContain("split/train");
    expect(ids).not.toContain("split/return_value");
    expect(ids).toContain("cross_check/return_value");
  });

  test("a strip of many keeps its failed cell", () => {
    const states = Array(100).fill("success").with(50, "failed");
    const cells = stripCells(states);
    expect(cells).toHaveLength(24);
    expect(cells.filter((state) => state === "failed")).toHaveLength(1);
  });
});

describe("paths", () => {
  const find = lookup(folded.graph);

  test("a model is traced back to the raw rows, and not to what it did not use", () => {
    const trace = ancestry(folded.graph, find, "choose/model");
    expect(trace.nodes).toContain("load/return_value");
    expect(trace.nodes).toContain("train/return_value");
    expect(trace.nodes).not.toContain("split/test");
    expect(trace.nodes).not.toContain("evaluate");
  });

  test("what the rows went into holds everything after them", () => {
    expect(descendants(folded.graph, find, "load/return_value").nodes).toContain("report");
  });

  test("a step's path ends at the step", () => {
    expect(ancestry(folded.graph, find, "split").nodes).not.toContain("train");
  });
});

describe("keys", () => {
  const drawn = layout(folded.graph);

  test("arrows lead to producer, consumer, and along the column", () => {
    expect(neighbour(drawn, "choose/model", "left")).toBe("choose");
    expect(neighbour(drawn, "load/return_value", "right")).toBe("split");
    expect(neighbour(drawn, "split", "left")).toBe("load/return_value");
    expect(neighbour(drawn, "load", "down")).toBe("load/return_value");
    expect(neighbour(drawn, "report/return_value", "right")).toBe("report/return_value");
  });

  test("every node can be reached by arrows alone", () => {
    const reached = new Set(["load"]);
    const queue = ["load"];
    for (let id = queue.pop(); id; id = queue.pop()) {
      for (const direction of ["left", "right", "up", "down"] as const) {
        const next = neighbour(drawn, id, direction);
        if (!reached.has(next)) queue.push(next);
        reached.add(next);
      }
    }
    expect([...drawn.nodes.keys()].filter((id) => !reached.has(id))).toEqual([]);
  });

  test("finding walks in reading order", () => {
    const found = matches(drawn, "TR");
    expect(found).toContain("train");
    expect(found).toContain("split/train");
    const order = inReadingOrder(drawn).map((node) => node.id);
    expect(found.map((id) => order.indexOf(id))).toEqual(
      found.map((id) => order.indexOf(id)).sort((a, b) => a - b),
    );
    expect(matches(drawn, "  ")).toEqual([]);
  });

  test("failed steps are walked in a ring", () => {
    const graph = {
      ...folded.graph,
      steps: folded.graph.steps.map((s) =>
        ["split", "evaluate"].includes(s.id) ? { ...s, state: "failed" as const } : s,
      ),
    };
    const failed = layout(graph);
    expect(failedFrom(failed, null, true)).toBe("split");
    expect(failedFrom(failed, "split", true)).toBe("evaluate");
    expect(failedFrom(failed, "evaluate", true)).toBe("split");
    expect(failedFrom(failed, "split", false)).toBe("evaluate");
    expect(failedFrom(drawn, null, true)).toBeNull();
  });
});
