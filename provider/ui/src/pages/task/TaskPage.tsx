import { Fragment } from "react";
import { api } from "../../api/client";
import type { Attempt, Metric, TaskChange, TaskInstance } from "../../api/types";
import { Together } from "../../api/together";
import { useRead } from "../../api/use";
import { AttemptBars, PhaseBar, ProfileFacts } from "../../charts/bars";
import { stateOf } from "../../graph/facts";
import { place } from "../../host";
import { AttemptList } from "../../panel/AttemptList";
import { changeOf, packagesOf, useBefore } from "../../panel/changes";
import { ExternalChip } from "../../panel/chips";
import { Source } from "../../panel/CodeSection";
import { EnvironmentSection } from "../../panel/EnvironmentSection";
import { ErrorSections } from "../../panel/ErrorSections";
import { Change } from "../../panel/MetricTable";
import { imageAndJob } from "../../panel/where";
import { duration, plain } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { CatalogueLink, ErrorMessage } from "../../ui/page";
import { DigestText, Facts, KindIcon, Message, StateIcon, backendIcon } from "../../ui/parts";

import { Io, Producer, UsedBy } from "./Io";

const ONGOING = new Set([
  "running",
  "queued",
  "deferred",
  "scheduled",
  "up_for_retry",
  "up_for_reschedule",
  "restarting",
]);
const PREVIEWS = 6;

export function TaskPage(props: { dagId: string; runId: string; taskId: string; mapIndex: number }) {
  const { dagId, runId, taskId, mapIndex } = props;
  const { t } = useLanguage();
  const { data, error, again } = useRead(
    `task ${dagId} ${runId} ${taskId} ${mapIndex}`,
    (signal) => api.task(dagId, runId, taskId, mapIndex, signal),
    (task) => Boolean(task.behind) || ONGOING.has(task.step.state ?? ""),
  );
  if (error && !data)
    return (
      <Center>
        <ErrorMessage error={error} again={again} />
      </Center>
    );
  if (!data) return <Loading />;
  const attempt = data.attempts[0];
  if (!attempt) {
    return (
      <Center>
        <Message icon="lineage" title={t("emptyTask")} text={t("emptyTaskText")}>
          <CatalogueLink />
        </Message>
      </Center>
    );
  }
  return (
    <Together meanwhile={<Loading />}>
      <Bill task={data} attempt={attempt} />
    </Together>
  );
}

function Loading() {
  const { t } = useLanguage();
  return (
    <Center>
      <div role="status" aria-label={t("loading")} className="bill" style={{ paddingTop: 34 }}>
        {[0, 1, 2].map((n) => (
          <Fragment key={n}>
            <div className="sk" style={{ height: 180 }} />
            {n < 2 && <i />}
          </Fragment>
        ))}
      </div>
    </Center>
  );
}

function Center({ children }: { children: React.ReactNode }) {
  return <div style={{ position: "relative", minHeight: 360, flex: 1 }}>{children}</div>;
}

/** The bill of lading: what went in, the step, what came out. */
function Bill({ task, attempt }: { task: TaskInstance; attempt: Attempt }) {
  const { t } = useLanguage();
  const { step } = task;
  const before = useBefore(step.dag_id, step.run_id);
  const change = changeOf(before, step.task_id, step.map_index);
  const inputs = attempt.inputs ?? [];
  const outputs = attempt.outputs ?? [];
  const externalIn = attempt.external_inputs ?? [];
  const externalOut = attempt.external_outputs ?? [];
  const name = step.label + (step.map_index >= 0 ? `[${step.map_index}]` : "");
  const logPath = place.log(step.dag_id, step.run_id, step.task_id, step.map_index);
  return (
    <div className="page" style={{ padding: "14px 0 24px", gap: 14 }}>
      {attempt.error && (
        <section className="card box" aria-label={t("failed")}>
          <ErrorSections attempt={attempt} task={name} logPath={logPath} />
        </section>
      )}
      <div className="bill">
        <section aria-label={t("inputs")}>
          <h3>{t("nInputs", { n: inputs.length + externalIn.length })}</h3>
          {inputs.map((input, n) => {
            const same = change?.inputs?.find((one) => one.name === input.param)?.same;
            return (
              <Io
                key={n}
                artifact={input.artifact}
                preview={n < PREVIEWS}
                as={input.param ?? "xcom_pull"}
                foot={() => (
                  <>
                    <span className="muted">{t("from")}</span>
                    <Producer artifact={input.artifact} dag={step.dag_id} run={step.run_id} />
                    <span className="grow" />
                    {same !== undefined && before && (
                      <span className={`tag ${same ? "" : "info"}`}>
                        <Icon name={same ? "equal" : "differ"} />
                        {same ? t("sameAsBefore") : t("changed")}
                      </span>
                    )}
                  </>
                )}
              />
            );
          })}
          {externalIn.map((external) => (
            <div key={external.id} className="card io">
              <ExternalChip external={external} />
            </div>
          ))}
          {!inputs.length && !externalIn.length && <p className="subtle">{t("noInputs")}</p>}
        </section>
        <div className="arrow" aria-hidden="true">
          <Icon name="arrow" size={20} />
        </div>
        <section aria-label={t("step")}>
          <h3>{t("step")}</h3>
          <StepCard task={task} attempt={attempt} />
          <Params attempt={attempt} change={change} />
          <div style={{ marginTop: 10 }}>
            {attempt.code.digest && (
              <Source
                attempt={attempt}
                dag={step.dag_id}
                run={step.run_id}
                task={step.task_id}
                mapIndex={step.map_index}
                before={before}
                changed={change?.code != null}
              />
            )}
            <div className="flow small" style={{ marginTop: 6 }}>
              {before && change && (
                <span className={`tag ${change.code ? "info" : ""}`}>
                  <Icon name={change.code ? "differ" : "equal"} />
                  {change.code ? t("codeChanged") : t("codeSame")}
                </span>
              )}
              {packagesOf(change).length > 0 && (
                <span className="tag info">{t("packagesDiffer", { n: packagesOf(change).length })}</span>
              )}
              {attempt.code.digest && <DigestText digest={attempt.code.digest} />}
            </div>
          </div>
          <div className="card" style={{ marginTop: 10, padding: "0 14px" }}>
            <EnvironmentSection attempt={attempt} changes={packagesOf(change)} />
          </div>
        </section>
        <div className="arrow" aria-hidden="true">
          <Icon name="arrow" size={20} />
        </div>
        <section aria-label={t("outputs")}>
          <h3>{t("nOutputs", { n: outputs.length + externalOut.length })}</h3>
          {(attempt.metrics ?? []).length > 0 && <Metrics metrics={attempt.metrics ?? []} change={change} />}
          {outputs.map((artifact, n) => (
            <Io
              key={artifact.id}
              artifact={artifact}
              preview={n < PREVIEWS}
              as={t("returned", {
                name: artifact.name === "return_value" ? "" : artifact.name + (artifact.element ?? ""),
              })}
              foot={(page) => <UsedBy page={page} />}
            />
          ))}
          {externalOut.map((external) => (
            <div key={external.id} className="card io">
              <ExternalChip external={external} />
            </div>
          ))}
          {!outputs.length && !externalOut.length && <p className="subtle">{t("noOutputs")}</p>}
        </section>
      </div>
      <Attempts task={task} />
    </div>
  );
}

function StepCard({ task, attempt }: { task: TaskInstance; attempt: Attempt }) {
  const { t } = useLanguage();
  const state = stateOf(task.step.state, task.step.status);
  return (
    <div className={`card stepcard s-${state}`}>
      <div className="row" style={{ fontWeight: 600, fontSize: 15 }}>
        <StateIcon state={state} label />
        <span className="ell">
          {task.step.label}
          {task.step.map_index >= 0 && `[${task.step.map_index}]`}
        </span>
        {task.step.cached && (
          <span className="tag">
            <Icon name="bolt" />
            {t("cached")}
          </span>
        )}
        <span className="grow" />
        <span className="muted num" style={{ fontWeight: 400, fontSize: 12 }}>
          {duration(attempt.duration_s)}
        </span>
      </div>
      <div style={{ marginTop: 10 }}>
        <Facts
          rows={[
            [
              t("target"),
              <span key="t" className="row" style={{ gap: 6 }}>
                <Icon name={backendIcon(attempt.target ?? null)} />
                {attempt.target ?? t("task")} <span className="mono muted">{attempt.operator}</span>
              </span>,
            ],
            ...imageAndJob(attempt, t),
          ]}
        />
      </div>
      <div style={{ marginTop: 10 }}>
        <PhaseBar timings={attempt.timings ?? {}} />
      </div>
      <div style={{ marginTop: 10 }}>
        <ProfileFacts attempt={attempt} />
      </div>
    </div>
  );
}

function Params({ attempt, change }: { attempt: Attempt; change: TaskChange | null }) {
  const { t, figure } = useLanguage();
  const params = Object.entries(attempt.params ?? {});
  if (!params.length) return null;
  return (
    <div className="card box" style={{ marginTop: 10 }}>
      <header>{t("parameters")}</header>
      <dl className="kv">
        {params.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt className="mono">{name}</dt>
            <dd>
              <span className="mono wrap">
                {typeof value === "number" ? figure(value) : plain(value, 400)}
              </span>
              {change?.params?.some((one) => one.name === name) && (
                <span className="tag info">{t("changed")}</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Metrics({ metrics, change }: { metrics: readonly Metric[]; change: TaskChange | null }) {
  const { t, figure } = useLanguage();
  return (
    <div className="card io">
      <div className="row" style={{ marginBottom: 9 }}>
        <KindIcon kind="metrics" big />
        <span className="strong">{t("metrics")}</span>
      </div>
      <div className="metrics">
        {metrics.map((metric) => {
          const known = change?.metrics?.find((one) => one.name === metric.name);
          return (
            <div key={metric.name} className="metric">
              <span className="muted small wrap">{metric.name}</span>
              <b className="wrap">
                {typeof metric.value === "number" ? figure(metric.value) : plain(metric.value, 40)}
              </b>
              {known && <Change from={known.a} to={metric.value} higherIsBetter={metric.higher_is_better} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Attempts({ task }: { task: TaskInstance }) {
  const { t } = useLanguage();
  return (
    <section
      className="card box"
      style={{ display: "flex", gap: 28, flexWrap: "wrap" }}
      aria-label={t("attempts")}
    >
      <div style={{ width: 320, flex: "1 1 280px" }}>
        <header className="strong" style={{ marginBottom: 8 }}>
          {t("attempts")}
        </header>
        <AttemptList attempts={task.attempts} />
        {(task.more_attempts ?? 0) > 0 && (
          <p className="muted small">{t("more", { n: task.more_attempts ?? 0 })}</p>
        )}
      </div>
      <div style={{ flex: "2 1 420px", paddingTop: 4 }}>
        <AttemptBars attempts={task.attempts} />
      </div>
    </section>
  );
}
