/** Graphs for the tests: small ones by hand, large ones from a seed. */

import type { Artifact, Edge, Graph, Step } from "../src/graph/model";

export function step(id: string, more: Partial<Step> = {}): Step {
  return {
    id,
    name: id,
    dagId: "d",
    runId: "r",
    taskId: id,
    mapIndex: -1,
    band: null,
    target: "local",
    backend: "local",
    state: "success",
    seconds: 1,
    cached: false,
    order: 0,
    mapped: null,
    upstream: [],
    ...more,
  };
}

export function artifact(id: string, maker: string | null, more: Partial<Artifact> = {}): Artifact {
  return {
    id,
    step: maker,
    name: id,
    kind: "table",
    detail: "",
    value: null,
    count: null,
    missing: null,
    pickle: false,
    ...more,
  };
}

export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** A random acyclic graph: each step makes one to three artifacts and reads some of earlier steps. */
export function randomGraph(seed: number, size: number, bands = 1): Graph {
  const next = random(seed);
  const steps: Step[] = [];
  const artifacts: Artifact[] = [];
  const edges: Edge[] = [];
  for (let n = 0; n < size; n += 1) {
    const id = `s${n}`;
    steps.push(
      step(id, {
        order: n,
        band: bands > 1 ? `b${n % bands}` : null,
        mapped: next() < 0.2 ? { count: 8, states: [] } : null,
      }),
    );
    const reads = new Set(
      Array.from({ length: Math.min(n, 1 + Math.floor(next() * 3)) }, () =>
        Math.floor(next() * artifacts.length),
      ),
    );
    for (const read of reads) edges.push({ from: artifacts[read]!.id, to: id, param: "p" });
    for (let k = 0; k <= Math.floor(next() * 3); k += 1) artifacts.push(artifact(`${id}/a${k}`, id));
  }
  artifacts.push(artifact("outside", null));
  edges.push({ from: "outside", to: "s0", param: "uri" });
  return { steps, artifacts, edges };
}
