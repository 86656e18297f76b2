/** From what the API says of a step or an artifact to what is shown of it. */

import type { ArtifactFacts, ExternalFacts, GraphArtifact, Metric } from "../api/types";
import { bytes, plain } from "../ui/format";
import type { Artifact, Kind, State } from "./model";

const STATES: Readonly<Record<string, State>> = {
  success: "success",
  failed: "failed",
  running: "running",
  restarting: "running",
  queued: "queued",
  scheduled: "queued",
  upstream_failed: "upstream_failed",
  skipped: "skipped",
  removed: "skipped",
  deferred: "deferred",
  awaiting_input: "deferred",
  up_for_retry: "up_for_retry",
  up_for_reschedule: "deferred",
};
const BY_STATUS: Readonly<Record<string, State>> = {
  succeeded: "success",
  cached: "success",
  failed: "failed",
  cancelled: "failed",
  skipped: "skipped",
};
const MODELS = new Set(["skops", "xgboost", "lightgbm", "safetensors"]);

/** Airflow's state; where Airflow no longer has the run, what the event says. */
export function stateOf(state: string | null | undefined, status?: string | null): State {
  return STATES[state ?? ""] ?? BY_STATUS[status ?? ""] ?? "none";
}

export function kindOf(type: string, format: string): Kind {
  if (format === "arrow" || /DataFrame|\bTable$|Series$/.test(type)) return "table";
  if (format === "npy" || format === "npz" || /ndarray|Tensor$/.test(type)) return "array";
  if (format === "figure" || /Figure$/.test(type)) return "figure";
  if (MODELS.has(format)) return "model";
  if (format === "text") return "text";
  if (format === "directory") return "directory";
  if (format === "file" || format === "bytes") return "bytes";
  if (/^(sklearn|xgboost|lightgbm|torch|keras|catboost)\b/.test(type)) return "model";
  if (format === "" && /^(str|int|float|bool)$/.test(type)) return "value";
  if (format === "json") return /^(builtins\.)?(str|int|float|bool|NoneType)$/.test(type) ? "value" : "json";
  return /list|dict|tuple/.test(type) ? "json" : "bytes";
}

export function shortType(type: string): string {
  return type.split(".").at(-1) || type;
}

/** XCom's own word for what a function returned says nothing; its type does. */
export function artifactName(artifact: Pick<ArtifactFacts, "name" | "element" | "type">): string {
  const name = artifact.name === "return_value" ? shortType(artifact.type) : artifact.name;
  return `${name}${artifact.element ?? ""}`;
}

/** Its shape, written with the language's own digit groups; without one its size. */
export function detailOf(artifact: ArtifactFacts, write: (value: number) => string = String): string {
  const { shape } = artifact;
  if (!shape) return bytes(artifact.size);
  return shape
    .replaceAll("×", " × ")
    .replace(/\d+/g, (digits) => (digits.length < 16 ? write(Number(digits)) : digits));
}

export function metricText(metric: Metric, write: (value: number) => string): string {
  return `${metric.name} ${typeof metric.value === "number" ? write(metric.value) : plain(metric.value, 24)}`;
}

export function valueOf(
  artifact: GraphArtifact | ArtifactFacts,
  write: (value: number) => string,
): string | null {
  if ("has_value" in artifact && artifact.has_value) {
    return typeof artifact.value === "number" ? write(artifact.value) : plain(artifact.value, 28);
  }
  const metric = "metric" in artifact ? artifact.metric : null;
  return metric ? metricText(metric, write) : null;
}

export function toArtifact(
  artifact: GraphArtifact | ArtifactFacts,
  id: string,
  step: string | null,
  write: (value: number) => string,
): Artifact {
  return {
    id,
    step,
    name: artifactName(artifact),
    kind: kindOf(artifact.type, artifact.format),
    detail: detailOf(artifact, write),
    value: valueOf(artifact, write),
    count: null,
    missing: null,
    pickle: artifact.pickle ?? false,
  };
}

export function toExternal(external: ExternalFacts): Artifact {
  const tail =
    external.uri
      .replace(/[/?#]+$/, "")
      .split("/")
      .at(-1) || external.uri;
  return {
    id: external.id,
    step: null,
    name: tail,
    kind: "external",
    detail: external.version ?? external.uri,
    value: null,
    count: null,
    missing: null,
    pickle: false,
  };
}
