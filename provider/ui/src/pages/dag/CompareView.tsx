import { api } from "../../api/client";
import type { Comparison, RunTable } from "../../api/types";
import { useRead } from "../../api/use";
import { runLabel } from "../../graph/bands";
import { useAddress } from "../../host";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { ErrorMessage } from "../../ui/page";
import { Button } from "../../ui/parts";
import { summarize, type Summary } from "./summary";

import {
  MetricsBox,
  CodeBox,
  OutputsBox,
  ParametersBox,
  EnvironmentBox,
  InputsBox,
  ResourcesBox,
} from "./CompareBoxes";

interface Props {
  readonly dagId: string;
  readonly a: string;
  readonly b: string;
  readonly table: RunTable | null;
}

export function CompareView({ dagId, a, b, table }: Props) {
  const language = useLanguage();
  const { t } = language;
  const address = useAddress();
  const { data, error, again } = useRead(`compare ${dagId} ${a} ${b}`, (signal) =>
    api.compare(dagId, a, b, signal),
  );
  const only = address.get("only") === "1";
  const runs = table?.runs.map((row) => row.run_id) ?? [];
  const choices = [...new Set([a, b, ...runs])];
  const label = (run: string) => {
    const row = table?.runs.find((one) => one.run_id === run);
    const time = row?.logical_date ?? row?.started;
    return time ? language.clock(time) : runLabel(run, language.clock);
  };
  const chooser = (side: "A" | "B", run: string, name: string) => (
    <label className="field">
      <span className={`ab ${side.toLowerCase()}`} aria-hidden="true">
        {side}
      </span>
      <span className="sr">{side}</span>
      <select value={run} onChange={(event) => address.change({ [name]: event.target.value })}>
        {choices.map((one) => (
          <option key={one} value={one}>
            {label(one)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div className="page" style={{ paddingBottom: 16 }}>
      <div className="tool" role="toolbar" aria-label={t("comparison")}>
        <button type="button" className="btn ghost" onClick={() => address.change({ compare: null }, true)}>
          <span style={{ transform: "rotate(180deg)" }}>
            <Icon name="chevron" />
          </span>
          {t("allRuns")}
        </button>
        <span className="vr" />
        {chooser("A", a, "run_a")}
        <Button
          icon="swap"
          label={t("swap")}
          square
          kind="ghost"
          onClick={() => address.change({ run_a: b, run_b: a })}
        />
        {chooser("B", b, "run_b")}
        <span className="grow" />
        <label className="check muted" style={{ width: "auto" }}>
          <input
            type="checkbox"
            checked={only}
            onChange={() => address.change({ only: only ? null : "1" })}
          />
          {t("onlyDifferences")}
        </label>
      </div>
      {error && !data && (
        <div style={{ position: "relative", minHeight: 400 }}>
          <ErrorMessage error={error} again={again} />
        </div>
      )}
      {!data && !error && (
        <div className="sk" role="status" aria-label={t("loading")} style={{ height: 300 }} />
      )}
      {data && <Body comparison={data} summary={summarize(data, language)} only={only} dagId={dagId} />}
    </div>
  );
}

function Body({
  comparison,
  summary,
  only,
  dagId,
}: {
  comparison: Comparison;
  summary: Summary;
  only: boolean;
  dagId: string;
}) {
  const { t } = useLanguage();
  const look = { better: "rise", worse: "drop", mixed: "differ", none: "equal" } as const;
  const colour =
    summary.direction === "better"
      ? "var(--success)"
      : summary.direction === "worse"
        ? "var(--warn-fg)"
        : undefined;
  return (
    <div style={{ display: "grid", gap: 10 }}>
      <div className="call info row" style={{ gap: 12, padding: "10px 14px", fontSize: 13 }} role="status">
        <span style={{ color: colour }}>
          <Icon name={look[summary.direction]} size={20} />
        </span>
        <div className="grow">
          <b style={{ fontWeight: 600, display: "block" }}>{summary.verdict}</b>
          {summary.changed}
        </div>
      </div>
      <div className="two">
        <div>
          <MetricsBox comparison={comparison} only={only} />
          <CodeBox comparison={comparison} summary={summary} dagId={dagId} />
          <OutputsBox comparison={comparison} only={only} />
        </div>
        <div>
          <ParametersBox summary={summary} />
          <EnvironmentBox summary={summary} />
          <InputsBox comparison={comparison} only={only} />
          <ResourcesBox comparison={comparison} />
        </div>
      </div>
      {(comparison.truncated ?? 0) > 0 && (
        <p className="muted">{t("more", { n: comparison.truncated ?? 0 })}</p>
      )}
    </div>
  );
}
