import type { RunGraph } from "../../api/types";
import { stateOf } from "../../graph/facts";
import { duration } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { useAge, useCountdown } from "../../ui/page";
import { Button } from "../../ui/parts";

const DONE = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);

/** How far the run is; or how old the picture is if the server does not answer. */
export function LiveNote(props: {
  run: RunGraph;
  shown: number;
  total: number;
  error: Error | null;
  at: number;
}) {
  const { t } = useLanguage();
  const age = useAge(props.error ? props.at : null);
  const { run } = props;
  if (props.error) {
    return (
      <span className="tag warn big" role="status">
        <Icon name="warn" />
        {t("paused", { t: duration(age) })}
      </span>
    );
  }
  const state = stateOf(run.state);
  if (state === "running" || state === "queued") {
    const total = run.tasks.reduce((sum, task) => sum + task.total, 0);
    const done = run.tasks.reduce(
      (sum, task) =>
        sum + Object.entries(task.states).reduce((n, [name, count]) => n + (DONE.has(name) ? count : 0), 0),
      0,
    );
    return (
      <span className="row muted small" style={{ gap: 6, fontSize: 12 }}>
        <span className="state running" style={{ width: 12, height: 12 }} aria-hidden="true" />
        {t("live", { done, total })}
      </span>
    );
  }
  if (props.total < 60) return null;
  return (
    <span className="muted num" style={{ fontSize: 12 }}>
      {t("nodesShown", {
        n: props.total,
        shown: props.shown,
        folded: Math.max(0, props.total - props.shown),
      })}
    </span>
  );
}

export function StaleNote({ retryAt, again }: { retryAt: number | null; again: () => void }) {
  const { t } = useLanguage();
  const left = useCountdown(retryAt);
  return (
    <div
      className="row float"
      style={{ left: 52, bottom: 12, padding: "4px 6px 4px 12px" }}
      onPointerDown={(event) => event.stopPropagation()}
    >
      <span className="muted" style={{ fontSize: 12 }}>
        {t("notAnswered", { n: left })}
      </span>
      <Button icon="refresh" label={t("now")} kind="small" onClick={again} />
    </div>
  );
}
