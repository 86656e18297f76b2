/** Two runs in one sentence, and each kind of difference in one list. Pure. */

import type { Change, Comparison, TaskChange } from "../../api/types";
import type { Language } from "../../i18n";

export interface Row {
  readonly task: string;
  readonly change: Change;
}

export interface Summary {
  readonly verdict: string;
  readonly direction: "better" | "worse" | "mixed" | "none";
  readonly changed: string;
  readonly code: readonly TaskChange[];
  readonly params: readonly Row[];
  readonly packages: readonly Change[];
  readonly environment: readonly Row[];
}

export function taskName(task: Pick<TaskChange, "task_id" | "map_index">): string {
  return task.map_index >= 0 ? `${task.task_id}[${task.map_index}]` : task.task_id;
}

export function summarize(comparison: Comparison, { t }: Language): Summary {
  const tasks = comparison.tasks;
  const judged = tasks.flatMap((task) => (task.metrics ?? []).filter((metric) => metric.better != null));
  const better = judged.filter((metric) => metric.better === "b").length;
  const worse = judged.filter((metric) => metric.better === "a").length;
  const m = judged.length;
  const direction = better && worse ? "mixed" : better ? "better" : worse ? "worse" : "none";
  const verdict = {
    better: t("betterOn", { n: better, m }),
    worse: t("worseOn", { n: worse, m }),
    mixed: t("mixedOn", { n: better, k: worse, m }),
    none: m ? t("metricsSame") : t("noDirection"),
  }[direction];

  const code = uniqueBy(
    tasks.filter((task) => task.code != null),
    (task) => task.task_id,
  );
  const params = tasks.flatMap((task) =>
    (task.params ?? []).map((change) => ({ task: taskName(task), change })),
  );
  const environment = uniqueBy(
    tasks.flatMap((task) => (task.environment ?? []).map((change) => ({ task: taskName(task), change }))),
    ({ change }) => JSON.stringify(change),
  );
  const packages = environment
    .map(({ change }) => change)
    .filter((change) => change.name.startsWith("package:"));
  const parts = [
    code.length ? t("codeOfSteps", { names: code.map((task) => task.task_id).join(", ") }) : "",
    params.length ? t("nParameters", { n: params.length }) : "",
    packages.length ? t("packages", { n: packages.length }) : "",
  ].filter(Boolean);
  // inputs that a changed step of the same run made differ as a consequence; only those from elsewhere are data
  const outside = outsideInputs(comparison);
  const data = outside.length
    ? outside.every((input) => input.same)
      ? t("dataSame")
      : t("dataDiffers")
    : "";
  const changed = parts.length
    ? `${t("changedList", { list: parts.join(", ") })} ${data}`
    : comparison.differences.inputs
      ? data
      : t("nothingChanged");
  return { verdict, direction, changed, code, params, packages, environment };
}

/** Inputs that neither of the two runs made itself. */
export function outsideInputs({ a, b, tasks }: Comparison) {
  const own = new Set([a.run_id, b.run_id]);
  const inputs = tasks.flatMap((task) => task.inputs ?? []);
  return inputs.filter((input) => [input.a, input.b].some((side) => side && !own.has(side.run_id)));
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}
