import type { Attempt, Change } from "../api/types";
import { plain } from "../ui/format";
import { useLanguage } from "../ui/language";
import { DigestText, Facts, Section } from "../ui/parts";

/** What was really installed, and which packages differ from the run before. */
export function EnvironmentSection({ attempt, changes }: { attempt: Attempt; changes: readonly Change[] }) {
  const { t } = useLanguage();
  const environment = attempt.environment;
  const versions = Object.entries(environment.versions ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return (
    <Section
      title={t("environment")}
      right={[
        versions.length ? t("packages", { n: versions.length }) : "",
        changes.length ? t("packagesDiffer", { n: changes.length }) : "",
      ]
        .filter(Boolean)
        .join(" · ")}
    >
      {changes.length > 0 && <PackageChanges changes={changes} />}
      <Facts
        rows={[
          environment.python != null && [
            t("python"),
            <span key="p">
              {environment.python} <span className="muted">{environment.platform}</span>
            </span>,
          ],
          environment.digest != null && [t("digest"), <DigestText key="d" digest={environment.digest} />],
        ]}
      />
      {versions.length > 0 && (
        <details style={{ marginTop: 6 }}>
          <summary className="muted small" style={{ cursor: "pointer", minHeight: 24 }}>
            {t("showPackages")}
          </summary>
          <ul className="text" style={{ marginTop: 4 }}>
            {versions.map(([name, version]) => (
              <li key={name} className="row">
                <span className="grow">{name}</span>
                <span className="muted">{version}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

export function PackageChanges({ changes }: { changes: readonly Change[] }) {
  return (
    <ul className="rows" style={{ gap: 3, marginBottom: 8, fontSize: 12 }}>
      {changes.map((change) => (
        <li key={change.name} className="row mono">
          <span className="grow ell">{change.name.replace(/^package:/, "")}</span>
          <span className="muted">
            {change.a === null || change.a === undefined ? "–" : plain(change.a, 24)}
          </span>
          <span aria-hidden="true">→</span>
          <b>{change.b === null || change.b === undefined ? "–" : plain(change.b, 24)}</b>
        </li>
      ))}
    </ul>
  );
}
