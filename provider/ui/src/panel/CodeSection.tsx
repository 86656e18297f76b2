import { api, ApiError } from "../api/client";
import type { Attempt, CodeListing } from "../api/types";
import { useRead } from "../api/use";
import { Code, diffLines, plainLines } from "../ui/code";
import { useLanguage } from "../ui/language";
import { DigestText, Notice, Section } from "../ui/parts";
import type { Before } from "./changes";

interface Props {
  readonly attempt: Attempt;
  readonly dag: string;
  readonly run: string;
  readonly task: string;
  readonly mapIndex: number;
  readonly before: Before | null;
  readonly changed: boolean;
}

/** The source that ran; where it differs from the run before, only what differs. */
export function CodeSection(props: Props) {
  const { attempt, before, changed } = props;
  const { t } = useLanguage();
  if (!attempt.code.digest) return null;
  const commit = attempt.code.git?.["commit"];
  return (
    <Section
      title={t("code")}
      right={
        changed ? (
          <span className="tag info">{t("codeChanged")}</span>
        ) : before ? (
          <span className="tag">{t("codeSame")}</span>
        ) : null
      }
    >
      <Source {...props} />
      <div className="flow small" style={{ marginTop: 6 }}>
        {attempt.code.entry && <span className="mono">{attempt.code.entry}</span>}
        <DigestText digest={attempt.code.digest} />
        {typeof commit === "string" && (
          <span className="muted">
            {t("gitCommit")} <span className="mono">{commit.slice(0, 10)}</span>{" "}
            {attempt.code.git?.["dirty"] ? t("dirty") : ""}
          </span>
        )}
      </div>
    </Section>
  );
}

export function Source({ attempt, dag, run, task, mapIndex, before, changed }: Props) {
  const { t } = useLanguage();
  const now = useRead(`code ${dag} ${run} ${task} ${mapIndex} ${attempt.event_id}`, (signal) =>
    api.code(dag, run, task, mapIndex, signal),
  );
  const old = useRead(changed && before ? `code ${dag} ${before.run} ${task} ${mapIndex}` : null, (signal) =>
    api.code(dag, before!.run, task, mapIndex, signal),
  );
  if (now.error instanceof ApiError && now.error.status === 404)
    return <span className="muted">{t("noSource")}</span>;
  if (now.error && !now.data)
    return <Notice text={t("sourceFailed", { why: now.error.message })} again={now.again} />;
  if (!now.data) return <div className="sk" style={{ height: 90 }} />;
  const file = entryFile(now.data);
  if (!file) return <span className="muted">{t("noSource")}</span>;
  const was = old.data?.files.find((one) => one.path === file.path);
  const lines = (was && diffLines(was.text, file.text)) ?? plainLines(file.text);
  return <Code lines={lines} label={`${t("code")} ${file.path}`} />;
}

/** The file that holds the step's function, among all that it reaches. */
export function entryFile(listing: CodeListing) {
  const stem = listing.entry?.split(":")[0]?.split(".").at(-1);
  return listing.files.find((file) => stem && file.path.endsWith(`${stem}.py`)) ?? listing.files[0];
}
