/** A run against the run of the same DAG before it. */

import { api } from "../api/client";
import type { Comparison, TaskChange } from "../api/types";
import { useRead } from "../api/use";

export interface Before {
  readonly run: string;
  readonly time: string | null;
  readonly comparison: Comparison;
}

const LOOK_BACK = 200;

/** Null: there is no run before, or it is not known yet. */
export function useBefore(dag: string | null, run: string | null): Before | null {
  const key = dag && run ? `before ${dag} ${run}` : null;
  const { data } = useRead(key, async (signal): Promise<Before | "first"> => {
    const { runs } = await api.runs(dag!, LOOK_BACK, null, signal);
    const at = runs.findIndex((row) => row.run_id === run);
    const before = at < 0 ? undefined : runs[at + 1];
    if (!before) return "first";
    return {
      run: before.run_id,
      time: before.logical_date ?? before.started,
      comparison: await api.compare(dag!, before.run_id, run!, signal),
    };
  });
  return data === "first" ? null : data;
}

export function changeOf(before: Before | null, task: string, mapIndex: number): TaskChange | null {
  return before?.comparison.tasks.find((one) => one.task_id === task && one.map_index === mapIndex) ?? null;
}

export function packagesOf(change: TaskChange | null) {
  return (change?.environment ?? []).filter((one) => one.name.startsWith("package:"));
}
