/** What differs between two runs, one box for each kind. */

import type { ReactNode } from "react";
import { api } from "../../api/client";
import type { Comparison, TaskChange } from "../../api/types";
import { useRead } from "../../api/use";
import { ArtifactChip } from "../../panel/chips";
import { Change } from "../../panel/MetricTable";
import { entryFile } from "../../panel/CodeSection";
import { Code, diffLines } from "../../ui/code";
import { duration, plain, shortDigest } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { outsideInputs, taskName, type Summary } from "./summary";

function Box({ title, right, children }: { title: string; right?: ReactNode; children: ReactNode }) {
  return (
    <section className="card box" aria-label={title}>
      <header>
        <h3 style={{ fontSize: 13, fontWeight: 600 }}>{title}</h3>
        <span className="grow" />
        <span className="small">{right}</span>
      </header>
      {children}
    </section>
  );
}

export function SameTag({ same }: { same: boolean }) {
  const { t } = useLanguage();
  return (
    <span className={`tag ${same ? "" : "info"}`}>
      <Icon name={same ? "equal" : "differ"} />
      {same ? t("same") : t("different")}
    </span>
  );
}

const METRIC_ROWS = 30;

export function MetricsBox({ comparison, only }: { comparison: Comparison; only: boolean }) {
  const { t, figure } = useLanguage();
  const all = comparison.tasks.flatMap((task) => (task.metrics ?? []).map((metric) => ({ task, metric })));
  const twice = (name: string) => all.filter((one) => one.metric.name === name).length > 1;
  const shown = all
    .filter(({ metric }) => !only || metric.a !== metric.b)
    .sort(
      (x, y) =>
        Number(y.metric.better !== null) - Number(x.metric.better !== null) ||
        x.task.map_index - y.task.map_index,
    );
  const write = (value: unknown) =>
    typeof value === "number" ? figure(value) : value == null ? "–" : plain(value, 24);
  return (
    <Box
      title={t("metrics")}
      right={t("nOfDiffer", { n: all.filter(({ metric }) => metric.a !== metric.b).length, m: all.length })}
    >
      {shown.length === 0 ? (
        <p className="muted">{t("noDifferences")}</p>
      ) : (
        <div
          style={{ maxHeight: 420, overflow: "auto" }}
          tabIndex={0}
          role="region"
          aria-label={t("metrics")}
        >
          <table className="t plain">
            <thead>
              <tr>
                <th scope="col">{t("metric")}</th>
                <td />
                <th scope="col" className="r">
                  A
                </th>
                <th scope="col" className="r">
                  B
                </th>
                <th scope="col" className="r">
                  {t("change")}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, METRIC_ROWS).map(({ task, metric }) => (
                <tr key={taskName(task) + metric.name}>
                  <td className="ell" style={{ maxWidth: 180 }} title={`${taskName(task)}.${metric.name}`}>
                    {twice(metric.name) && <span className="muted">{taskName(task)}.</span>}
                    {metric.name}
                  </td>
                  <td style={{ padding: 0 }}>
                    <Dumbbell a={metric.a} b={metric.b} better={metric.better === "b"} />
                  </td>
                  <td className="r muted">{write(metric.a)}</td>
                  <td className="r strong">{write(metric.b)}</td>
                  <td className="r">
                    <Change from={metric.a} to={metric.b} higherIsBetter={metric.higher_is_better} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length > METRIC_ROWS && (
        <p className="muted small">{t("more", { n: shown.length - METRIC_ROWS })}</p>
      )}
    </Box>
  );
}

/** A as a ring, B as a disc, on a scale that holds both. */
function Dumbbell({ a, b, better }: { a: unknown; b: unknown; better: boolean }) {
  if (typeof a !== "number" || typeof b !== "number") return null;
  const W = 130;
  const pad = Math.abs(a - b) * 0.6 || Math.abs(a) * 0.1 || 1;
  const [low, high] = [Math.min(a, b) - pad, Math.max(a, b) + pad];
  const x = (value: number) => 8 + ((value - low) / (high - low)) * (W - 16);
  return (
    <svg width={W} height="16" aria-hidden="true" style={{ display: "block" }}>
      <line x1="0" x2={W} y1="8" y2="8" stroke="var(--border)" />
      <line
        x1={x(a)}
        x2={x(b)}
        y1="8"
        y2="8"
        stroke={better ? "var(--success)" : "var(--edge)"}
        strokeWidth="3"
      />
      <circle cx={x(a)} cy="8" r="4.5" fill="var(--card)" stroke="var(--ink)" strokeWidth="2" />
      <circle cx={x(b)} cy="8" r="5" fill="var(--accent)" />
    </svg>
  );
}

export function CodeBox({
  comparison,
  summary,
  dagId,
}: {
  comparison: Comparison;
  summary: Summary;
  dagId: string;
}) {
  const { t } = useLanguage();
  const tasks = new Set(comparison.tasks.map((task) => task.task_id)).size;
  return (
    <Box title={t("code")} right={t("nOfDiffer", { n: summary.code.length, m: tasks })}>
      {summary.code.length === 0 && <p className="muted">{t("noDifferences")}</p>}
      {summary.code.map((task) => (
        <TaskDiff
          key={task.task_id}
          dagId={dagId}
          task={task}
          a={comparison.a.run_id}
          b={comparison.b.run_id}
        />
      ))}
    </Box>
  );
}

function TaskDiff({ dagId, task, a, b }: { dagId: string; task: TaskChange; a: string; b: string }) {
  const { t } = useLanguage();
  const read = (run: string) => (signal: AbortSignal) =>
    api.code(dagId, run, task.task_id, task.map_index, signal);
  const old = useRead(`code ${dagId} ${a} ${taskName(task)}`, read(a));
  const now = useRead(`code ${dagId} ${b} ${taskName(task)}`, read(b));
  const file = now.data && entryFile(now.data);
  const was = file && old.data?.files.find((one) => one.path === file.path);
  const lines = was ? diffLines(was.text, file.text) : null;
  return (
    <div style={{ marginBottom: 8 }}>
      <div className="row small muted" style={{ marginBottom: 4 }}>
        <span className="mono">{task.task_id}</span>
        {file && <span className="mono">{file.path}</span>}
      </div>
      {lines ? (
        <Code lines={lines} label={`${t("code")} ${task.task_id}`} />
      ) : (
        <p className="small">
          <span className="mono">{shortDigest(String(task.code?.a))}</span> →{" "}
          <span className="mono">{shortDigest(String(task.code?.b))}</span>
        </p>
      )}
    </div>
  );
}

const MANY = 40;

export function OutputsBox({ comparison, only }: { comparison: Comparison; only: boolean }) {
  const { t } = useLanguage();
  const all = comparison.tasks.flatMap((task) => task.outputs ?? []);
  const groups = [all.filter((output) => !output.same), all.filter((output) => output.same)] as const;
  return (
    <Box title={t("outputs")} right={t("identicalByDigest", { n: groups[1].length, m: all.length })}>
      {groups.map((outputs, n) =>
        outputs.length && !(only && n === 1) ? (
          <div key={n} className="row" style={{ alignItems: "start", marginTop: n ? 8 : 0 }}>
            <span style={{ width: 88, flex: "none" }}>
              <SameTag same={n === 1} />
            </span>
            <span className="flow">
              {outputs.slice(0, MANY).map((output) => {
                const side = output.b ?? output.a;
                return side && <ArtifactChip key={side.id} artifact={side} />;
              })}
              {outputs.length > MANY && (
                <span className="muted">{t("more", { n: outputs.length - MANY })}</span>
              )}
            </span>
          </div>
        ) : null,
      )}
    </Box>
  );
}

function Sides({ rows }: { rows: readonly { key: string; name: ReactNode; a: unknown; b: unknown }[] }) {
  const { figure } = useLanguage();
  const write = (value: unknown) =>
    typeof value === "number" ? figure(value) : value == null ? "–" : plain(value, 40);
  return (
    <table className="t plain">
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td className="mono">{row.name}</td>
            <td
              className="r mono muted"
              style={{ maxWidth: 150, overflow: "hidden", textOverflow: "ellipsis" }}
              title={plain(row.a, 400)}
            >
              {write(row.a)}
            </td>
            <td
              className="r mono"
              style={{ fontWeight: 700, maxWidth: 150, overflow: "hidden", textOverflow: "ellipsis" }}
              title={plain(row.b, 400)}
            >
              {write(row.b)}
            </td>
            <td className="r">
              <SameTag same={false} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ParametersBox({ summary }: { summary: Summary }) {
  const { t } = useLanguage();
  return (
    <Box
      title={t("parameters")}
      right={summary.params.length ? t("nParameters", { n: summary.params.length }) : null}
    >
      {summary.params.length === 0 ? (
        <p className="muted">{t("noDifferences")}</p>
      ) : (
        <Sides
          rows={summary.params.slice(0, MANY).map(({ task, change }) => ({
            key: task + change.name,
            name: (
              <>
                <span className="muted">{task}.</span>
                {change.name}
              </>
            ),
            a: change.a,
            b: change.b,
          }))}
        />
      )}
    </Box>
  );
}

export function EnvironmentBox({ summary }: { summary: Summary }) {
  const { t } = useLanguage();
  const rows = summary.environment.filter(({ change }) => change.name !== "digest");
  return (
    <Box
      title={t("environment")}
      right={summary.packages.length ? t("packagesDiffer", { n: summary.packages.length }) : null}
    >
      {rows.length === 0 ? (
        <p className="muted">{t("noDifferences")}</p>
      ) : (
        <Sides
          rows={rows.slice(0, MANY).map(({ task, change }) => ({
            key: task + change.name,
            name: change.name.replace(/^package:/, ""),
            a: change.a,
            b: change.b,
          }))}
        />
      )}
    </Box>
  );
}

export function InputsBox({ comparison, only }: { comparison: Comparison; only: boolean }) {
  const { t } = useLanguage();
  const inputs = outsideInputs(comparison).filter((input) => !only || !input.same);
  if (!inputs.length) return null;
  return (
    <Box title={t("inputs")} right={t("outsideInputs")}>
      <div className="rows">
        {inputs.slice(0, MANY).map((input) => {
          const side = input.b ?? input.a;
          return (
            side && (
              <div key={side.id + input.name} className="row">
                <ArtifactChip artifact={side} detail />
                <span className="mono muted ell">{input.name}</span>
                <span className="grow" />
                <SameTag same={input.same} />
              </div>
            )
          );
        })}
      </div>
    </Box>
  );
}

export function ResourcesBox({ comparison }: { comparison: Comparison }) {
  const { t } = useLanguage();
  const length = ({ started, ended }: Comparison["a"]) =>
    started && ended ? (Date.parse(ended) - Date.parse(started)) / 1000 : null;
  const slow = comparison.tasks
    .filter((task) => typeof task.duration_s?.delta === "number")
    .sort((x, y) => Math.abs(y.duration_s?.delta ?? 0) - Math.abs(x.duration_s?.delta ?? 0))
    .slice(0, 4);
  const rows = [
    { key: "run", name: t("duration"), a: length(comparison.a), b: length(comparison.b) },
    ...slow.map((task) => ({
      key: taskName(task),
      name: taskName(task),
      a: task.duration_s?.a,
      b: task.duration_s?.b,
    })),
  ];
  return (
    <Box title={t("resources")}>
      <table className="t plain">
        <tbody>
          {rows.map((row) => {
            const [a, b] = [Number(row.a), Number(row.b)];
            return (
              <tr key={row.key}>
                <td>{row.name}</td>
                <td className="r muted">{duration(row.a == null ? null : a)}</td>
                <td className="r strong">{duration(row.b == null ? null : b)}</td>
                <td className="r">
                  {row.a != null && row.b != null && (
                    <span className="tag">
                      <Icon name={b >= a ? "rise" : "drop"} />
                      {b >= a ? "+" : "−"}
                      {duration(Math.abs(b - a))}
                    </span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Box>
  );
}
