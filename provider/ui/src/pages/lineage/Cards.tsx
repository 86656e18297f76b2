import { Link } from "react-router-dom";
import { api } from "../../api/client";
import type { ArtifactPage, TraceGraph } from "../../api/types";
import { useRead } from "../../api/use";
import { place } from "../../host";
import { ArtifactChip } from "../../panel/chips";
import { plain } from "../../ui/format";
import { useLanguage } from "../../ui/language";
import { outsideInputs, summarize } from "../dag/summary";
import { SameTag } from "../dag/CompareBoxes";

const SHOWN = 12;

/** What would change if this did: everything that was made from it. */
export function Impact({ down }: { down: TraceGraph | null }) {
  const { t, clock } = useLanguage();
  const made = (down?.artifacts ?? []).filter((artifact) => artifact.id !== down?.root);
  return (
    <section className="card box" aria-label={t("impact")}>
      <header>
        <h2 style={{ fontSize: 13, fontWeight: 600 }}>{t("impact")}</h2>
        <span className="small">{t("impactHint")}</span>
        <span className="grow" />
        <span className="small">
          {made.length > 0 && t("nDags", { n: new Set(made.map((one) => one.dag_id)).size })}
        </span>
      </header>
      {down && !made.length && <p className="subtle">{t("nothingYet")}</p>}
      <table className="t plain">
        <tbody>
          {made.slice(0, SHOWN).map((artifact) => (
            <tr key={artifact.id}>
              <td>
                <ArtifactChip artifact={artifact} />
              </td>
              <td className="muted ell" style={{ maxWidth: 200 }}>
                {artifact.dag_id} / {artifact.task_id}
              </td>
              <td className="r">{clock(artifact.made ?? null)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {made.length > SHOWN && <p className="muted small">{t("more", { n: made.length - SHOWN })}</p>}
    </section>
  );
}

/** The run that made it against the run that made the version before. */
export function Changes({ page }: { page: ArtifactPage }) {
  const language = useLanguage();
  const { t, figure } = language;
  const at = page.versions.findIndex((version) => version.artifact.id === page.artifact.id);
  const before = page.versions
    .slice(at + 1)
    .find((version) => version.artifact.run_id !== page.artifact.run_id);
  const { dag_id: dag, run_id: run } = page.artifact;
  const { data } = useRead(
    at >= 0 && before ? `compare ${dag} ${before.artifact.run_id} ${run}` : null,
    (signal) => api.compare(dag, before!.artifact.run_id, run, signal),
  );
  const number = page.versions.length + (page.more_versions ?? 0) - page.versions.indexOf(before!);
  if (!before) {
    return (
      <section className="card box" aria-label={t("versions")}>
        <p className="muted">{t("firstVersion")}</p>
      </section>
    );
  }
  const summary = data && summarize(data, language);
  const write = (value: unknown) =>
    typeof value === "number" ? figure(value) : value == null ? "–" : plain(value, 20);
  const inputs = data ? outsideInputs(data) : [];
  const rows =
    summary &&
    ([
      [t("code"), summary.code.map((task) => task.task_id).join(", "), summary.code.length === 0],
      [
        t("parameters"),
        summary.params
          .slice(0, 3)
          .map(({ change }) => `${change.name} ${write(change.a)} → ${write(change.b)}`)
          .join(", "),
        summary.params.length === 0,
      ],
      [
        t("environment"),
        summary.packages
          .slice(0, 3)
          .map((change) => `${change.name.replace(/^package:/, "")} ${write(change.a)} → ${write(change.b)}`)
          .join(", "),
        summary.environment.length === 0,
      ],
      ...(inputs.length ? [[t("inputs"), "", inputs.every((input) => input.same)]] : []),
    ] as [string, string, boolean][]);
  return (
    <section className="card box" aria-label={t("whatChanged", { n: number })}>
      <header>
        <h2 style={{ fontSize: 13, fontWeight: 600 }}>{t("whatChanged", { n: number })}</h2>
        <span className="grow" />
        <Link
          className="small"
          to={place.dag(dag, { run_a: before.artifact.run_id, run_b: run, compare: "1" })}
        >
          {t("compareRuns")}
        </Link>
      </header>
      {rows ? (
        <table className="t plain">
          <tbody>
            {rows.map(([name, text, same]) => (
              <tr key={name}>
                <td className="muted" style={{ width: 110 }}>
                  {name}
                </td>
                <td className="mono ell" style={{ maxWidth: 260 }} title={text}>
                  {text}
                </td>
                <td className="r">
                  <SameTag same={same} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <div className="sk" style={{ height: 100 }} />
      )}
    </section>
  );
}
