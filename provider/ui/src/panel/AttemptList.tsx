import type { Attempt } from "../api/types";
import { stateOf } from "../graph/facts";
import { duration, plain } from "../ui/format";
import { useLanguage } from "../ui/language";
import { StateIcon } from "../ui/parts";
import { failureKey } from "./ErrorSections";

const UNCOUNTED = new Set(["infra", "preempted"]);

/** Newest first. What the platform broke is not counted as a try of the user's. */
export function AttemptList({ attempts }: { attempts: readonly Attempt[] }) {
  const { t } = useLanguage();
  return (
    <ul className="rows">
      {attempts.map((attempt) => {
        const key = failureKey(attempt.error?.failure);
        const state = stateOf(null, attempt.status);
        return (
          <li key={attempt.event_id} className="row" style={{ fontSize: 12.5, minHeight: 24 }}>
            <StateIcon state={state} label />
            <span className="num" style={{ whiteSpace: "nowrap" }}>
              {t("tryN", { n: attempt.try_number })}
            </span>
            <span
              className="ell muted grow"
              title={attempt.error ? `${attempt.error.type}: ${attempt.error.message}` : undefined}
            >
              {attempt.status === "cached"
                ? t("cached")
                : key
                  ? t(key)
                  : state === "success"
                    ? t("success")
                    : plain(attempt.status)}
              {attempt.error && ` · ${attempt.error.type}`}
              {attempt.error && UNCOUNTED.has(attempt.error.failure) && ` · ${t("notCounted")}`}
            </span>
            <span className="num">{duration(attempt.duration_s)}</span>
          </li>
        );
      })}
    </ul>
  );
}
