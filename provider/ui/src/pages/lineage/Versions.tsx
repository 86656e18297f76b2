import { useNavigate } from "react-router-dom";
import type { ArtifactPage, StepFacts, Version } from "../../api/types";
import { FailedMark, lines, useWidth } from "../../charts/runs";
import { place } from "../../host";
import { useLanguage } from "../../ui/language";

const HEIGHT = 82;
const FAILED_Y = 54;

/** A version, or a run of its task that failed and so made none. */
interface Point {
  readonly id: string;
  readonly at: string;
  readonly value: number | null;
  readonly number: number;
  readonly same: boolean;
  readonly version: Version | null;
  readonly failure: StepFacts | null;
}

/** The versions over time; those with the bytes of the version before are hollow. */
export function Versions({ page }: { page: ArtifactPage }) {
  const { t, day } = useLanguage();
  const [frame, width] = useWidth(1290);
  const metric =
    (page.metrics ?? []).find((one) => one.higher_is_better != null && typeof one.value === "number") ??
    (page.metrics ?? []).find((one) => typeof one.value === "number");
  const points = timeLine(page, metric?.name);
  const values = points.flatMap((point) => (point.value === null ? [] : [point.value]));
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 0];
  const X = (n: number) => (points.length < 2 ? width / 2 : 24 + (n * (width - 120)) / (points.length - 1));
  const Y = (value: number | null) =>
    value === null || high === low ? 30 : 12 + ((high - value) / (high - low)) * 38;
  const drawn = points.map(({ value, version }) => ({ value: value ?? (version && !metric ? 0 : null) }));
  const { line, gaps } = lines(drawn, X, Y);
  const distinct = new Set(page.versions.map((version) => version.artifact.digest)).size;
  const failed = page.failures?.length ?? 0;
  const every = Math.max(1, Math.ceil(points.length / 6));
  const total = page.versions.length + (page.more_versions ?? 0);
  const label = t("versionsLabel", { n: page.versions.length, m: distinct });
  return (
    <section className="card box" aria-label={t("versions")}>
      <header style={{ flexWrap: "wrap" }}>
        <h2 style={{ fontSize: 13, fontWeight: 600 }}>{t("versions")}</h2>
        <span className="small">{t("versionsFacts", { n: total, m: distinct })}</span>
        {metric && <span className="small mono">{metric.name}</span>}
        <span className="grow" />
        <span className="row small" style={{ gap: 5 }}>
          <i style={{ width: 9, height: 9, borderRadius: "50%", background: "var(--ink)" }} />
          {t("newBytes")}
        </span>
        <span className="row small" style={{ gap: 5 }}>
          <i style={{ width: 9, height: 9, borderRadius: "50%", border: "2px solid var(--strong)" }} />
          {t("sameAsBefore")}
        </span>
        {failed > 0 && (
          <span className="row small" style={{ gap: 5 }}>
            <svg width="12" height="12" viewBox="-6 -6 12 12">
              <FailedMark x={0} y={0} />
            </svg>
            {t("failedRuns", { n: failed })}
          </span>
        )}
      </header>
      <div ref={frame}>
        <svg
          viewBox={`0 0 ${width} ${HEIGHT}`}
          height={HEIGHT}
          className="chart"
          role="group"
          aria-label={failed ? `${label}, ${t("failedRuns", { n: failed })}` : label}
        >
          <path className="gap" d={gaps} />
          <path className="line" style={{ strokeWidth: 1.5, opacity: 0.55 }} d={line} />
          {points.map((point, n) => (
            <Mark
              key={point.id}
              point={point}
              now={point.id === page.artifact.id}
              x={X(n)}
              y={point.failure ? FAILED_Y : Y(point.value)}
            />
          ))}
          {points.map(({ id, at }, n) =>
            n % every === 0 || n === points.length - 1 ? (
              <text key={id} x={X(n)} y={HEIGHT - 4} textAnchor="middle">
                {points.length - 1 - n < every / 2 && n !== points.length - 1 ? "" : day(at)}
              </text>
            ) : null,
          )}
        </svg>
      </div>
    </section>
  );
}

/** Oldest first. */
export function timeLine(page: ArtifactPage, metric: string | undefined): Point[] {
  const total = page.versions.length + (page.more_versions ?? 0);
  const made = page.versions.map((version, n): Point => {
    const value = (version.metrics ?? []).find((one) => one.name === metric)?.value;
    const before = page.versions[n + 1];
    return {
      id: version.artifact.id,
      at: version.artifact.made ?? "",
      value: typeof value === "number" ? value : null,
      number: total - n,
      same: before?.artifact.digest === version.artifact.digest,
      version,
      failure: null,
    };
  });
  const failed = (page.failures ?? []).map((failure): Point => ({
    id: failure.id,
    at: failure.ended ?? "",
    value: null,
    number: 0,
    same: false,
    version: null,
    failure,
  }));
  // each list is newest first already, and a sort keeps the order of what is of one moment
  return [...made, ...failed].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).reverse();
}

function Mark({ point, now, x, y }: { point: Point; now: boolean; x: number; y: number }) {
  const { t, clock, figure } = useLanguage();
  const navigate = useNavigate();
  const { version, failure, value, same } = point;
  const words = failure
    ? [t("failedRun"), clock(point.at), failure.error]
    : [
        t("version", { n: point.number }),
        clock(point.at || null),
        value !== null && figure(value),
        same && t("sameAsBefore"),
      ];
  const label = words.filter(Boolean).join(", ");
  const to = failure
    ? place.task(failure.dag_id, failure.run_id, failure.task_id, failure.map_index)
    : place.artifact(version!.artifact.id);
  const go = () => void navigate(to);
  return (
    <g
      role="link"
      tabIndex={0}
      aria-label={label}
      aria-current={now ? "true" : undefined}
      style={{ cursor: "pointer" }}
      onClick={go}
      onKeyDown={(event) => event.key === "Enter" && go()}
    >
      <title>{label}</title>
      <circle cx={x} cy={y} r={12} fill="transparent" />
      {failure ? (
        <FailedMark x={x} y={y} />
      ) : (
        <circle className={`dot ${now ? "now" : same ? "same" : "fill"}`} cx={x} cy={y} r={now ? 7 : 4.5} />
      )}
      {now && value !== null && (
        <text x={x + 16} y={y + 4} style={{ fill: "var(--fg)", fontWeight: 600 }}>
          {figure(value)}
        </text>
      )}
    </g>
  );
}
