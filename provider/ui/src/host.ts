/** Where things are in the host: Airflow's own pages, and our tabs in them. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router-dom";

const part = encodeURIComponent;

/** Route names of the plugin's places; the plugin declares the same. */
export const ROUTES = { nav: "lading", dag: "lading-dag", run: "lading-run", task: "lading-task" } as const;

const query = (values: Readonly<Record<string, string | null | undefined>>) => {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) found.set(name, value);
  const text = found.toString();
  return text ? `?${text}` : "";
};

const taskPath = (dag: string, run: string, task: string, mapIndex: number) =>
  `/dags/${part(dag)}/runs/${part(run)}/tasks/${part(task)}${mapIndex >= 0 ? `/mapped/${mapIndex}` : ""}`;

export const place = {
  dag: (dag: string, values = {}) => `/dags/${part(dag)}/plugin/${ROUTES.dag}${query(values)}`,
  run: (dag: string, run: string, values = {}) =>
    `/dags/${part(dag)}/runs/${part(run)}/plugin/${ROUTES.run}${query(values)}`,
  task: (dag: string, run: string, task: string, mapIndex = -1) =>
    `${taskPath(dag, run, task, mapIndex)}/plugin/${ROUTES.task}`,
  log: taskPath,
  artifact: (id: string, values = {}) => `/plugin/${ROUTES.nav}${query({ artifact: id, ...values })}`,
  search: (values = {}) => `/plugin/${ROUTES.nav}${query(values)}`,
};

type Changes = Readonly<Record<string, string | null>>;

/** What the address says after its question mark; everything of a page that can be shared is there. */
export function useAddress() {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (changes: Changes, push = false) => {
      setParams(
        (was) => {
          const next = new URLSearchParams(was);
          for (const [name, value] of Object.entries(changes)) {
            if (value === null || value === "") next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: !push, preventScrollReset: true },
      );
    },
    [setParams],
  );
  return useMemo(() => ({ get: (name: string) => params.get(name), change }), [params, change]);
}
