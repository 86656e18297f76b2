import { useState } from "react";
import { Link } from "react-router-dom";
import { api } from "../api/client";
import type { Attempt, StepFacts } from "../api/types";
import { useRead } from "../api/use";
import { PhaseBar, ProfileFacts } from "../charts/bars";
import { stateOf } from "../graph/facts";
import type { Step } from "../graph/model";
import { place } from "../host";
import { duration, plain } from "../ui/format";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";
import { ErrorNotice } from "../ui/page";
import { Facts, Section, StateIcon, backendIcon } from "../ui/parts";
import { AttemptList } from "./AttemptList";
import { changeOf, packagesOf, useBefore, type Before } from "./changes";
import { ArtifactChip, ExternalChip } from "./chips";
import { CodeSection } from "./CodeSection";
import { EnvironmentSection } from "./EnvironmentSection";
import { ErrorSections, FailureTag } from "./ErrorSections";
import { PanelFrame } from "./Frame";
import { MetricTable } from "./MetricTable";
import { imageAndJob } from "./where";

const PAGE = 100;

export function StepPanel({
  step,
  instances,
  onClose,
}: {
  step: Step;
  instances: readonly StepFacts[];
  onClose: () => void;
}) {
  const { t } = useLanguage();
  const interesting = instances.find((one) => stateOf(one.state, one.status) === "failed") ?? instances[0];
  const [chosen, choose] = useState<number | null>(null);
  const shown = instances.find((one) => one.map_index === chosen) ?? interesting;
  const mapIndex = shown?.map_index ?? step.mapIndex;
  const { data, error, again } = useRead(
    `task ${step.dagId} ${step.runId} ${step.taskId} ${mapIndex} ${shown?.state} ${shown?.event_id}`,
    (signal) => api.task(step.dagId, step.runId, step.taskId, mapIndex, signal),
  );
  const before = useBefore(step.dagId, step.runId);
  const attempt = data?.attempts[0];
  const state = shown ? stateOf(shown.state, shown.status) : step.state;
  const name = step.mapped && shown ? `${step.name}[${mapIndex}]` : step.name;
  const logPath = place.log(step.dagId, step.runId, step.taskId, mapIndex);
  return (
    <PanelFrame
      icon={<StateIcon state={state} label />}
      name={name}
      badge={
        <>
          {step.mapped && <span className="cnt">×{step.mapped.count}</span>}
          {step.cached && (
            <span className="tag">
              <Icon name="bolt" />
              {t("cached")}
            </span>
          )}
          {state === "failed" && <FailureTag failure={shown?.failure} />}
        </>
      }
      facts={factsLine(step, shown, t)}
      page={place.task(step.dagId, step.runId, step.taskId, mapIndex)}
      onClose={onClose}
    >
      {attempt && state === "failed" && <ErrorSections attempt={attempt} task={name} logPath={logPath} />}
      {step.mapped && <Instances step={step} instances={instances} chosen={mapIndex} onChoose={choose} />}
      {attempt ? (
        <AttemptSections
          attempt={attempt}
          before={before}
          step={step}
          mapIndex={mapIndex}
          logPath={logPath}
        />
      ) : (
        <Section title={t("status")}>
          {error && !data ? (
            <ErrorNotice error={error} again={again} />
          ) : (
            <span className="muted">{data ? t("emptyTaskText") : "…"}</span>
          )}
        </Section>
      )}
      {data && data.attempts.length > 1 && (
        <Section title={t("attempts")}>
          <AttemptList attempts={data.attempts} />
        </Section>
      )}
    </PanelFrame>
  );
}

function factsLine(step: Step, shown: StepFacts | undefined, t: ReturnType<typeof useLanguage>["t"]): string {
  const parts = [
    step.mapped ? t("mappedStep") : step.target ? t("step") : t("plainTask"),
    t(shown ? stateOf(shown.state, shown.status) : step.state),
  ];
  if (shown?.try_number) parts.push(t("tryN", { n: shown.try_number }));
  if (shown?.duration_s != null) parts.push(duration(shown.duration_s));
  return parts.join(" · ");
}

function AttemptSections(props: {
  attempt: Attempt;
  before: Before | null;
  step: Step;
  mapIndex: number;
  logPath: string;
}) {
  const { attempt, before, step, mapIndex } = props;
  const { t, figure } = useLanguage();
  const change = changeOf(before, step.taskId, mapIndex);
  const params = Object.entries(attempt.params ?? {});
  const metrics = attempt.metrics ?? [];
  const known = (change?.metrics ?? []).map((one) => ({ name: one.name, value: one.a }));
  return (
    <>
      {metrics.length > 0 && (
        <Section title={t("metrics")}>
          <MetricTable metrics={metrics} before={known} />
        </Section>
      )}
      <Section title={t("where")}>
        <Facts
          rows={[
            [
              t("target"),
              <span key="t" className="row" style={{ gap: 6 }}>
                <Icon name={backendIcon(attempt.target ?? null)} />
                {attempt.target ?? t("task")}
              </span>,
            ],
            [
              t("operator"),
              <span key="o" className="mono">
                {attempt.operator}
              </span>,
            ],
            ...imageAndJob(attempt, t),
          ]}
        />
      </Section>
      <Section title={t("time")} right={duration(attempt.duration_s)}>
        <PhaseBar timings={attempt.timings ?? {}} />
      </Section>
      {Object.keys({ ...attempt.profile, ...attempt.requested }).length > 0 && (
        <Section title={t("used")}>
          <ProfileFacts attempt={attempt} />
        </Section>
      )}
      {params.length > 0 && (
        <Section title={t("parameters")}>
          <dl className="kv">
            {params.map(([name, value]) => (
              <div key={name} style={{ display: "contents" }}>
                <dt className="mono">{name}</dt>
                <dd>
                  <span className="mono wrap">
                    {typeof value === "number" ? figure(value) : plain(value, 300)}
                  </span>
                  {change?.params?.some((one) => one.name === name) && (
                    <span className="tag info">{t("changed")}</span>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <CodeSection
        attempt={attempt}
        dag={step.dagId}
        run={step.runId}
        task={step.taskId}
        mapIndex={mapIndex}
        before={before}
        changed={change?.code != null}
      />
      <EnvironmentSection attempt={attempt} changes={packagesOf(change)} />
      <Section title={t("inputs")}>
        <div className="rows">
          {(attempt.inputs ?? []).slice(0, 20).map((input, n) => (
            <div key={n} className="row" style={{ gap: 6 }}>
              <span className="mono muted">{input.param ?? "xcom_pull"}</span>
              <ArtifactChip artifact={input.artifact} detail />
            </div>
          ))}
          {(attempt.external_inputs ?? []).map((external) => (
            <ExternalChip key={external.id} external={external} />
          ))}
          {!(attempt.inputs ?? []).length && !(attempt.external_inputs ?? []).length && (
            <span className="subtle">{t("noInputs")}</span>
          )}
        </div>
      </Section>
      <Section title={t("log")}>
        <Link className="btn small" to={props.logPath}>
          <Icon name="log" />
          {t("openLog")}
        </Link>
      </Section>
    </>
  );
}

function Instances(props: {
  step: Step;
  instances: readonly StepFacts[];
  chosen: number;
  onChoose: (index: number) => void;
}) {
  const { t } = useLanguage();
  const [page, setPage] = useState(0);
  const pages = Math.ceil(props.instances.length / PAGE);
  const shown = props.instances.slice(page * PAGE, (page + 1) * PAGE);
  return (
    <Section title={t("instancesOf", { n: props.step.mapped?.count ?? 0 })}>
      <div
        className="cellrow"
        role="group"
        aria-label={t("instancesOf", { n: props.step.mapped?.count ?? 0 })}
      >
        {shown.map((one) => {
          const state = stateOf(one.state, one.status);
          return (
            <button
              key={one.id}
              type="button"
              className={`s-${state}`}
              aria-pressed={one.map_index === props.chosen}
              style={
                one.map_index === props.chosen
                  ? { outline: "2px solid var(--accent-line)", outlineOffset: 1 }
                  : undefined
              }
              aria-label={`${one.map_index}, ${t(state)}`}
              title={`${t(state)} · ${duration(one.duration_s)}`}
              onClick={() => props.onChoose(one.map_index)}
            >
              <Icon name={state === "success" ? "check" : state === "failed" ? "x" : "dash"} />
              {one.map_index}
            </button>
          );
        })}
      </div>
      {pages > 1 && (
        <div className="row" style={{ marginTop: 8 }}>
          <button type="button" className="btn small" disabled={page === 0} onClick={() => setPage(page - 1)}>
            {t("previousPage")}
          </button>
          <button
            type="button"
            className="btn small"
            disabled={page >= pages - 1}
            onClick={() => setPage(page + 1)}
          >
            {t("nextPage")}
          </button>
          <span className="muted small num">
            {page + 1} / {pages}
          </span>
        </div>
      )}
    </Section>
  );
}
