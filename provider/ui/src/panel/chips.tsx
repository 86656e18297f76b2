import { Link } from "react-router-dom";
import type { ArtifactFacts, ExternalFacts, StepFacts } from "../api/types";
import { artifactName, detailOf, kindOf, stateOf } from "../graph/facts";
import type { Kind, State } from "../graph/model";
import { place } from "../host";
import { webAddress } from "../ui/format";
import { useLanguage } from "../ui/language";
import { KindIcon, StateIcon } from "../ui/parts";

export function ArtifactChip({ artifact, detail = false }: { artifact: ArtifactFacts; detail?: boolean }) {
  const { number } = useLanguage();
  return (
    <Link
      className="chip"
      to={place.artifact(artifact.id)}
      title={`${artifact.dag_id} / ${artifact.task_id} / ${artifact.name}`}
    >
      <KindIcon kind={kindOf(artifact.type, artifact.format)} />
      <span className="ell">{artifactName(artifact)}</span>
      {detail && <span className="muted num">{detailOf(artifact, number)}</span>}
    </Link>
  );
}

export function StepChip({ step }: { step: StepFacts }) {
  return (
    <Link
      className="chip step"
      to={place.task(step.dag_id, step.run_id, step.task_id, step.map_index)}
      title={`${step.dag_id} / ${step.run_id}`}
    >
      <StateIcon state={stateOf(step.state, step.status)} label />
      <span className="ell">
        {step.label}
        {step.map_index >= 0 && `[${step.map_index}]`}
      </span>
    </Link>
  );
}

/** A node of the same graph: a click selects it there. */
export function NodeChip(props: {
  kind: Kind | null;
  state: State | null;
  name: string;
  onClick: () => void;
}) {
  return (
    <button type="button" className={`chip ${props.state ? "step" : ""}`} onClick={props.onClick}>
      {props.state && <StateIcon state={props.state} label />}
      {props.kind && <KindIcon kind={props.kind} />}
      <span className="ell">{props.name}</span>
    </button>
  );
}

export function ExternalChip({ external }: { external: ExternalFacts }) {
  const link = webAddress(external.uri);
  const body = (
    <>
      <KindIcon kind="external" />
      <span className="ell mono">{external.uri}</span>
    </>
  );
  return link ? (
    <a className="chip" href={link} rel="noreferrer noopener" target="_blank" style={{ borderRadius: 5 }}>
      {body}
    </a>
  ) : (
    <span className="chip" style={{ borderRadius: 5, color: "inherit" }}>
      {body}
    </span>
  );
}
