import { useMemo, useState } from "react";
import { api } from "../../api/client";
import type { Column, RunRow, RunTable } from "../../api/types";
import { useRead } from "../../api/use";
import { RunChart, type Point } from "../../charts/runs";
import { stateOf } from "../../graph/facts";
import { useAddress } from "../../host";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { CatalogueLink, ErrorMessage } from "../../ui/page";
import { Button, Message } from "../../ui/parts";
import { CompareView } from "./CompareView";
import { cellValue, matchesAll, parse } from "./filter";
import { RunsTable } from "./RunsTable";

const SIZES = [25, 50, 100, 200];

export function DagPage({ dagId }: { dagId: string }) {
  const { t } = useLanguage();
  const address = useAddress();
  const limit = SIZES.find((size) => String(size) === address.get("runs")) ?? SIZES[0]!;
  const { data, error, again } = useRead(
    `runs ${dagId} ${limit}`,
    (signal) => api.runs(dagId, limit, null, signal),
    (table) => Boolean(table.behind) || table.runs.some((row) => row.state === "running"),
  );
  const [a, b] = [address.get("run_a"), address.get("run_b")];
  if (a && b && address.get("compare") === "1") return <CompareView dagId={dagId} a={a} b={b} table={data} />;
  if (error && !data)
    return (
      <Tall>
        <ErrorMessage error={error} again={again} />
      </Tall>
    );
  if (!data)
    return (
      <Tall>
        <div className="sk" role="status" aria-label={t("loading")} style={{ height: 172, marginTop: 60 }} />
      </Tall>
    );
  if (!data.runs.length) {
    return (
      <Tall>
        <Message icon="lineage" title={t("noRuns")} text={t("noRunsText")}>
          <CatalogueLink />
        </Message>
      </Tall>
    );
  }
  return <Runs table={data} limit={limit} />;
}

function Tall({ children }: { children: React.ReactNode }) {
  return <div style={{ position: "relative", minHeight: 420, flex: 1 }}>{children}</div>;
}

function Runs({ table, limit }: { table: RunTable; limit: number }) {
  const { t, figure, day, clock } = useLanguage();
  const address = useAddress();
  const [a, b] = [address.get("run_a"), address.get("run_b")];
  const metric =
    table.metrics.find((column) => column.key === address.get("metric")) ??
    bestMetric(table.metrics, table.runs);
  const words = address.get("filter") ?? "";
  const filter = useMemo(() => parse(words), [words]);
  const rows = table.runs.filter((row) => matchesAll(row, filter.conditions));
  const hidden = new Set((address.get("hide") ?? "").split(" ").filter(Boolean));
  const shown = (columns: readonly Column[]) => columns.filter((column) => !hidden.has(column.key));
  const changed = useMemo(() => codeChanges(table.runs), [table.runs]);

  const pick = (run: string) => {
    const order = (one: string | null) => table.runs.findIndex((row) => row.run_id === one);
    const picked = [a, b].filter((one): one is string => one !== null && one !== run);
    const next = picked.length === [a, b].filter(Boolean).length ? [...picked.slice(-1), run] : picked;
    // A is the older of the two
    const [first = null, second = null] = next.sort((x, y) => order(y) - order(x));
    address.change(next.length === 2 ? { run_a: first, run_b: second } : { run_a: null, run_b: first });
  };
  const oneDay =
    new Set(rows.map((row) => day(row.logical_date ?? row.started))).size < Math.min(3, rows.length);
  const points: Point[] = [...rows].reverse().map((row) => {
    const value = metric ? cellValue(row.metrics[metric.key]) : null;
    const tasks = changed.get(row.run_id) ?? [];
    return {
      id: row.run_id,
      label: oneDay ? clock(row.logical_date ?? row.started) : day(row.logical_date ?? row.started),
      value: typeof value === "number" ? value : null,
      failed: stateOf(row.state, row.status) === "failed",
      note: tasks.length
        ? t("codeOf", { names: tasks.slice(0, 2).join(", ") + (tasks.length > 2 ? " …" : "") })
        : null,
      pick: row.run_id === a ? "A" : row.run_id === b ? "B" : null,
    };
  });
  return (
    <div className="page" style={{ paddingBottom: 16 }}>
      <div className="tool" role="toolbar" aria-label={t("tools")} style={{ position: "relative" }}>
        <label className="field">
          <span>{t("metric")}</span>
          <select
            value={metric?.key ?? ""}
            onChange={(event) => address.change({ metric: event.target.value })}
          >
            {table.metrics.map((column) => (
              <option key={column.key} value={column.key}>
                {column.key}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>{t("runs")}</span>
          <select value={limit} onChange={(event) => address.change({ runs: event.target.value })}>
            {SIZES.map((size) => (
              <option key={size} value={size}>
                {t("lastRuns", { n: size })}
              </option>
            ))}
          </select>
        </label>
        <label className="field" style={{ width: 270 }}>
          <Icon name="filter" size={14} />
          <input
            type="search"
            value={words}
            placeholder={t("filterRuns")}
            aria-label={t("filterRuns")}
            onChange={(event) => address.change({ filter: event.target.value })}
          />
        </label>
        <ColumnPicker
          columns={[...table.params, ...table.metrics]}
          hidden={hidden}
          onChange={(hide) => address.change({ hide })}
        />
        <span className="grow" />
        {(a || b) && (
          <Button
            label={t("clear")}
            kind="ghost"
            onClick={() => address.change({ run_a: null, run_b: null })}
          />
        )}
        <Button
          icon="differ"
          label={a && b ? t("compareAB") : t("pickTwo")}
          kind="pri"
          disabled={!a || !b}
          onClick={() => address.change({ compare: "1" }, true)}
        />
      </div>
      {filter.wrong && (
        <p className="call warn" role="status" style={{ marginBottom: 8 }}>
          {t("filterWrong", { part: filter.wrong })}
        </p>
      )}
      <div className="card" style={{ padding: "8px 12px 4px 8px", flex: "none" }}>
        {metric ? (
          <RunChart points={points} metric={metric.key} onPick={pick} />
        ) : (
          <p className="muted" style={{ padding: 12 }}>
            {t("noMetrics")}
          </p>
        )}
      </div>
      {rows.length ? (
        <RunsTable
          dagId={table.dag_id}
          rows={rows}
          params={shown(table.params)}
          metrics={shown(table.metrics)}
          charted={metric?.key ?? null}
          changed={changed}
          a={a}
          b={b}
          onPick={pick}
          write={figure}
          clock={clock}
        />
      ) : (
        <Tall>
          <Message
            icon="filter"
            title={t("noRunsMatch")}
            text={t("noRunsMatchText", { n: table.runs.length })}
          >
            <Button label={t("clearFilter")} onClick={() => address.change({ filter: null })} />
          </Message>
        </Tall>
      )}
    </div>
  );
}

/** The metric that the chart begins with: with a declared direction, varying, one number a run, of the last task. */
export function bestMetric(metrics: readonly Column[], rows: readonly RunRow[]): Column | null {
  const single = (column: Column) => rows.every((row) => (row.metrics[column.key]?.count ?? 1) === 1);
  const last = metrics.at(-1)?.task_id;
  const rank = (column: Column) =>
    Number(column.higher_is_better != null) * 8 +
    Number(column.varies) * 4 +
    Number(single(column)) * 2 +
    Number(column.task_id === last);
  return [...metrics].sort((x, y) => rank(y) - rank(x))[0] ?? null;
}

/** Tasks whose code is another than in the run before. */
export function codeChanges(rows: readonly RunRow[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  rows.forEach((row, n) => {
    const before = rows[n + 1];
    if (!before) return;
    const tasks = Object.entries(row.code).flatMap(([task, digest]) => {
      const was = before.code[task];
      return was !== undefined && was !== digest ? [task] : [];
    });
    if (tasks.length) found.set(row.run_id, tasks);
  });
  return found;
}

function ColumnPicker({
  columns,
  hidden,
  onChange,
}: {
  columns: readonly Column[];
  hidden: ReadonlySet<string>;
  onChange: (hide: string) => void;
}) {
  const { t } = useLanguage();
  const [open, setOpen] = useState(false);
  const toggle = (key: string) =>
    onChange((hidden.has(key) ? [...hidden].filter((one) => one !== key) : [...hidden, key]).join(" "));
  return (
    <span style={{ position: "relative" }} onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
      <button type="button" className="btn" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="list" />
        {t("columns")}
        <span className="cnt">{columns.length - [...hidden].length}</span>
      </button>
      {open && (
        <div className="card columns" role="group" aria-label={t("columns")}>
          {columns.map((column) => (
            <label key={column.key} className="check">
              <input type="checkbox" checked={!hidden.has(column.key)} onChange={() => toggle(column.key)} />
              {column.key}
            </label>
          ))}
        </div>
      )}
    </span>
  );
}
