import { useState } from "react";
import { Link } from "react-router-dom";
import type { Attempt, ErrorFacts, Frame } from "../api/types";
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
  const [all, setAll] = useState(false);
  const frames = error.frames ?? [];
  const libraries = frames.some((frame) => frame.library) && frames.some((frame) => !frame.library);
  const lines = all || !libraries ? frames.flatMap((one) => frameLines(one, frames)) : folded(frames, t);
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
        {libraries && (
          <button type="button" className="btn small" aria-pressed={all} onClick={() => setAll(!all)}>
            {t("showFrames")}
          </button>
        )}
        <span className="grow" />
        <Copy text={text} label={t("copyTraceback")}>
          {t("copyTraceback")}
        </Copy>
      </div>
    </>
  );
}

/** The line where the user's code stopped is marked, else the last. */
function frameLines(frame: Frame, frames: readonly Frame[]): Line[] {
  const stopped = frames.findLast((one) => !one.library) ?? frames.at(-1);
  return [
    { number: null, text: `# ${frame.file.split("/").at(-1)}, ${frame.function}`, look: "" },
    { number: frame.line, text: frame.text || "…", look: frame === stopped ? "w" : "" },
  ];
}

/** Frames of libraries that follow one another are one line. */
export function folded(frames: readonly Frame[], t: ReturnType<typeof useLanguage>["t"]): Line[] {
  const lines: Line[] = [];
  let hidden = 0;
  for (const [n, frame] of frames.entries()) {
    hidden = frame.library ? hidden + 1 : 0;
    if (!frame.library) lines.push(...frameLines(frame, frames));
    else if (!frames[n + 1]?.library)
      lines.push({ number: null, text: `# ${t("libraryFrames", { n: hidden })}`, look: "" });
  }
  return lines;
}
