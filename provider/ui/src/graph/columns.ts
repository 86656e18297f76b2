/** Which column a step stands in: the longest path from a source. */

import type { Graph, Lookup } from "./model";

/** Column by step. What comes from outside stands in column 0, so its readers stand in 1 or later. */
export function columns(graph: Graph, find: Lookup): Map<string, number> {
  const column = new Map<string, number>();
  const open = new Set<string>();
  const before = predecessors(graph, find);
  const visit = (id: string): number => {
    const known = column.get(id);
    if (known !== undefined) return known;
    open.add(id);
    let at = (find.into.get(id) ?? []).some((edge) => find.artifacts.get(edge.from)?.step === null) ? 1 : 0;
    for (const producer of before.get(id) ?? []) {
      // a cycle can only come from damaged data; the edge back into it counts for nothing
      if (!open.has(producer)) at = Math.max(at, visit(producer) + 1);
    }
    open.delete(id);
    column.set(id, at);
    return at;
  };
  for (const step of graph.steps) visit(step.id);
  return column;
}

export function predecessors(graph: Graph, find: Lookup): Map<string, string[]> {
  return new Map(
    graph.steps.map((step) => {
      const known = step.upstream.filter((id) => find.steps.has(id) && id !== step.id);
      const edges = find.into.get(step.id) ?? [];
      const read = edges.map((edge) =>
        edge.waits ? edge.from : (find.artifacts.get(edge.from)?.step ?? null),
      );
      return [
        step.id,
        [...new Set([...known, ...read.filter((id) => id !== null && id !== step.id)])] as string[],
      ];
    }),
  );
}
