import { memo, type ReactNode } from "react";
import { duration } from "../ui/format";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";
import { KindIcon, StateIcon, backendIcon } from "../ui/parts";
import { canUnfold } from "./fold";
import { artifactLabel, stepLabel } from "./labels";
import { worst, type Lookup, type State } from "./model";
import type { Placed } from "./place";

const STRIP = 24;

export interface CardProps {
  readonly node: Placed;
  readonly domId: string;
  readonly mark: string;
  readonly level: number;
  readonly find: Lookup;
  readonly showValues: boolean;
  readonly onUnfold: ((step: string) => void) | null;
}

export const Card = memo(function Card(props: CardProps) {
  return props.node.step ? <StepCard {...props} /> : <Pill {...props} />;
});

function Frame(props: CardProps & { classes: string; children: ReactNode }) {
  const { node, domId, mark, level, classes } = props;
  return (
    <div
      id={domId}
      role="treeitem"
      aria-level={level}
      aria-selected={mark.includes("sel")}
      className={classes}
      style={{ left: node.x, top: node.y, width: node.w, height: node.h }}
    >
      {props.children}
    </div>
  );
}

function StepCard(props: CardProps) {
  const { node, mark, find, onUnfold } = props;
  const language = useLanguage();
  const { t } = language;
  const step = node.step!;
  const slim = node.h < 40;
  const classes = `st s-${step.state} ${step.mapped ? "map" : ""} ${step.cached ? "cached" : ""} ${mark}`;
  const count = step.mapped && <span className="cnt">×{step.mapped.count}</span>;
  return (
    <Frame {...props} classes={classes}>
      {/* the name comes from this text: as a label it would have to repeat all that is seen */}
      <span className="sr">{stepLabel(language, step, find)}</span>
      <div className="t" title={step.name} aria-hidden="true">
        <StateIcon state={step.state} />
        <span className="ell grow">{step.name}</span>
        {step.cached && (
          <span className="tag">
            <Icon name="bolt" />
            {!slim && t("cached")}
          </span>
        )}
        {count &&
          (onUnfold && canUnfold(step) ? (
            // for the pointer; the key E does the same
            <span
              className="unfold"
              title={t("unfold", { name: step.name })}
              onPointerDown={(event) => event.stopPropagation()}
              onClick={(event) => {
                event.stopPropagation();
                onUnfold(step.id);
              }}
            >
              {count}
            </span>
          ) : (
            count
          ))}
        {slim && !count && <Icon name={backendIcon(step.target === null ? null : step.backend)} size={13} />}
      </div>
      {!slim && (
        <div className="m" aria-hidden="true">
          <Icon name={backendIcon(step.target === null ? null : step.backend)} />
          <span className="ell">{step.target ?? t("task")}</span>
          <span className="num">{duration(step.seconds)}</span>
        </div>
      )}
      {!slim && step.mapped && <Strip states={step.mapped.states} />}
    </Frame>
  );
}

/** One cell per mapped task; above 24, cells stand for their worst. */
export function Strip({ states }: { states: readonly State[] }) {
  const cells = stripCells(states);
  return (
    <div className="strip" aria-hidden="true">
      {cells.map((state, n) => (
        <i key={n} className={`s-${state}`} />
      ))}
    </div>
  );
}

export function stripCells(states: readonly State[]): State[] {
  if (states.length <= STRIP) return [...states];
  return Array.from({ length: STRIP }, (_, n) => {
    const from = Math.floor((n * states.length) / STRIP);
    return worst(states.slice(from, Math.floor(((n + 1) * states.length) / STRIP)));
  });
}

function Pill(props: CardProps) {
  const { node, mark, showValues } = props;
  const language = useLanguage();
  const { t } = language;
  const artifact = node.artifact!;
  const value = showValues ? artifact.value : null;
  const below = artifact.missing ? t(artifact.missing) : (value ?? (artifact.detail || artifact.value));
  const classes = `pl ${artifact.missing ? "ghost" : ""} ${value ? "val" : ""} ${artifact.step === null ? "ext" : ""} ${mark}`;
  return (
    <Frame {...props} classes={classes}>
      <span className="sr">{artifactLabel(language, artifact)}</span>
      <KindIcon kind={artifact.kind} />
      <span className="grow nm" title={artifact.name} aria-hidden="true">
        <span className="ell">{artifact.name}</span>
        {node.h > 30 && <span className="sh ell">{below}</span>}
      </span>
      {artifact.pickle && (
        <span className="tag warn" aria-hidden="true">
          {t("pickle")}
        </span>
      )}
      {artifact.count !== null && (
        <span className="cnt" aria-hidden="true">
          ×{artifact.count}
        </span>
      )}
    </Frame>
  );
}
