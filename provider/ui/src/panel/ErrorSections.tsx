import { Link } from "react-router-dom";
import type { Attempt, ErrorFacts } from "../api/types";
import type { Key } from "../i18n";
import { Code, type Line } from "../ui/code";
import { memory } from "../ui/format";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";
import { Copy, Section } from "../ui/parts";

const CLASSES = ["user", "config", "oom", "preempted", "infra", "capacity", "timeout", "cancelled"];

export function failureKey(failure: string | null | undefined): Key | null {
  return failure && CLASSES.includes(failure) ? (`class_${failure}` as Key) : null;
}

export function FailureTag({ failure }: { failure: string | null | undefined }) {
  const { t } = useLanguage();
  const key = failureKey(failure);
  return key && <span className="tag bad">{t(key)}</span>;
}

/** Cause, what to do, where the user's code stopped: in this order. */
export function ErrorSections({
  attempt,
  task,
  logPath,
}: {
  attempt: Attempt;
  task: string;
  logPath: string;
}) {
  const { t } = useLanguage();
  const error = attempt.error;
  if (!error) return null;
  const peak = attempt.profile?.["peak_rss_bytes"];
  const limit = attempt.profile?.["memory_limit_bytes"];
  const todo = CLASSES.includes(error.failure) ? t(`do_${error.failure}` as Key, { task }) : null;
  return (
    <>
      <section className="sec" style={{ border: 0, paddingBottom: 4 }}>
        <div className="call" role="alert">
          <b className="wrap">{error.type}</b>
          <span className="wrap" style={{ whiteSpace: "pre-wrap" }}>
            {error.message}
          </span>
          {error.failure === "oom" && typeof peak === "number" && typeof limit === "number" && (
            <div>{t("oomUsed", { a: memory(peak), b: memory(limit) })}</div>
          )}
        </div>
      </section>
      {todo && (
        <Section title={t("whatToDo")}>
          <div>{todo}</div>
          <div className="flow" style={{ marginTop: 9 }}>
            <Link className="btn small" to={logPath}>
              <Icon name="log" />
              {t("openLog")}
            </Link>
          </div>
        </Section>
      )}
      {(error.frames ?? []).length > 0 && (
        <Section title={t("whereStopped")}>
          <Frames error={error} />
        </Section>
      )}
    </>
  );
}

function Frames({ error }: { error: ErrorFacts }) {
  const { t } = useLanguage();
  const frames = error.frames ?? [];
  const lines: Line[] = frames.flatMap((frame, n) => [
    { number: null, text: `# ${frame.file.split("/").at(-1)}, ${frame.function}`, look: "" as const },
    {
      number: frame.line,
      text: frame.text || "…",
      look: n === frames.length - 1 ? ("w" as const) : ("" as const),
    },
  ]);
  const text = [
    ...frames.map(
      (frame) => `  File "${frame.file}", line ${frame.line}, in ${frame.function}\n    ${frame.text}`,
    ),
    `${error.type}: ${error.message}`,
  ].join("\n");
  return (
    <>
      <Code lines={lines} label={t("traceback")} />
      <div className="row" style={{ marginTop: 6 }}>
        <span className="grow" />
        <Copy text={text} label={t("copyTraceback")}>
          {t("copyTraceback")}
        </Copy>
      </div>
    </>
  );
}
