/** Where everything stands. Pure, and stable: only the structure counts, never a state. */

import { columns, predecessors } from "./columns";
import { lookup, type Artifact, type Graph, type Lookup, type Step } from "./model";
import { route, type Routed } from "./route";

export interface Measures {
  readonly step: { readonly w: number; readonly h: number };
  readonly pill: { readonly h: number; readonly inset: number; readonly gap: number };
  readonly pitch: number;
  readonly rowGap: number;
  /** Room at the left of a band for its pinned label. */
  readonly label: number;
}

export const FULL: Measures = {
  step: { w: 152, h: 58 },
  pill: { h: 36, inset: 10, gap: 7 },
  pitch: 192,
  rowGap: 28,
  label: 0,
};
/** Across DAGs there is less room for each step. */
export const SLIM: Measures = {
  step: { w: 132, h: 32 },
  pill: { h: 28, inset: 8, gap: 6 },
  pitch: 166,
  rowGap: 20,
  label: 130,
};

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
export interface Placed extends Box {
  readonly id: string;
  readonly column: number;
  readonly step: Step | null;
  readonly artifact: Artifact | null;
}
/** A step with what it made below it, or an artifact from outside alone. */
export interface Stack extends Box {
  readonly id: string;
  readonly column: number;
  readonly band: number;
}
export interface Band {
  readonly name: string | null;
  readonly y: number;
  readonly h: number;
  readonly steps: readonly Step[];
}
export interface Layout {
  readonly graph: Graph;
  readonly find: Lookup;
  readonly measures: Measures;
  readonly nodes: ReadonlyMap<string, Placed>;
  readonly stacks: readonly Stack[];
  readonly bands: readonly Band[];
  readonly edges: readonly Routed[];
  readonly size: { readonly w: number; readonly h: number };
}

interface Draft {
  readonly id: string;
  readonly column: number;
  readonly order: number;
  readonly h: number;
  readonly band: string | null;
  y: number;
}

/** Room for the upright names of groups. */
export const SIDE_LABEL = 36;

export function layout(graph: Graph, wanted: Measures = FULL): Layout {
  const find = lookup(graph);
  const banded = new Set(graph.steps.map((step) => step.band)).size > 1;
  const measures = banded && wanted.label === 0 ? { ...wanted, label: SIDE_LABEL } : wanted;
  const drafts = stacksOf(graph, find, measures);
  const links = linksOf(graph, find, drafts);
  const names = [...new Set(drafts.map((draft) => draft.band))];
  const byBand = names.map((name) => drafts.filter((draft) => draft.band === name));
  for (const band of byBand) arrange(band, links, measures);

  const nodes = new Map<string, Placed>();
  const stacks: Stack[] = [];
  const bands: Band[] = [];
  const edges: Routed[] = [];
  const single = names.length === 1;
  let top = 0;
  names.forEach((name, n) => {
    const own = byBand[n]!;
    const lift = Math.min(...own.map((draft) => draft.y));
    const head = single ? 0 : 14;
    for (const draft of own) {
      draft.y = Math.round(draft.y - lift + top + head);
      put(draft, n, find, measures, nodes, stacks);
    }
    const bottom = Math.max(...own.map((draft) => draft.y + draft.h));
    bands.push({ name, y: top, h: bottom - top + (single ? 0 : 14), steps: stepsOf(own, find) });
    top = bottom + (single ? 0 : 14);
  });
  const routed = route(graph, nodes, stacks, measures);
  edges.push(...routed.edges);
  const w = Math.max(0, ...[...nodes.values()].map((node) => node.x + node.w));
  return { graph, find, measures, nodes, stacks, bands, edges, size: { w, h: Math.max(top, routed.bottom) } };
}

function stepsOf(own: readonly Draft[], find: Lookup): Step[] {
  return own.flatMap((draft) => find.steps.get(draft.id) ?? []);
}

function stacksOf(graph: Graph, find: Lookup, m: Measures): Draft[] {
  const column = columns(graph, find);
  const drafts: Draft[] = graph.steps.map((step) => {
    const made = find.outputs.get(step.id)?.length ?? 0;
    const h = m.step.h + (made ? made * (m.pill.h + m.pill.gap) + (step.mapped ? 5 : 2) : 0);
    return { id: step.id, column: column.get(step.id)!, order: step.order, h, band: step.band, y: 0 };
  });
  const outside = graph.artifacts.filter((artifact) => artifact.step === null);
  outside.forEach((artifact, n) => {
    const reader = (find.outOf.get(artifact.id) ?? [])[0]?.to;
    const band = (reader && find.steps.get(reader)?.band) || drafts[0]?.band || null;
    drafts.push({ id: artifact.id, column: 0, order: n - outside.length, h: m.pill.h, band, y: 0 });
  });
  return drafts;
}

interface Links {
  readonly before: ReadonlyMap<string, readonly Draft[]>;
  readonly after: ReadonlyMap<string, readonly Draft[]>;
}

function linksOf(graph: Graph, find: Lookup, drafts: readonly Draft[]): Links {
  const own = new Map(drafts.map((draft) => [draft.id, draft]));
  const before = new Map<string, Draft[]>();
  const after = new Map<string, Draft[]>();
  const link = (from: string, to: string) => {
    const a = own.get(from);
    const b = own.get(to);
    if (!a || !b || a.band !== b.band) return;
    before.set(to, [...(before.get(to) ?? []), a]);
    after.set(from, [...(after.get(from) ?? []), b]);
  };
  for (const [id, producers] of predecessors(graph, find))
    producers.forEach((producer) => link(producer, id));
  for (const edge of graph.edges) if (find.artifacts.get(edge.from)?.step === null) link(edge.from, edge.to);
  return { before, after };
}

/** Rows inside one band: each stack as near to its neighbours as the others of its column allow. */
function arrange(band: readonly Draft[], links: Links, m: Measures) {
  const last = Math.max(0, ...band.map((draft) => draft.column));
  const byColumn: Draft[][] = Array.from({ length: last + 1 }, () => []);
  for (const draft of band) byColumn[draft.column]!.push(draft);
  byColumn[0]!.sort((a, b) => a.order - b.order);
  const pass = (column: readonly Draft[], wanted: (draft: Draft) => number | null) => {
    const targets = new Map(column.map((draft) => [draft, wanted(draft)]));
    const known = [...targets.values()].filter((y) => y !== null);
    const rest = known.length ? Math.max(...known) : 0;
    const at = (draft: Draft) => targets.get(draft) ?? rest;
    const sorted = [...column].sort((a, b) => at(a) - at(b) || a.order - b.order || a.id.localeCompare(b.id));
    spread(sorted, sorted.map(at), m.rowGap);
    column.forEach((draft) => (draft.y = Math.round(draft.y)));
  };
  const mean = (neighbours: readonly Draft[] | undefined) =>
    neighbours?.length ? neighbours.reduce((sum, other) => sum + other.y, 0) / neighbours.length : null;
  for (const column of byColumn) pass(column, (draft) => mean(links.before.get(draft.id)));
  for (const column of [...byColumn].reverse()) {
    pass(column, (draft) => mean(links.after.get(draft.id)) ?? draft.y);
  }
  for (const column of byColumn) pass(column, (draft) => mean(links.before.get(draft.id)) ?? draft.y);
}

/** The places nearest to the wanted ones that keep order and distance (pool adjacent violators). */
export function spread(sorted: readonly { h: number; y: number }[], wanted: readonly number[], gap: number) {
  const offsets: number[] = [];
  let offset = 0;
  for (const item of sorted) {
    offsets.push(offset);
    offset += item.h + gap;
  }
  const blocks: { sum: number; count: number }[] = [];
  sorted.forEach((_, n) => {
    blocks.push({ sum: wanted[n]! - offsets[n]!, count: 1 });
    while (blocks.length > 1) {
      const [a, b] = blocks.slice(-2) as [(typeof blocks)[0], (typeof blocks)[0]];
      if (a.sum / a.count <= b.sum / b.count) break;
      blocks.splice(-2, 2, { sum: a.sum + b.sum, count: a.count + b.count });
    }
  });
  let n = 0;
  for (const block of blocks) {
    for (let k = 0; k < block.count; k += 1, n += 1) sorted[n]!.y = block.sum / block.count + offsets[n]!;
  }
}

function put(
  draft: Draft,
  band: number,
  find: Lookup,
  m: Measures,
  nodes: Map<string, Placed>,
  stacks: Stack[],
) {
  const x = draft.column * m.pitch + m.label;
  const { id, column, y, h } = draft;
  stacks.push({ id, column, band, x, y, w: m.step.w, h });
  const step = find.steps.get(id) ?? null;
  const add = (artifact: Artifact, top: number) =>
    nodes.set(artifact.id, {
      id: artifact.id,
      column,
      step: null,
      artifact,
      x: x + m.pill.inset,
      y: top,
      w: m.step.w - m.pill.inset,
      h: m.pill.h,
    });
  if (!step) {
    add(find.artifacts.get(id)!, y);
    return;
  }
  nodes.set(id, { id, column, step, artifact: null, x, y, w: m.step.w, h: m.step.h });
  let top = y + m.step.h + m.pill.gap + (step.mapped ? 5 : 2);
  for (const artifact of find.outputs.get(id) ?? []) {
    add(artifact, top);
    top += m.pill.h + m.pill.gap;
  }
}
