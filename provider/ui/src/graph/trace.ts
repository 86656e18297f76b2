/** What a node was made from and what it went into. */

import type { Graph, Lookup } from "./model";

export interface Trace {
  readonly nodes: ReadonlySet<string>;
  /** Indices into the graph's edges. */
  readonly edges: ReadonlySet<number>;
}

/** A step counts with its own outputs; an artifact with nothing but its producer and what that read. */
export function ancestry(graph: Graph, find: Lookup, id: string): Trace {
  const index = indices(graph);
  const nodes = new Set([id]);
  const edges = new Set<number>();
  const queue: string[] = [];
  const visitStep = (step: string) => {
    if (!nodes.has(step)) {
      nodes.add(step);
      queue.push(step);
    }
  };
  const artifact = find.artifacts.get(id);
  if (artifact?.step) visitStep(artifact.step);
  if (find.steps.has(id)) {
    queue.push(id);
    for (const output of find.outputs.get(id) ?? []) nodes.add(output.id);
  }
  for (let step = queue.pop(); step !== undefined; step = queue.pop()) {
    for (const edge of find.into.get(step) ?? []) {
      // what only waits is no ancestor
      if (edge.waits) continue;
      edges.add(index.get(edge)!);
      nodes.add(edge.from);
      const producer = find.artifacts.get(edge.from)?.step;
      if (producer) visitStep(producer);
    }
  }
  return { nodes, edges };
}

export function descendants(graph: Graph, find: Lookup, id: string): Trace {
  const index = indices(graph);
  const nodes = new Set([id]);
  const edges = new Set<number>();
  const queue = find.steps.has(id) ? (find.outputs.get(id) ?? []).map((a) => a.id) : [id];
  queue.forEach((node) => nodes.add(node));
  for (let artifact = queue.pop(); artifact !== undefined; artifact = queue.pop()) {
    for (const edge of find.outOf.get(artifact) ?? []) {
      edges.add(index.get(edge)!);
      if (nodes.has(edge.to)) continue;
      nodes.add(edge.to);
      for (const output of find.outputs.get(edge.to) ?? []) {
        nodes.add(output.id);
        queue.push(output.id);
      }
    }
  }
  return { nodes, edges };
}

function indices(graph: Graph) {
  return new Map(graph.edges.map((edge, n) => [edge, n]));
}
