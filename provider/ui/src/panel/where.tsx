/** Rows of facts that tell on what a step ran. */

import type { ReactNode } from "react";

import type { Attempt } from "../api/types";
import { plain } from "../ui/format";
import type { Language } from "../i18n";
import { Copy } from "../ui/parts";

/** The image and the platform's own id of the job, where there are such. */
export function imageAndJob(attempt: Attempt, t: Language["t"]): (readonly [string, ReactNode] | false)[] {
  return [
    attempt.environment.image != null && [
      t("image"),
      <span key="i" className="row">
        <span className="mono wrap">{attempt.environment.image}</span>
        <Copy text={attempt.environment.image} label={t("copy")} />
      </span>,
    ],
    attempt.job?.["id"] != null && [
      t("job"),
      <span key="j" className="mono wrap">
        {plain(attempt.job["id"], 80)}
      </span>,
    ],
  ];
}
