/** The graph of what an artifact came from and went into, across DAGs: one band for each run. */

import { groupBy } from "./group";
import type { ArtifactFacts, StepFacts, TraceGraph } from "../api/types";
import { foldEdges } from "./fold";
import { artifactName, stateOf, toArtifact, toExternal } from "./facts";
import { worst, type Artifact, type Graph, type Step } from "./model";

export interface Traced {
  readonly graph: Graph;
  readonly steps: ReadonlyMap<string, readonly StepFacts[]>;
  readonly artifacts: ReadonlyMap<string, readonly ArtifactFacts[]>;
  /** The node of the artifact that was asked for. */
  readonly root: string;
  readonly dags: number;
}

export function traced(parts: readonly TraceGraph[], write: (n: number) => string): Traced {
  const unique = <T extends { id: string }>(items: readonly T[]) => [
    ...new Map(items.map((item) => [item.id, item])).values(),
  ];
  const steps = unique(parts.flatMap((part) => part.steps));
  const artifacts = unique(parts.flatMap((part) => part.artifacts));
  const externals = unique(parts.flatMap((part) => part.externals));
  const edges = [
    ...new Map(parts.flatMap((part) => part.edges).map((edge) => [JSON.stringify(edge), edge])).values(),
  ];
  const nodeOfStep = new Map(steps.map((step) => [step.id, `${step.dag_id}/${step.run_id}/${step.task_id}`]));
  const byNode = groupBy(steps, (step) => nodeOfStep.get(step.id)!);
  const shownSteps: Step[] = [...byNode].map(([id, own], n) => {
    const first = own[0]!;
    const states = own.map((step) => stateOf(step.state, step.status));
    return {
      id,
      name: first.label + (own.length === 1 && first.map_index >= 0 ? `[${first.map_index}]` : ""),
      dagId: first.dag_id,
      runId: first.run_id,
      taskId: first.task_id,
      mapIndex: own.length === 1 ? first.map_index : -1,
      band: `${first.dag_id}\n${first.run_id}`,
      target: first.target ?? null,
      backend: first.target ?? null,
      state: worst(states),
      seconds: own.length === 1 ? (first.duration_s ?? null) : null,
      cached: own.every((step) => step.cached),
      order: n,
      mapped: own.length > 1 ? { count: own.length, states } : null,
      upstream: [],
    };
  });
  const maker = new Map(
    edges.filter((e) => e.kind === "wrote").map((e) => [e.artifact, nodeOfStep.get(e.step) ?? null]),
  );
  const nodeOfArtifact = new Map<string, string>();
  const behind = new Map<string, ArtifactFacts[]>();
  for (const artifact of artifacts) {
    const step = maker.get(artifact.id) ?? null;
    const id = step ? `${step}/${artifact.name}${artifact.element ?? ""}` : artifact.id;
    nodeOfArtifact.set(artifact.id, id);
    behind.set(id, [...(behind.get(id) ?? []), artifact]);
  }
  const shown: Artifact[] = [...behind].map(([id, own]) => ({
    ...toArtifact(own[0]!, id, maker.get(own[0]!.id) ?? null, write),
    name: artifactName(own[0]!),
    count: own.length > 1 ? own.length : null,
  }));
  const read = new Set(edges.filter((edge) => edge.kind === "external_read").map((edge) => edge.artifact));
  const root = parts[0]?.root ?? "";
  return {
    graph: {
      steps: byTime(shownSteps, parts),
      artifacts: [...shown, ...externals.filter((external) => read.has(external.id)).map(toExternal)],
      edges: foldEdges(edges, nodeOfStep, nodeOfArtifact),
    },
    steps: byNode,
    artifacts: behind,
    root: nodeOfArtifact.get(root) ?? root,
    dags: new Set(steps.map((step) => step.dag_id)).size,
  };
}

/** Bands in the order in which their runs started. */
function byTime(steps: readonly Step[], parts: readonly TraceGraph[]): Step[] {
  const started = new Map(
    parts.flatMap((part) => part.runs).map((run) => [`${run.dag_id}\n${run.run_id}`, run.started ?? ""]),
  );
  return [...steps].sort((a, b) => (started.get(a.band!) ?? "").localeCompare(started.get(b.band!) ?? ""));
}
