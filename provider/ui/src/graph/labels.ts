/** What a screen reader says of a node. */

import type { Language } from "../i18n";
import { duration } from "../ui/format";
import type { Artifact, Lookup, State, Step } from "./model";

export function stepLabel({ t }: Language, step: Step, find: Lookup): string {
  const facts: string[] = [];
  if (step.mapped) {
    const counts = new Map<State, number>();
    for (const state of step.mapped.states) counts.set(state, (counts.get(state) ?? 0) + 1);
    const parts = [...counts].map(([state, n]) => t("stateCount", { n, state: t(state) }));
    facts.push(t("mappedFacts", { n: step.mapped.count, parts: parts.join(", ") }));
  } else facts.push(t(step.state));
  if (step.cached) facts.push(t("cached"));
  facts.push(step.target ?? t("plainTask"));
  if (step.seconds !== null) facts.push(duration(step.seconds));
  const made = (find.outputs.get(step.id) ?? []).map((artifact) => artifact.name);
  const label = t("stepLabel", { name: step.name, facts: facts.join(", ") });
  return made.length ? `${label} ${t("makes", { names: made.join(", ") })}` : label;
}

export function artifactLabel({ t }: Language, artifact: Artifact): string {
  const detail = artifact.missing ? t(artifact.missing) : artifact.detail || (artifact.value ?? "");
  const label = t("artifactLabel", { kind: t(`kind_${artifact.kind}`), name: artifact.name, detail });
  return artifact.pickle ? `${label}, ${t("pickle")}` : label;
}
