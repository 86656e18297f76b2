import { useNavigate } from "react-router-dom";
import type { ArtifactPage } from "../../api/types";
import { lines, useWidth } from "../../charts/runs";
import { place } from "../../host";
import { useLanguage } from "../../ui/language";

/** The versions over time; those with the bytes of the version before are hollow. */
export function Versions({ page }: { page: ArtifactPage }) {
  const { t, day, clock, figure } = useLanguage();
  const navigate = useNavigate();
  const [frame, width] = useWidth(1290);
  const versions = [...page.versions].reverse();
  const metric =
    (page.metrics ?? []).find((one) => one.higher_is_better != null && typeof one.value === "number") ??
    (page.metrics ?? []).find((one) => typeof one.value === "number");
  const points = versions.map((version) => {
    const value = (version.metrics ?? []).find((one) => one.name === metric?.name)?.value;
    return { version, value: typeof value === "number" ? value : null };
  });
  const values = points.flatMap((point) => (point.value === null ? [] : [point.value]));
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 0];
  const H = 82;
  const X = (n: number) => (points.length < 2 ? width / 2 : 24 + (n * (width - 120)) / (points.length - 1));
  const Y = (value: number | null) =>
    value === null || high === low ? 30 : 12 + ((high - value) / (high - low)) * 38;
  const { line } = lines(
    points.map((point) => ({ value: point.value ?? (metric ? null : 0) })),
    X,
    Y,
  );
  const distinct = new Set(versions.map((version) => version.artifact.digest)).size;
  const every = Math.max(1, Math.ceil(points.length / 6));
  return (
    <section className="card box" aria-label={t("versions")}>
      <header style={{ flexWrap: "wrap" }}>
        <h2 style={{ fontSize: 13, fontWeight: 600 }}>{t("versions")}</h2>
        <span className="small">
          {t("versionsFacts", { n: versions.length + (page.more_versions ?? 0), m: distinct })}
        </span>
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
      </header>
      <div ref={frame}>
        <svg
          viewBox={`0 0 ${width} ${H}`}
          height={H}
          className="chart"
          role="group"
          aria-label={t("versionsLabel", { n: versions.length, m: distinct })}
        >
          <path className="line" style={{ strokeWidth: 1.5, opacity: 0.55 }} d={line} />
          {points.map(({ version, value }, n) => {
            const now = version.artifact.id === page.artifact.id;
            const same = n > 0 && versions[n - 1]!.artifact.digest === version.artifact.digest;
            const go = () => void navigate(place.artifact(version.artifact.id));
            const label = `${t("version", { n: n + 1 + (page.more_versions ?? 0) })}, ${clock(version.artifact.made ?? null)}${value === null ? "" : `, ${figure(value)}`}${same ? `, ${t("sameAsBefore")}` : ""}`;
            return (
              <g
                key={version.artifact.id}
                role="link"
                tabIndex={0}
                aria-label={label}
                aria-current={now ? "true" : undefined}
                style={{ cursor: "pointer" }}
                onClick={go}
                onKeyDown={(event) => event.key === "Enter" && go()}
              >
                <title>{label}</title>
                <circle cx={X(n)} cy={Y(value)} r={12} fill="transparent" />
                <circle
                  className={`dot ${now ? "now" : same ? "same" : "fill"}`}
                  cx={X(n)}
                  cy={Y(value)}
                  r={now ? 7 : 4.5}
                />
                {now && value !== null && (
                  <text x={X(n) + 16} y={Y(value) + 4} style={{ fill: "var(--fg)", fontWeight: 600 }}>
                    {figure(value)}
                  </text>
                )}
              </g>
            );
          })}
          {points.map(({ version }, n) =>
            n % every === 0 || n === points.length - 1 ? (
              <text key={version.artifact.id} x={X(n)} y={H - 4} textAnchor="middle">
                {points.length - 1 - n < every / 2 && n !== points.length - 1
                  ? ""
                  : day(version.artifact.made ?? null)}
              </text>
            ) : null,
          )}
        </svg>
      </div>
    </section>
  );
}
