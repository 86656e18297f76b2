import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { api } from "../../api/client";
import type { Facets, Search } from "../../api/types";
import { useRead } from "../../api/use";
import { artifactName, detailOf, kindOf, shortType } from "../../graph/facts";
import { place, useAddress } from "../../host";
import { plain } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { ErrorMessage, useSingleKeys } from "../../ui/page";
import { Button, KindIcon, Marked, Message } from "../../ui/parts";
import { fieldOf, parseQuery, withField } from "./query";

const LIMIT = 50;
const SHOWN = 12;

export function SearchView() {
  const { t, number } = useLanguage();
  const address = useAddress();
  const field = useRef<HTMLInputElement>(null);
  const [keysOn] = useSingleKeys();
  const text = address.get("q") ?? "";
  const settled = useSettled(text);
  const query = parseQuery(settled);
  const [cursors, setCursors] = useState<readonly string[]>([]);
  useEffect(() => setCursors([]), [settled]);
  const cursor = cursors.at(-1) ?? null;
  const found = useRead(
    `search ${settled} ${cursor}`,
    (signal) => api.search({ ...query, limit: LIMIT, cursor }, signal),
    (data) => Boolean(data.behind),
  );
  const facets = useRead("facets", (signal) => api.facets(signal)).data;
  const index = useRead("index", (signal) => api.index(signal)).data;
  const shown = useDeferredValue(found.data);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key === "/" && keysOn && !typing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        field.current?.focus();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [keysOn]);
  const set = (q: string) => address.change({ q });
  return (
    <div className="page nav">
      <div className="row" style={{ gap: 14, alignItems: "baseline" }}>
        <h1>{t("lineage")}</h1>
        {index && facets && (
          <span className="muted num">{t("counted", { n: index.artifacts, m: facets.dag_ids.length })}</span>
        )}
      </div>
      <label className="field big">
        <Icon name="search" size={17} />
        <input
          ref={field}
          type="search"
          aria-label={t("searchLabel")}
          placeholder={t("searchHint")}
          value={text}
          onChange={(event) => set(event.target.value)}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div className="row" style={{ minHeight: 26, gap: 6, flexWrap: "wrap" }}>
        {text
          .split(/\s+/)
          .filter((word) => /^\w+:/.test(word))
          .map((word) => (
            <span key={word} className="tag info big">
              {word}
              <button
                type="button"
                aria-label={`${t("clear")} ${word}`}
                style={{
                  minWidth: 24,
                  minHeight: 22,
                  display: "grid",
                  placeItems: "center",
                  marginRight: -6,
                }}
                onClick={() =>
                  set(
                    text
                      .split(/\s+/)
                      .filter((one) => one !== word)
                      .join(" "),
                  )
                }
              >
                <Icon name="x" />
              </button>
            </span>
          ))}
        {text && (
          <button type="button" className="btn small ghost" onClick={() => set("")}>
            {t("clearAll")}
          </button>
        )}
        <span className="grow" />
        <span className="muted num" style={{ fontSize: 12.5 }} aria-live="polite">
          {found.data &&
            `${number(cursors.length * LIMIT + found.data.items.length)}${found.data.next ? "+" : ""} · ${t("newestFirst")}`}
        </span>
      </div>
      <div className="find">
        <aside aria-label={t("filters")}>
          {facets && <FacetLists facets={facets} text={text} onChange={set} />}
        </aside>
        {found.error && !found.data ? (
          <div style={{ position: "relative", minHeight: 360 }}>
            <ErrorMessage error={found.error} again={found.again} />
          </div>
        ) : !shown ? (
          <div className="sk" role="status" aria-label={t("loading")} style={{ height: 480 }} />
        ) : shown.items.length ? (
          <Results
            data={shown}
            words={query.q ?? ""}
            page={cursors.length}
            onPrevious={() => setCursors(cursors.slice(0, -1))}
            onNext={() => setCursors([...cursors, shown.next!])}
          />
        ) : (
          <div style={{ position: "relative", minHeight: 360 }}>
            <Message
              icon="search"
              title={text ? t("nothingFound") : t("noRuns")}
              text={text ? t("nothingFoundText") : t("noRunsText")}
            >
              {text && <Button label={t("clearFilters")} onClick={() => set("")} />}
            </Message>
          </div>
        )}
      </div>
    </div>
  );
}

/** What was typed, once no key was pressed for a moment. */
function useSettled(text: string, wait = 200): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), wait);
    return () => clearTimeout(timer);
  }, [text, wait]);
  return settled;
}

function FacetLists({
  facets,
  text,
  onChange,
}: {
  facets: Facets;
  text: string;
  onChange: (text: string) => void;
}) {
  const { t } = useLanguage();
  const lists = [
    ["type", t("type"), facets.types],
    ["dag", t("dag"), facets.dag_ids],
  ] as const;
  return (
    <>
      {lists.map(([field, title, values]) =>
        values.length ? (
          <Facet
            key={field}
            title={title}
            values={values}
            chosen={fieldOf(text, field)}
            type={field === "type"}
            onChange={(value) => onChange(withField(text, field, value))}
          />
        ) : null,
      )}
      <Conditions
        title={t("metrics")}
        field="metric"
        names={facets.metrics}
        text={text}
        onChange={onChange}
      />
      <Conditions
        title={t("parameters")}
        field="param"
        names={facets.params}
        text={text}
        onChange={onChange}
      />
    </>
  );
}

function Facet(props: {
  title: string;
  values: readonly string[];
  chosen: string | null;
  type: boolean;
  onChange: (value: string | null) => void;
}) {
  const { t } = useLanguage();
  const [all, setAll] = useState(false);
  const shown = all ? props.values : props.values.slice(0, SHOWN);
  return (
    <fieldset>
      <legend>{props.title}</legend>
      {shown.map((value) => (
        <label key={value} className="check" title={value}>
          <input
            type="checkbox"
            checked={props.chosen === value}
            onChange={() => props.onChange(props.chosen === value ? null : value)}
          />
          {props.type && (
            <span className="muted">
              <Icon name={kindOf(value, "")} size={14} />
            </span>
          )}
          <span className="ell grow">{props.type ? shortType(value) : value}</span>
        </label>
      ))}
      {shown.length < props.values.length && (
        <button type="button" className="btn small ghost" onClick={() => setAll(true)}>
          {t("more", { n: props.values.length - shown.length })}
        </button>
      )}
    </fieldset>
  );
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

function Results(props: {
  data: Search;
  words: string;
  page: number;
  onPrevious: () => void;
  onNext: () => void;
}) {
  const { t, figure, clock, number } = useLanguage();
  const { data, page } = props;
  return (
    <div
      className="card"
      style={{ overflow: "auto", alignSelf: "start" }}
      tabIndex={0}
      role="region"
      aria-label={t("lineage")}
    >
      <table className="t results">
        <thead>
          <tr>
            <th scope="col" style={{ paddingLeft: 14 }}>
              {t("artifact")}
            </th>
            <th scope="col">{t("madeBy")}</th>
            <th scope="col">{t("bestMetric")}</th>
            <th scope="col">{t("digest")}</th>
            <th scope="col" className="r" style={{ paddingRight: 14 }}>
              {t("made")}
            </th>
          </tr>
        </thead>
        <tbody>
          {data.items.map(({ artifact, metrics }) => {
            const metric = (metrics ?? []).find((one) => one.higher_is_better != null) ?? metrics?.[0];
            return (
              <tr key={artifact.id}>
                <td style={{ paddingLeft: 14 }}>
                  <div className="row" style={{ gap: 10 }}>
                    <KindIcon kind={kindOf(artifact.type, artifact.format)} big />
                    <div style={{ minWidth: 0 }}>
                      <Link
                        to={place.artifact(artifact.id)}
                        className="strong ell"
                        style={{ display: "block", maxWidth: 260 }}
                        title={artifact.name}
                      >
                        <Marked
                          text={
                            artifactName(artifact) +
                            (artifact.map_index >= 0 ? `[${artifact.map_index}]` : "")
                          }
                          words={props.words}
                        />
                      </Link>
                      <div className="muted small">
                        {shortType(artifact.type)} · {detailOf(artifact, number)}
                      </div>
                    </div>
                  </div>
                </td>
                <td>
                  <div className="ell" style={{ maxWidth: 220 }}>
                    <Marked text={artifact.dag_id} words={props.words} />
                  </div>
                  <div className="muted small ell" style={{ maxWidth: 220 }}>
                    <Marked text={artifact.task_id} words={props.words} />
                  </div>
                </td>
                <td>
                  {metric ? (
                    <>
                      {metric.name}{" "}
                      <b style={{ fontWeight: 600 }}>
                        {typeof metric.value === "number" ? figure(metric.value) : plain(metric.value, 20)}
                      </b>
                    </>
                  ) : (
                    <span className="subtle">{t("noneText")}</span>
                  )}
                </td>
                <td className="mono muted" title={artifact.digest}>
                  {artifact.digest.replace(/^sha256:/, "").slice(0, 8)}
                </td>
                <td className="r" style={{ paddingRight: 14 }}>
                  {clock(artifact.made ?? null)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {(page > 0 || data.next) && (
        <div className="row" style={{ height: 42, borderTop: "1px solid var(--border)", padding: "0 14px" }}>
          <span className="muted num">
            {number(page * LIMIT + 1)}–{number(page * LIMIT + data.items.length)}
          </span>
          <span className="grow" />
          <button type="button" className="btn small" disabled={page === 0} onClick={props.onPrevious}>
            {t("previousPage")}
          </button>
          <button type="button" className="btn small" disabled={!data.next} onClick={props.onNext}>
            {t("nextPage")}
          </button>
        </div>
      )}
    </div>
  );
}
