import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { api } from "../../api/client";
import type { Search } from "../../api/types";
import { useRead } from "../../api/use";
import { artifactName, detailOf, kindOf, shortType } from "../../graph/facts";
import { place, useAddress } from "../../host";
import { plain } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { ErrorMessage, useSingleKeys } from "../../ui/page";
import { Button, Chip, KindIcon, Marked, Message } from "../../ui/parts";
import { Filters, PeriodChip } from "./Filters";
import { bounds, parsePeriod, since, STRETCH_NAMES } from "./period";
import { parseQuery } from "./query";

const LIMIT = 50;

export function SearchView() {
  const { t, number } = useLanguage();
  const address = useAddress();
  const field = useRef<HTMLInputElement>(null);
  const [keysOn] = useSingleKeys();
  const text = address.get("q") ?? "";
  const settled = useSettled(text);
  const query = parseQuery(settled);
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const period = parsePeriod(address.get("from"), address.get("to"));
  const asked = `${settled} ${period.stretch ?? ""} ${period.from ?? ""} ${period.to ?? ""}`;
  useEffect(() => setCursors([]), [asked]);
  const cursor = cursors.at(-1) ?? null;
  const found = useRead(
    `search ${asked} ${cursor}`,
    (signal) => api.search({ ...query, ...bounds(period, Date.now()), limit: LIMIT, cursor }, signal),
    (data) => Boolean(data.behind),
  );
  const counts = useKept(
    useRead(
      `counts ${asked}`,
      (signal) => {
        const now = Date.now();
        const stretches = STRETCH_NAMES.map((name) => since(name, now));
        return api.counts({ ...query, ...bounds(period, now), since: stretches }, signal);
      },
      (data) => Boolean(data.behind),
    ).data,
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
  const clear = () => address.change({ q: null, from: null, to: null });
  const narrowed = text !== "" || period.stretch !== null || period.from !== null || period.to !== null;
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
            <Chip
              key={word}
              text={word}
              onRemove={() =>
                set(
                  text
                    .split(/\s+/)
                    .filter((one) => one !== word)
                    .join(" "),
                )
              }
            />
          ))}
        <PeriodChip period={period} onChange={address.change} />
        {narrowed && (
          <button type="button" className="btn small ghost" onClick={clear}>
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
          {facets && (
            <Filters
              facets={facets}
              counts={counts}
              text={text}
              period={period}
              onText={set}
              onPeriod={address.change}
            />
          )}
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
              title={narrowed ? t("nothingFound") : t("noRuns")}
              text={narrowed ? t("nothingFoundText") : t("noRunsText")}
            >
              {narrowed && <Button label={t("clearFilters")} onClick={clear} />}
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

/** The last answer stays until the next one is there: numbers do not go out while one types. */
function useKept<T>(data: T | null): T | null {
  const [kept, setKept] = useState(data);
  if (data !== null && data !== kept) setKept(data);
  return data ?? kept;
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
