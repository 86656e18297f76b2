/** Where things are in the host: Airflow's own pages, and our tabs in them. */

import { useMemo, useSyncExternalStore } from "react";
import { useLocation } from "react-router-dom";

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

const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

function change(changes: Changes, push = false) {
  const next = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  const url = `${window.location.pathname}${text ? `?${text}` : ""}${window.location.hash}`;
  const state = window.history.state as { idx?: number } | null;
  if (push) {
    // the host's router numbers its entries
    window.history.pushState(
      { ...state, key: Math.random().toString(36).slice(2, 10), idx: (state?.idx ?? 0) + 1 },
      "",
      url,
    );
  } else window.history.replaceState(state, "", url);
  listeners.forEach((listener) => listener());
}

/**
 * What the address says after its question mark; everything of a page that can be shared is there.
 *
 * It is changed beside the host's router: for any change that the router makes, Airflow mounts the page anew.
 */
export function useAddress() {
  useLocation(); // what the router changes is seen, too
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  return useMemo(() => {
    const params = new URLSearchParams(search);
    return { get: (name: string) => params.get(name), change };
  }, [search]);
}
