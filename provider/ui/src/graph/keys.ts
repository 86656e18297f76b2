/** Where the arrow keys lead. */

import type { Layout, Placed } from "./place";

export type Direction = "left" | "right" | "up" | "down";

/** The neighbour of a node, or the node itself where there is none. */
export function neighbour(layout: Layout, id: string, direction: Direction): string {
  const node = layout.nodes.get(id);
  if (!node) return first(layout) ?? id;
  if (direction === "left") return producer(layout, node) ?? id;
  if (direction === "right") return consumer(layout, node) ?? id;
  const column = [...layout.nodes.values()].filter((n) => n.column === node.column).sort((a, b) => a.y - b.y);
  const at = column.findIndex((n) => n.id === id);
  return column[at + (direction === "down" ? 1 : -1)]?.id ?? id;
}

/** The node of that name; after folding or unfolding, what took its place. */
export function standIn(layout: Layout, id: string | null): string | null {
  if (id === null) return null;
  const [step, rest = ""] = id.split(/(?=\/)/, 2);
  const folded = `${step!.replace(/\[\d+\]$/, "")}${rest}`;
  const unfolded = `${step!}[0]${rest}`;
  return [id, folded, unfolded].find((one) => layout.nodes.has(one)) ?? null;
}

export function first(layout: Layout): string | null {
  return layout.stacks.length ? inReadingOrder(layout)[0]!.id : null;
}

export function inReadingOrder(layout: Layout): Placed[] {
  return [...layout.nodes.values()].sort((a, b) => a.column - b.column || a.y - b.y);
}

/** The failed step before or after the given node, in reading order; wraps around. */
export function failedFrom(layout: Layout, id: string | null, forward: boolean): string | null {
  const order = inReadingOrder(layout);
  const failed = order.filter((n) => n.step?.state === "failed");
  if (!failed.length) return null;
  const at = order.findIndex((n) => n.id === id);
  const after = failed.find((n) => order.indexOf(n) > at) ?? failed[0]!;
  const before = failed.filter((n) => order.indexOf(n) < at).at(-1) ?? failed.at(-1)!;
  return (forward ? after : before).id;
}

/** Names that hold the words, in reading order. */
export function matches(layout: Layout, words: string): string[] {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return [];
  return inReadingOrder(layout)
    .filter((n) => (n.step?.name ?? n.artifact?.name ?? "").toLowerCase().includes(wanted))
    .map((n) => n.id);
}

function producer(layout: Layout, node: Placed): string | null {
  if (node.artifact) return node.artifact.step;
  const into = layout.find.into.get(node.id);
  return into?.[0]?.from ?? null;
}

function consumer(layout: Layout, node: Placed): string | null {
  if (node.artifact) return layout.find.outOf.get(node.id)?.[0]?.to ?? null;
  for (const output of layout.find.outputs.get(node.id) ?? []) {
    const to = layout.find.outOf.get(output.id)?.[0]?.to;
    if (to) return to;
  }
  return layout.find.outputs.get(node.id)?.[0]?.id ?? null;
}
