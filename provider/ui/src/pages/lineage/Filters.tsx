import { useState } from "react";
import type { Counts, Facets } from "../../api/types";
import { kindOf, shortType } from "../../graph/facts";
import { hostTimeZone } from "../../i18n";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { Chip } from "../../ui/parts";
import { instant, STRETCH_NAMES, wall, type Period } from "./period";
import { fieldOf, withField } from "./query";

const SHOWN = 12;

/** Changes of the address. */
type Change = (changes: { from: string | null; to: string | null }) => void;

/** What a search can be narrowed to, and how many artifacts each choice would find. */
export function Filters(props: {
  facets: Facets;
  counts: Counts | null;
  text: string;
  period: Period;
  onText: (text: string) => void;
  onPeriod: Change;
}) {
  const { t } = useLanguage();
  const { facets, counts, text } = props;
  const lists = [
    ["type", t("type"), facets.types, counts?.types],
    ["dag", t("dag"), facets.dag_ids, counts?.dag_ids],
  ] as const;
  return (
    <>
      {lists.map(([field, title, values, tally]) =>
        values.length ? (
          <Facet
            key={field}
            title={title}
            choices={values.map((value) => ({
              value,
              label: field === "type" ? shortType(value) : value,
              count: tally ? { count: tally.counts[value] ?? 0, more: tally.more } : null,
            }))}
            chosen={fieldOf(text, field)}
            icons={field === "type"}
            onChange={(value) => props.onText(withField(text, field, value))}
          />
        ) : null,
      )}
      <Time period={props.period} counts={counts} onChange={props.onPeriod} />
      <Conditions
        title={t("metrics")}
        field="metric"
        names={facets.metrics}
        text={text}
        onChange={props.onText}
      />
      <Conditions
        title={t("parameters")}
        field="param"
        names={facets.params}
        text={text}
        onChange={props.onText}
      />
    </>
  );
}

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly count: { readonly count: number; readonly more: boolean } | null;
}

function Facet(props: {
  title: string;
  choices: readonly Choice[];
  chosen: string | null;
  icons?: boolean;
  onChange: (value: string | null) => void;
  children?: React.ReactNode;
}) {
  const { t } = useLanguage();
  const [all, setAll] = useState(false);
  const shown = all ? props.choices : props.choices.slice(0, SHOWN);
  return (
    <fieldset>
      <legend>{props.title}</legend>
      {shown.map(({ value, label, count }) => (
        <label key={value} className="check" title={props.icons ? value : label}>
          <input
            type="checkbox"
            checked={props.chosen === value}
            onChange={() => props.onChange(props.chosen === value ? null : value)}
          />
          {props.icons && (
            <span className="muted">
              <Icon name={kindOf(value, "")} size={14} />
            </span>
          )}
          <span className="ell grow">{label}</span>
          {count && <Count {...count} />}
        </label>
      ))}
      {shown.length < props.choices.length && (
        <button type="button" className="btn small ghost" onClick={() => setAll(true)}>
          {t("more", { n: props.choices.length - shown.length })}
        </button>
      )}
      {props.children}
    </fieldset>
  );
}

/** Counting stops somewhere: `2,000+`. A choice of which none was among those counted may have some. */
function Count({ count, more }: { count: number; more: boolean }) {
  const { t, number } = useLanguage();
  if (more && count === 0) return null;
  return (
    <span className="muted num small" title={more ? t("atLeast", { n: count }) : undefined}>
      {number(count)}
      {more && "+"}
    </span>
  );
}

const LAST = { "24h": "last24h", "7d": "last7d", "30d": "last30d" } as const;

function Time(props: { period: Period; counts: Counts | null; onChange: Change }) {
  const { t } = useLanguage();
  const { period, counts, onChange } = props;
  return (
    <Facet
      title={t("made")}
      choices={STRETCH_NAMES.map((name, n) => ({
        value: name,
        label: t(LAST[name]),
        count: counts?.since?.[n] ?? null,
      }))}
      chosen={period.stretch}
      onChange={(from) => onChange({ from, to: null })}
    >
      <Moment label={t("timeFrom")} at={period.from} onChange={(from) => onChange({ from, to: period.to })} />
      <Moment label={t("timeUntil")} at={period.to} onChange={(to) => onChange({ from: period.from, to })} />
    </Facet>
  );
}

/** A date and time in the host's time zone. What is typed counts once it is a moment. */
function Moment(props: { label: string; at: string | null; onChange: (at: string | null) => void }) {
  const zone = hostTimeZone();
  const [draft, setDraft] = useState({ at: props.at, shown: wall(props.at, zone) });
  if (draft.at !== props.at) setDraft({ at: props.at, shown: wall(props.at, zone) });
  return (
    <label className="moment">
      <span className="muted small">{props.label}</span>
      <input
        type="datetime-local"
        value={draft.shown}
        onChange={(event) => {
          const shown = event.target.value;
          const at = instant(shown, zone);
          if (shown && !at) return setDraft({ ...draft, shown });
          setDraft({ at, shown });
          props.onChange(at);
        }}
      />
    </label>
  );
}

/** The time that is searched, to be taken away. */
export function PeriodChip({ period, onChange }: { period: Period; onChange: Change }) {
  const { t, clock } = useLanguage();
  const { stretch, from, to } = period;
  const text = stretch
    ? t(LAST[stretch])
    : from && to
      ? `${clock(from)} – ${clock(to)}`
      : from
        ? `${t("timeFrom")} ${clock(from)}`
        : to && `${t("timeUntil")} ${clock(to)}`;
  return text ? <Chip text={text} onRemove={() => onChange({ from: null, to: null })} /> : null;
}

/** Names that a condition can be written for; a click starts one. */
function Conditions(props: {
  title: string;
  field: string;
  names: readonly string[];
  text: string;
  onChange: (text: string) => void;
}) {
  if (!props.names.length) return null;
  return (
    <fieldset>
      <legend>{props.title}</legend>
      <div className="flow">
        {props.names.slice(0, SHOWN).map((name) => (
          <button
            key={name}
            type="button"
            className="btn small"
            title={name}
            style={{ maxWidth: 200 }}
            onClick={() => props.onChange(withField(props.text, props.field, name))}
          >
            <span className="ell">{name}</span>
          </button>
        ))}
      </div>
    </fieldset>
  );
}
