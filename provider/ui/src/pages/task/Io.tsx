/** One thing that went into a step or came out of it. */

import { Link } from "react-router-dom";
import { api } from "../../api/client";
import type { ArtifactFacts, ArtifactPage, GraphArtifact } from "../../api/types";
import { useRead } from "../../api/use";
import { artifactName, detailOf, kindOf } from "../../graph/facts";
import { place } from "../../host";
import { StepChip } from "../../panel/chips";
import { JsonTree } from "../../preview/JsonTree";
import { Preview } from "../../preview/Preview";
import { plain } from "../../ui/format";
import { useLanguage } from "../../ui/language";
import { ErrorNotice } from "../../ui/page";
import { KindIcon, Notice } from "../../ui/parts";

interface IoProps {
  readonly artifact: GraphArtifact | ArtifactFacts;
  /** Whether there is room for a preview. */
  readonly preview: boolean;
  readonly as: string;
  readonly foot: (page: ArtifactPage | null) => React.ReactNode;
}

export function Io(props: IoProps) {
  const { artifact } = props;
  const read = useRead(`artifact ${artifact.id}`, (signal) => api.artifact(artifact.id, signal));
  const page = read.data;
  const { t, number } = useLanguage();
  const value = "has_value" in artifact && artifact.has_value ? artifact.value : undefined;
  return (
    <div className="card io">
      <div className="row">
        <KindIcon kind={kindOf(artifact.type, artifact.format)} big />
        <div className="grow">
          <div className="row">
            <Link className="ell strong" to={place.artifact(artifact.id)} style={{ color: "inherit" }}>
              {artifactName(artifact)}
            </Link>
            {artifact.pickle && (
              <span className="tag warn" title={t("pickleHint")}>
                {t("pickle")}
              </span>
            )}
            <span className="grow" />
            <span className="muted num" style={{ fontSize: 12 }}>
              {detailOf(artifact, number)}
            </span>
          </div>
          <div className="mono muted ell" style={{ fontSize: 11.5 }}>
            {props.as}
          </div>
        </div>
      </div>
      {value !== undefined ? (
        <div style={{ marginTop: 9 }}>
          {typeof value === "object" && value !== null ? (
            <JsonTree value={value} />
          ) : (
            <div className="text">{plain(value, 4000)}</div>
          )}
        </div>
      ) : (
        props.preview && page?.preview && <Preview id={artifact.id} brief />
      )}
      {read.error && !page && <ErrorNotice error={read.error} again={read.again} />}
      {props.preview && value === undefined && page?.store_problem && (
        <Notice text={t("storeFailed", { why: page.store_problem })} again={read.again} />
      )}
      <footer>{props.foot(page)}</footer>
    </div>
  );
}

/** The step that made an input; of another run its DAG is named too. */
export function Producer({ artifact, dag, run }: { artifact: ArtifactFacts; dag: string; run: string }) {
  const elsewhere = artifact.dag_id !== dag || artifact.run_id !== run;
  return (
    <Link
      className="chip step"
      to={place.task(artifact.dag_id, artifact.run_id, artifact.task_id, artifact.map_index)}
      title={artifact.run_id}
    >
      <span className="ell">
        {elsewhere && artifact.dag_id !== dag && `${artifact.dag_id} / `}
        {artifact.task_id}
        {artifact.map_index >= 0 && `[${artifact.map_index}]`}
      </span>
    </Link>
  );
}

const SHOWN = 6;

export function UsedBy({ page }: { page: ArtifactPage | null }) {
  const { t } = useLanguage();
  const consumers = page?.consumers ?? [];
  return (
    <>
      <span className="muted">{t("usedBy")}</span>
      {consumers.slice(0, SHOWN).map((consumer) => (
        <StepChip key={consumer.step.id + (consumer.param ?? "")} step={consumer.step} />
      ))}
      {consumers.length > SHOWN && (
        <span className="muted">
          {t("more", { n: consumers.length - SHOWN + (page?.more_consumers ?? 0) })}
        </span>
      )}
      {page && !consumers.length && <span className="subtle">{t("nothingYet")}</span>}
    </>
  );
}
