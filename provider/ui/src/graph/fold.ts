/** The graph of a run. Mapped tasks are shown as one, with their artifacts, until they are unfolded. */

import { groupBy } from "./group";
import type { ApiEdge, ArtifactFacts, GraphArtifact, RunGraph, StepFacts, TaskFacts } from "../api/types";
import { stateOf, toArtifact, toExternal } from "./facts";
import { worst, type Artifact, type Edge, type Graph, type State, type Step } from "./model";

/** More than this many are listed in the panel instead of being put on the canvas. */
export const UNFOLD_LIMIT = 50;
const FOLDED_LIMIT = 1000;

export interface Folded {
  readonly graph: Graph;
  /** Task instances behind a node, in order of their map index. */
  readonly instances: ReadonlyMap<string, readonly StepFacts[]>;
  /** Artifacts behind a node, in the same order. */
  readonly artifacts: ReadonlyMap<string, readonly (GraphArtifact | ArtifactFacts)[]>;
  readonly tasks: ReadonlyMap<string, TaskFacts>;
  readonly total: number;
}

export function canUnfold(step: Step): boolean {
  return step.mapped !== null && step.mapped.count > 0 && step.mapped.count <= UNFOLD_LIMIT;
}

export function fold(run: RunGraph, unfolded: ReadonlySet<string>, write: (n: number) => string): Folded {
  const tasks = new Map(run.tasks.map((task) => [task.task_id, task]));
  const byTask = groupBy(
    [...run.steps].sort((a, b) => a.map_index - b.map_index),
    (step) => step.task_id,
  );
  const open = new Set(
    run.tasks
      .filter((task) => unfolded.has(task.task_id) && task.total <= UNFOLD_LIMIT)
      .map((t) => t.task_id),
  );
  const instances = new Map<string, StepFacts[]>();
  const nodeOfStep = new Map<string, string>();
  const steps: Step[] = [];
  for (const task of [...run.tasks].sort((a, b) => a.order - b.order)) {
    const own = byTask.get(task.task_id) ?? [];
    const groups = task.mapped && open.has(task.task_id) ? own.map((step) => [step]) : [own];
    for (const group of groups) {
      const one = groups.length > 1 || (open.has(task.task_id) && task.mapped);
      const id = one && group[0] ? `${task.task_id}[${group[0].map_index}]` : task.task_id;
      instances.set(id, group);
      for (const step of group) nodeOfStep.set(step.id, id);
      steps.push(toStep(run, task, group, id, Boolean(one)));
    }
  }
  const upstream = dependencies(run, steps);
  const { artifacts, nodeOfArtifact, behind } = foldArtifacts(run, nodeOfStep, steps, write);
  return {
    graph: {
      steps: steps.map((step) => ({ ...step, upstream: upstream.get(step.taskId) ?? [] })),
      artifacts: [...artifacts, ...run.externals.filter((e) => readExternals(run).has(e.id)).map(toExternal)],
      edges: [...foldEdges(run.edges, nodeOfStep, nodeOfArtifact), ...waiting(run, steps)],
    },
    instances,
    artifacts: behind,
    tasks,
    total: run.tasks.reduce((sum, task) => sum + task.total, 0) + run.artifacts.length,
  };
}

function toStep(run: RunGraph, task: TaskFacts, group: readonly StepFacts[], id: string, one: boolean): Step {
  const single = one || !task.mapped ? group[0] : undefined;
  const states = one || !task.mapped ? [] : statesOf(task, group);
  const longest = task.duration_s?.[1] ?? null;
  return {
    id,
    name: one && single ? `${task.label}[${single.map_index}]` : task.label,
    dagId: run.dag_id,
    runId: run.run_id,
    taskId: task.task_id,
    mapIndex: single?.map_index ?? -1,
    band: task.group ?? null,
    target: task.target ?? single?.target ?? group.find((step) => step.target)?.target ?? null,
    backend: task.target ?? single?.target ?? group.find((step) => step.target)?.target ?? null,
    state:
      task.mapped && !one
        ? worst(states)
        : single
          ? stateOf(single.state, single.status)
          : stateOf(firstOf(task)),
    seconds: single ? (single.duration_s ?? null) : longest,
    cached: single ? (single.cached ?? false) : task.total > 0 && task.cached === task.total,
    order: task.order * 10000 + (single?.map_index ?? 0),
    mapped: task.mapped && !one ? { count: task.total, states } : null,
    upstream: [],
  };
}

function firstOf(task: TaskFacts): string | null {
  return Object.keys(task.states)[0] ?? null;
}

/** By map index where the instances are known, else as the counts say. */
function statesOf(task: TaskFacts, group: readonly StepFacts[]): State[] {
  if (group.length >= task.total) return group.map((step) => stateOf(step.state, step.status));
  const counted = Object.entries(task.states).flatMap(([state, n]) =>
    Array<State>(Math.min(n, FOLDED_LIMIT)).fill(stateOf(state)),
  );
  return counted.slice(0, FOLDED_LIMIT);
}

function dependencies(run: RunGraph, steps: readonly Step[]): Map<string, string[]> {
  const byTask = groupBy(steps, (step) => step.taskId);
  const found = new Map<string, string[]>();
  for (const { upstream, downstream } of run.dependencies) {
    const ids = (byTask.get(upstream) ?? []).map((step) => step.id);
    found.set(downstream, [...(found.get(downstream) ?? []), ...ids]);
  }
  return found;
}

/** What the DAG says and nothing has shown yet. Between two unfolded tasks it would say nothing. */
function waiting(run: RunGraph, steps: readonly Step[]): Edge[] {
  const byTask = groupBy(steps, (step) => step.taskId);
  return run.dependencies.flatMap(({ upstream, downstream, observed }) => {
    const [from, to] = [byTask.get(upstream) ?? [], byTask.get(downstream) ?? []];
    if (observed || (from.length > 1 && to.length > 1)) return [];
    return from.flatMap((a) => to.map((b) => ({ from: a.id, to: b.id, param: null, waits: true })));
  });
}

function readExternals(run: RunGraph): Set<string> {
  return new Set(run.edges.filter((edge) => edge.kind === "external_read").map((edge) => edge.artifact));
}

function foldArtifacts(
  run: RunGraph,
  nodeOfStep: ReadonlyMap<string, string>,
  steps: readonly Step[],
  write: (n: number) => string,
) {
  const maker = new Map(
    run.edges.filter((e) => e.kind === "wrote").map((e) => [e.artifact, nodeOfStep.get(e.step) ?? null]),
  );
  const mapped = new Map(steps.map((step) => [step.id, step.mapped]));
  const behind = new Map<string, GraphArtifact[]>();
  const nodeOfArtifact = new Map<string, string>();
  const repeated = wholes(run);
  for (const artifact of [...run.artifacts].sort((a, b) => a.map_index - b.map_index)) {
    if (repeated.has(artifact.id)) continue;
    const step = maker.get(artifact.id);
    const id = step ? `${step}/${artifact.name}${artifact.element ?? ""}` : artifact.id;
    nodeOfArtifact.set(artifact.id, id);
    const list = behind.get(id);
    if (list) list.push(artifact);
    else behind.set(id, [artifact]);
  }
  const artifacts: Artifact[] = [...behind].map(([id, own]) => {
    const step = maker.get(own[0]!.id) ?? null;
    const shown = toArtifact(own[0]!, id, step, write);
    const fold = step ? mapped.get(step) : null;
    if (!fold) return own.length > 1 ? { ...shown, count: own.length } : shown;
    const partial = own.length < fold.count ? `${own.length} / ${fold.count}` : "";
    return { ...shown, count: fold.count, detail: partial || common(own), value: range(own, write) };
  });
  const order = new Map(steps.map((step, n) => [step.id, n]));
  artifacts.sort(
    (a, b) => (order.get(a.step ?? "") ?? -1) - (order.get(b.step ?? "") ?? -1) || a.id.localeCompare(b.id),
  );
  return { artifacts, nodeOfArtifact, behind };
}

/** With several outputs XCom holds their dict too; where nobody reads it, it only repeats them. */
function wholes(run: RunGraph): Set<string> {
  const read = new Set(run.edges.filter((edge) => edge.kind === "read").map((edge) => edge.artifact));
  const place = (artifact: GraphArtifact) =>
    `${artifact.dag_id}\n${artifact.run_id}\n${artifact.task_id}\n${artifact.map_index}`;
  const named = new Set(run.artifacts.filter((artifact) => artifact.name !== "return_value").map(place));
  const whole = run.artifacts.filter(
    (a) => a.name === "return_value" && !a.element && /\b(dict|Mapping)$/.test(a.type),
  );
  return new Set(
    whole
      .filter((artifact) => named.has(place(artifact)) && !read.has(artifact.id))
      .map((artifact) => artifact.id),
  );
}

function common(own: readonly GraphArtifact[]): string {
  const shown = new Set(own.map((artifact) => toArtifact(artifact, "", null, String).detail));
  return shown.size === 1 ? [...shown][0]! : `${[...shown][0]!} …`;
}

function range(own: readonly GraphArtifact[], write: (n: number) => string): string | null {
  const numbers = own.flatMap((artifact) => {
    const value = artifact.has_value ? artifact.value : artifact.metric?.value;
    return typeof value === "number" ? [value] : [];
  });
  if (!numbers.length) return null;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const name = own[0]!.has_value ? "" : `${own[0]!.metric!.name} `;
  return low === high ? `${name}${write(low)}` : `${name}${write(low)}–${write(high)}`;
}

/** One edge between two nodes and places; the indices of many become `i`. */
export function foldEdges(
  edges: readonly ApiEdge[],
  nodeOfStep: ReadonlyMap<string, string>,
  nodeOfArtifact: ReadonlyMap<string, string>,
): Edge[] {
  const found = new Map<string, { from: string; to: string; params: Set<string> }>();
  for (const edge of edges) {
    if (edge.kind !== "read" && edge.kind !== "external_read") continue;
    const from =
      nodeOfArtifact.get(edge.artifact) ?? (edge.kind === "external_read" ? edge.artifact : undefined);
    const to = nodeOfStep.get(edge.step);
    if (from === undefined || to === undefined) continue;
    const general = (edge.param ?? "").replace(/\[\d+\]/g, "[]");
    const key = JSON.stringify([from, to, general]);
    const known = found.get(key) ?? { from, to, params: new Set<string>() };
    if (edge.param) known.params.add(edge.param);
    found.set(key, known);
  }
  return [...found.values()].map(({ from, to, params }) => ({ from, to, param: joined(params) }));
}

function joined(params: ReadonlySet<string>): string | null {
  if (params.size === 0) return null;
  if (params.size === 1) return [...params][0]!;
  return [...params][0]!.replace(/\[\d+\]/g, "[i]");
}
