import { Fragment, useState } from "react";
import { stateOf } from "../../graph/facts";
import type { Folded } from "../../graph/fold";
import type { Artifact, Step } from "../../graph/model";
import type { Layout } from "../../graph/place";
import { NodeChip } from "../../panel/chips";
import { duration } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { StateWord, backendIcon } from "../../ui/parts";
import { SortHead, compareValues, useSorting } from "../../ui/sorting";

interface Props {
  readonly layout: Layout;
  readonly folded: Folded;
  readonly selected: string | null;
  readonly onSelect: (id: string | null) => void;
}

const KEYS: Readonly<Record<string, (step: Step) => unknown>> = {
  order: (step) => step.order,
  name: (step) => step.name,
  state: (step) => step.state,
  target: (step) => step.target,
  seconds: (step) => step.seconds,
};

/** The graph as a table: one row for each step; mapped steps open. */
export function StepTable({ layout, folded, selected, onSelect }: Props) {
  const { t } = useLanguage();
  const sorting = useSorting("order");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const key = KEYS[sorting.by]!;
  const steps = [...layout.graph.steps].sort((a, b) => compareValues(key(a), key(b), sorting.descending));
  const toggle = (id: string) =>
    setOpen((was) => new Set(was.has(id) ? [...was].filter((one) => one !== id) : [...was, id]));
  const pick = (artifact: Artifact) => onSelect(artifact.id);
  return (
    <div
      className="scroll grow"
      style={{ background: "var(--bg)" }}
      tabIndex={0}
      role="region"
      aria-label={t("steps")}
    >
      <table className="t" style={{ fontSize: 13 }}>
        <caption className="sr">{t("graphOfRun")}</caption>
        <thead>
          <tr>
            <SortHead sorting={sorting} by="name">
              {t("step")}
            </SortHead>
            <SortHead sorting={sorting} by="state">
              {t("status")}
            </SortHead>
            <SortHead sorting={sorting} by="target">
              {t("target")}
            </SortHead>
            <SortHead sorting={sorting} by="seconds" right>
              {t("duration")}
            </SortHead>
            <th scope="col">{t("inputs")}</th>
            <th scope="col">{t("outputs")}</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <Fragment key={step.id}>
              <tr className={step.id === selected ? "on" : ""} style={{ verticalAlign: "top" }}>
                <th scope="row" style={{ color: "inherit", fontSize: 13 }}>
                  <span className="row" style={{ gap: 4 }}>
                    {step.mapped ? (
                      <button
                        type="button"
                        className="btn tiny"
                        aria-expanded={open.has(step.id)}
                        aria-label={t("unfold", { name: step.name })}
                        onClick={() => toggle(step.id)}
                      >
                        <Icon name={open.has(step.id) ? "down" : "chevron"} />
                      </button>
                    ) : (
                      <span style={{ width: 24 }} />
                    )}
                    <button
                      type="button"
                      className="strong"
                      style={{ minHeight: 24 }}
                      onClick={() => onSelect(step.id)}
                    >
                      {step.name}
                    </button>
                    {step.mapped && <span className="cnt">×{step.mapped.count}</span>}
                  </span>
                </th>
                <td style={{ paddingTop: 8 }}>
                  <span className="row" style={{ gap: 6 }}>
                    <StateWord state={step.state} />
                    {step.cached && (
                      <span className="tag">
                        <Icon name="bolt" />
                        {t("cached")}
                      </span>
                    )}
                  </span>
                </td>
                <td style={{ paddingTop: 8 }}>
                  <span className="row" style={{ gap: 6 }}>
                    <Icon name={backendIcon(step.target)} size={14} />
                    {step.target ?? <span className="muted">{t("task")}</span>}
                  </span>
                </td>
                <td className="r" style={{ paddingTop: 8 }}>
                  {duration(step.seconds)}
                </td>
                <td>
                  {(layout.find.into.get(step.id) ?? []).map((edge) => {
                    const artifact = layout.find.artifacts.get(edge.from);
                    return (
                      artifact && (
                        <div key={edge.from + edge.param} className="row" style={{ minHeight: 27 }}>
                          <span className="mono muted" style={{ minWidth: 76 }}>
                            {edge.param ?? "xcom_pull"}
                          </span>
                          <NodeChip
                            kind={artifact.kind}
                            state={null}
                            name={artifact.name}
                            onClick={() => pick(artifact)}
                          />
                        </div>
                      )
                    );
                  })}
                </td>
                <td>
                  {(layout.find.outputs.get(step.id) ?? []).map((artifact) => (
                    <div key={artifact.id} className="row" style={{ minHeight: 27 }}>
                      <NodeChip
                        kind={artifact.kind}
                        state={null}
                        name={artifact.name}
                        onClick={() => pick(artifact)}
                      />
                      <span className="muted num">{artifact.value ?? artifact.detail}</span>
                    </div>
                  ))}
                </td>
              </tr>
              {open.has(step.id) &&
                (folded.instances.get(step.id) ?? []).map((one) => (
                  <tr key={one.id}>
                    <td style={{ paddingLeft: 40 }}>
                      {step.name}[{one.map_index}]
                    </td>
                    <td>
                      <StateWord state={stateOf(one.state, one.status)} />
                    </td>
                    <td>{one.target}</td>
                    <td className="r">{duration(one.duration_s)}</td>
                    <td colSpan={2} className="muted">
                      {(one.metrics ?? [])
                        .map((metric) => `${metric.name} ${String(metric.value)}`)
                        .join(" · ")}
                    </td>
                  </tr>
                ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
