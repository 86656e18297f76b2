/** What a graph shows, whichever answer of the API it came from. */

import { groupBy } from "./group";

export type State =
  | "success"
  | "failed"
  | "running"
  | "queued"
  | "upstream_failed"
  | "skipped"
  | "deferred"
  | "up_for_retry"
  | "none";

export type Kind =
  | "table"
  | "array"
  | "figure"
  | "text"
  | "json"
  | "directory"
  | "model"
  | "metrics"
  | "bytes"
  | "value"
  | "external";

export interface Mapped {
  readonly count: number;
  /** One state per mapped task, in order of its index; possibly cut. */
  readonly states: readonly State[];
}

export interface Step {
  readonly id: string;
  readonly name: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  /** Steps of one group lie in one band; across DAGs that is one DAG's run. */
  readonly band: string | null;
  /** Plain tasks have no target. */
  readonly target: string | null;
  readonly backend: string | null;
  readonly state: State;
  readonly seconds: number | null;
  readonly cached: boolean;
  /** Place in the DAG's own order, which breaks ties. */
  readonly order: number;
  readonly mapped: Mapped | null;
  /** Steps that come before it, whether or not an artifact says so. */
  readonly upstream: readonly string[];
}

export interface Artifact {
  readonly id: string;
  /** The step that made it; null: it came from outside. */
  readonly step: string | null;
  readonly name: string;
  readonly kind: Kind;
  /** Shape or size. */
  readonly detail: string;
  /** A small value or the first metric. */
  readonly value: string | null;
  readonly count: number | null;
  readonly missing: "pending" | "not_made" | null;
  readonly pickle: boolean;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly param: string | null;
  /** One task waits for another, says the DAG, and nothing was seen to go that way (yet): `from` is a step. */
  readonly waits?: boolean;
}

export interface Graph {
  readonly steps: readonly Step[];
  readonly artifacts: readonly Artifact[];
  readonly edges: readonly Edge[];
}

export interface Lookup {
  readonly steps: ReadonlyMap<string, Step>;
  readonly artifacts: ReadonlyMap<string, Artifact>;
  /** Artifacts of each step, in order. */
  readonly outputs: ReadonlyMap<string, readonly Artifact[]>;
  /** Edges by the step that reads, and by the artifact that is read. */
  readonly into: ReadonlyMap<string, readonly Edge[]>;
  readonly outOf: ReadonlyMap<string, readonly Edge[]>;
}

export function lookup(graph: Graph): Lookup {
  return {
    steps: new Map(graph.steps.map((step) => [step.id, step])),
    artifacts: new Map(graph.artifacts.map((artifact) => [artifact.id, artifact])),
    outputs: groupBy(
      graph.artifacts.filter((artifact) => artifact.step !== null),
      (artifact) => artifact.step!,
    ),
    into: groupBy(graph.edges, (edge) => edge.to),
    outOf: groupBy(graph.edges, (edge) => edge.from),
  };
}

/** States that need a look come first, also where many are summed up in one. */
export function worst(states: readonly State[]): State {
  const rank: State[] = [
    "failed",
    "running",
    "up_for_retry",
    "deferred",
    "queued",
    "upstream_failed",
    "none",
    "success",
    "skipped",
  ];
  return rank.find((state) => states.includes(state)) ?? "none";
}
