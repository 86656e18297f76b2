/** Reading from the API. Addresses follow the host's base URL. */

import type {
  ArtifactPage,
  CodeListing,
  Comparison,
  Counts,
  Facets,
  IndexStatus,
  Preview,
  Problem,
  RunGraph,
  RunTable,
  Search,
  TaskInstance,
  TraceGraph,
} from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Query = Readonly<Record<string, string | number | readonly string[] | null | undefined>>;

const PATIENCE_MS = 30_000;

export function address(path: string, query: Query = {}): string {
  const url = new URL(`lading/api/v1/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") url.searchParams.append(name, String(one));
    }
  }
  return url.href;
}

async function read<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(address(path, query), {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const type = answer.headers.get("content-type") ?? "";
  // the host answers unknown addresses with its own page and status 200
  if (!type.includes("json")) throw new ApiError(answer.status, "no_api", `${answer.status} ${type}`);
  const body: unknown = await answer.json();
  if (!answer.ok) {
    const problem = body as Partial<Problem>;
    throw new ApiError(answer.status, problem.code ?? "internal", problem.detail ?? answer.statusText);
  }
  return body as T;
}

const part = encodeURIComponent;
const ofRun = (dag: string, run: string) => `dags/${part(dag)}/runs/${part(run)}`;

export const api = {
  graph: (dag: string, run: string, signal?: AbortSignal) =>
    read<RunGraph>(`${ofRun(dag, run)}/graph`, {}, signal),
  task: (dag: string, run: string, task: string, map_index: number, signal?: AbortSignal) =>
    read<TaskInstance>(`${ofRun(dag, run)}/tasks/${part(task)}`, { map_index }, signal),
  code: (dag: string, run: string, task: string, map_index: number, signal?: AbortSignal) =>
    read<CodeListing>(`${ofRun(dag, run)}/tasks/${part(task)}/code`, { map_index }, signal),
  runs: (dag: string, limit: number, cursor: string | null, signal?: AbortSignal) =>
    read<RunTable>(`dags/${part(dag)}/runs`, { limit, cursor }, signal),
  compare: (dag: string, run_a: string, run_b: string, signal?: AbortSignal) =>
    read<Comparison>(`dags/${part(dag)}/compare`, { run_a, run_b }, signal),
  search: (query: Query, signal?: AbortSignal) => read<Search>("artifacts", query, signal),
  counts: (query: Query, signal?: AbortSignal) => read<Counts>("artifacts/counts", query, signal),
  facets: (signal?: AbortSignal) => read<Facets>("artifacts/facets", {}, signal),
  artifact: (id: string, signal?: AbortSignal) => read<ArtifactPage>(`artifacts/${part(id)}`, {}, signal),
  ancestry: (id: string, depth: number, signal?: AbortSignal) =>
    read<TraceGraph>(`artifacts/${part(id)}/ancestry`, { depth }, signal),
  descendants: (id: string, depth: number, signal?: AbortSignal) =>
    read<TraceGraph>(`artifacts/${part(id)}/descendants`, { depth }, signal),
  preview: (id: string, signal?: AbortSignal) => read<Preview>(`artifacts/${part(id)}/preview`, {}, signal),
  index: (signal?: AbortSignal) => read<IndexStatus>("index", {}, signal),
  downloadAddress: (id: string) => address(`artifacts/${part(id)}/download`),
};
