import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Kind, State } from "../graph/model";
import { copyText } from "./copy";
import { shortDigest } from "./format";
import { Icon, isIcon, type IconName } from "./icons";
import { useLanguage } from "./language";

const GLYPHS: Readonly<Record<State, IconName | null>> = {
  success: "check",
  failed: "x",
  upstream_failed: "bang",
  queued: "dots",
  skipped: "dash",
  deferred: "pause",
  up_for_retry: "again",
  running: null,
  none: null,
};

/** Status by colour and shape; the word stands beside it or in the label. */
export function StateIcon({ state, label = false }: { state: State; label?: boolean }) {
  const { t } = useLanguage();
  const glyph = GLYPHS[state];
  const name = label ? { role: "img", "aria-label": t(state) } : { "aria-hidden": true };
  return (
    <span className={`state s-${state} ${state}`} {...name}>
      {glyph && <Icon name={glyph} />}
    </span>
  );
}

export function StateWord({ state }: { state: State }) {
  const { t } = useLanguage();
  return (
    <span className="row" style={{ gap: 6 }}>
      <StateIcon state={state} />
      {t(state)}
    </span>
  );
}

export function KindIcon({ kind, big = false }: { kind: Kind; big?: boolean }) {
  return (
    <span className={`ti ${big ? "big" : ""}`} aria-hidden="true">
      <Icon name={kind} />
    </span>
  );
}

export function backendIcon(backend: string | null): IconName {
  if (backend === null) return "task";
  return isIcon(backend) ? backend : "target";
}

export function Button(props: {
  icon?: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  square?: boolean;
  kind?: string;
  disabled?: boolean;
  children?: ReactNode;
}) {
  const { icon, label, onClick, pressed, square, kind = "", disabled, children } = props;
  return (
    <button
      type="button"
      className={`btn ${kind} ${square ? "sq" : ""} ${pressed ? "on" : ""}`}
      onClick={onClick}
      aria-pressed={pressed}
      aria-label={square ? label : undefined}
      title={square ? label : undefined}
      disabled={disabled}
    >
      {icon && <Icon name={icon} />}
      {!square && label}
      {children}
    </button>
  );
}

export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; icon?: IconName }[];
  onChange: (value: T) => void;
  iconsOnly?: boolean;
}) {
  return (
    <span className="seg" role="group" aria-label={props.label}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === props.value}
          aria-label={props.iconsOnly ? option.label : undefined}
          onClick={() => props.onChange(option.value)}
        >
          {option.icon && <Icon name={option.icon} />}
          {!props.iconsOnly && option.label}
        </button>
      ))}
    </span>
  );
}

const TOLD_MS = 2500;

/** What became of the last copy, for a while, and the way to make one. */
export function useCopy(): readonly ["copied" | "notCopied" | null, (text: string) => void] {
  const [told, setTold] = useState<"copied" | "notCopied" | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (text: string) =>
    void copyText(text).then((done) => {
      setTold(done ? "copied" : "notCopied");
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setTold(null), TOLD_MS);
    });
  return [told, copy];
}

export function Copy({ text, label, children }: { text: string; label: string; children?: ReactNode }) {
  const { t } = useLanguage();
  const [told, copy] = useCopy();
  const done = told === "copied";
  return children ? (
    <button type="button" className="btn small" onClick={() => copy(text)}>
      <Icon name={done ? "check" : "copy"} />
      {told ? t(told) : children}
    </button>
  ) : (
    <>
      <button type="button" className="btn tiny" onClick={() => copy(text)} aria-label={label} title={label}>
        <Icon name={done ? "check" : "copy"} />
      </button>
      <span role="status" className="muted small">
        {told && t(told)}
      </span>
    </>
  );
}

export function DigestText({ digest }: { digest: string }) {
  const { t } = useLanguage();
  return (
    <>
      <span className="mono" title={digest}>
        {shortDigest(digest)}
      </span>
      <Copy text={digest} label={t("copyDigest")} />
    </>
  );
}

export function Section({
  title,
  right,
  children,
}: {
  title: string;
  right?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="sec">
      <h3>
        {title}
        {right && <span className="right">{right}</span>}
      </h3>
      {children}
    </section>
  );
}

export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode] | null | false)[] }) {
  return (
    <dl className="kv">
      {rows
        .filter((row) => row !== null && row !== false)
        .map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Empty, failed, nothing found: what, why, and one way on. */
export function Message(props: {
  icon: IconName;
  title: string;
  text: ReactNode;
  bad?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={`message ${props.bad ? "bad" : ""}`} role={props.bad ? "alert" : "status"}>
      <span className="mark">
        <Icon name={props.icon} />
      </span>
      <h2>{props.title}</h2>
      <p>{props.text}</p>
      {props.children && <div className="row">{props.children}</div>}
    </div>
  );
}

/** One part of a page failed, the rest of it goes on: what failed, why, and another try. */
export function Notice({ text, again }: { text: string; again: () => void }) {
  const { t } = useLanguage();
  return (
    <div className="call warn row" role="alert" style={{ flexWrap: "wrap" }}>
      <Icon name="warn" />
      <span className="grow wrap">{text}</span>
      <Button icon="refresh" label={t("tryAgain")} onClick={again} kind="small" />
    </div>
  );
}

/** Boxes of the final size at the final places. */
export function Skeleton({ label }: { label: string }) {
  return (
    <div role="status" aria-label={label} style={{ position: "absolute", inset: 0, overflow: "hidden" }}>
      {[0, 1, 2, 3, 4].map((column) => (
        <div key={column} style={{ position: "absolute", left: 24 + column * 192, top: "30%" }}>
          <div className="sk" style={{ width: 152, height: 58 }} />
          <div className="sk" style={{ width: 142, height: 36, borderRadius: 18, margin: "9px 0 0 10px" }} />
          {column % 2 === 1 && (
            <div
              className="sk"
              style={{ width: 142, height: 36, borderRadius: 18, margin: "7px 0 0 10px" }}
            />
          )}
        </div>
      ))}
    </div>
  );
}

/** The words that were looked for, marked; everything stays text. */
export function Marked({ text, words }: { text: string; words: string }) {
  const wanted = words.trim().toLowerCase();
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}

/** Something chosen, with a button that takes it away. */
export function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  const { t } = useLanguage();
  return (
    <span className="tag info big">
      {text}
      <button type="button" className="away" aria-label={`${t("clear")} ${text}`} onClick={onRemove}>
        <Icon name="x" />
      </button>
    </span>
  );
}
