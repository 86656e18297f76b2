import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useNavigate } from "react-router-dom";
import { api } from "../../api/client";
import { useRead } from "../../api/use";
import { stateOf } from "../../graph/facts";
import { canUnfold, fold } from "../../graph/fold";
import { GraphView, type GraphHandle } from "../../graph/GraphView";
import { failedFrom, matches, standIn } from "../../graph/keys";
import { layout as lay, type Layout } from "../../graph/place";
import { ancestry } from "../../graph/trace";
import { place, useAddress } from "../../host";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { CatalogueLink, ErrorMessage, useSingleKeys, useWide } from "../../ui/page";
import { Message, Skeleton, useCopy } from "../../ui/parts";
import { Legend } from "./Legend";
import { LiveNote, StaleNote } from "./Live";
import { SidePanel } from "./SidePanel";
import { StepTable } from "./StepTable";
import { Toolbar } from "./Toolbar";

const PANEL = { column: 384, over: 352 };
const ONGOING = new Set(["running", "queued", "restarting", null]);

export function RunPage({ dagId, runId }: { dagId: string; runId: string }) {
  const language = useLanguage();
  const { t, figure } = language;
  const address = useAddress();
  const navigate = useNavigate();
  const root = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLElement>(null);
  const graphRef = useRef<GraphHandle>(null);
  const findRef = useRef<HTMLInputElement>(null);
  const wide = useWide(root);
  const [full, setFull] = useState(false);
  const [keysOn, toggleKeys] = useSingleKeys();
  const loaded = useRead(
    `graph ${dagId} ${runId}`,
    (signal) => api.graph(dagId, runId, signal),
    // a run that Airflow has forgotten does not go on
    (data) => Boolean(data.behind) || (data.state !== null && ONGOING.has(data.state)),
  );
  const data = loaded.data;

  const foldAll = address.get("fold") !== "0";
  const openNames = address.get("open") ?? "";
  const unfolded = useMemo(() => {
    const mapped = (data?.tasks ?? []).filter((task) => task.mapped).map((task) => task.task_id);
    return new Set(foldAll ? openNames.split(" ").filter(Boolean) : mapped);
  }, [data, foldAll, openNames]);
  const folded = useMemo(() => (data ? fold(data, unfolded, figure) : null), [data, unfolded, figure]);
  const layout = useStableLayout(folded?.graph ?? null);

  const wanted = address.get("node");
  const selected = layout ? standIn(layout, wanted) : wanted;
  const table = address.get("view") === "table";
  const values = address.get("values") !== "0";
  const words = address.get("find") ?? "";
  const sought = useDeferredValue(words);
  const found = useMemo(() => (layout ? matches(layout, sought) : []), [layout, sought]);
  const marks = useMemo(
    () => ({ up: selected && layout ? ancestry(layout.graph, layout.find, selected) : null, down: null }),
    [selected, layout],
  );
  const legend = (address.get("legend") ?? (selected ? "0" : "1")) === "1";

  // the panel is there only after the address has changed
  const entering = useRef(false);
  useEffect(() => {
    if (!selected || !entering.current) return;
    entering.current = false;
    focusPanel(panel.current);
  }, [selected]);
  const select = (id: string | null, enter = false) => {
    address.change({ node: id }, id !== selected);
    if (enter && id === selected) focusPanel(panel.current);
    else entering.current = enter;
  };
  const open = (id: string) => {
    const step = layout?.find.steps.get(id);
    const artifact = folded?.artifacts.get(id)?.[0];
    if (step) void navigate(place.task(dagId, runId, step.taskId, step.mapIndex));
    else if (artifact) void navigate(place.artifact(artifact.id));
  };
  const toggleFold = (task: string) => {
    const names = new Set(unfolded);
    if (!names.delete(task)) names.add(task);
    address.change({ open: [...names].join(" ") || null, fold: null });
  };
  const walk = (forward: boolean) => {
    const next = layout && failedFrom(layout, selected ?? graphRef.current?.active() ?? null, forward);
    if (next) select(next);
  };

  const [copied, copy] = useCopy();
  const onKeyDown = (event: KeyboardEvent) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === "Escape") {
      if (panel.current?.contains(event.target as Node)) graphRef.current?.focus();
      else if (selected) select(null);
      else if (full) setFull(false);
      else if (typing) graphRef.current?.focus();
      return;
    }
    if (typing || !keysOn || event.ctrlKey || event.metaKey || event.altKey) return;
    const active = graphRef.current?.active() ?? selected;
    const step =
      active &&
      (layout?.find.steps.get(active) ??
        layout?.find.steps.get(layout.find.artifacts.get(active)?.step ?? ""));
    const actions: Readonly<Record<string, () => void>> = {
      "/": () => findRef.current?.focus(),
      f: () => graphRef.current?.fit(),
      F: () => setFull(!full),
      t: () => {
        address.change({ view: table ? null : "table" });
        // the tree that had the focus goes; keys go on working
        root.current?.focus();
      },
      e: () => step && (unfolded.has(step.taskId) || canUnfold(step)) && toggleFold(step.taskId),
      c: () => {
        const digest = active ? folded?.artifacts.get(active)?.[0]?.digest : undefined;
        if (digest) copy(digest);
      },
      "[": () => walk(false),
      "]": () => walk(true),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  const covered = selected && !wide && !table ? PANEL.over : 0;
  const failed = layout?.graph.steps.filter((step) => step.state === "failed") ?? [];
  const waiting = layout?.graph.steps.filter((step) => step.state === "upstream_failed") ?? [];
  const empty = data !== null && data.steps.every((step) => !step.status) && !data.artifacts.length;
  return (
    <div ref={root} className="page" tabIndex={-1} onKeyDown={onKeyDown}>
      <Toolbar
        table={table}
        folded={foldAll}
        values={values}
        legend={legend}
        words={words}
        tight={!wide}
        full={full}
        keysOn={keysOn}
        findRef={findRef}
        selectedName={selected && layout ? nameOf(layout, selected) : null}
        hasMapped={(data?.tasks ?? []).some((task) => task.mapped)}
        note={
          data && folded && layout ? (
            <LiveNote
              run={data}
              shown={layout.nodes.size}
              total={folded.total}
              error={loaded.error}
              at={loaded.at}
            />
          ) : null
        }
        onChange={(changes) => address.change(changes)}
        onClear={() => select(null)}
        onFit={() => graphRef.current?.fit()}
        onFull={() => setFull(!full)}
        onKeys={toggleKeys}
        onWalk={() => {
          const at = found.indexOf(selected ?? "");
          const next = found[(at + 1) % found.length];
          if (next) select(next);
        }}
      />
      <div className={`stage ${full ? "full" : ""}`}>
        {loaded.error && !data ? (
          <ErrorMessage error={loaded.error} again={loaded.again} />
        ) : !data || !layout || !folded ? (
          <Skeleton label={t("loading")} />
        ) : empty && !layout.nodes.size ? (
          <Message icon="lineage" title={t("emptyTitle")} text={t("emptyText")}>
            <CatalogueLink />
          </Message>
        ) : table ? (
          <StepTable layout={layout} folded={folded} selected={selected} onSelect={select} />
        ) : (
          <GraphView
            layout={layout}
            label={t("graphOfRun")}
            selected={selected}
            marks={marks}
            rings={new Set(found)}
            showValues={values}
            covered={covered}
            start={failed[0]?.id ?? newestModel(layout)}
            onSelect={select}
            onOpen={open}
            onUnfold={toggleFold}
            handle={graphRef}
            overlay={
              <>
                {legend && <Legend layout={layout} />}
                {failed.length > 0 && (
                  <div className="banner" onPointerDown={(event) => event.stopPropagation()}>
                    <button type="button" className="btn" onClick={() => select(failed[0]!.id)}>
                      <Icon name="x" />
                      {waiting.length
                        ? t("failedBanner", { failed: failed.length, waiting: waiting.length })
                        : t("failedOnly", { failed: failed.length })}
                    </button>
                  </div>
                )}
                {data.truncated && (
                  <Truncated shown={data.truncated.shown} total={data.truncated.total ?? null} />
                )}
                {loaded.error && <StaleNote retryAt={loaded.retryAt} again={loaded.again} />}
              </>
            }
          />
        )}
        {data && layout && folded && selected && (
          <aside ref={panel} className={`panel ${wide ? "" : "over"}`} aria-label={t("details")}>
            <SidePanel key={selected} node={selected} layout={layout} folded={folded} onSelect={select} />
          </aside>
        )}
      </div>
      <div className="toast" role="status">
        {copied && t(copied)}
      </div>
      <Announcer state={data?.state ?? null} />
    </div>
  );
}

/** The layout of the last structure: an answer that changes only states keeps every place. */
function useStableLayout(graph: Layout["graph"] | null): Layout | null {
  return useMemo(() => (graph ? lay(graph) : null), [graph]);
}

function focusPanel(panel: HTMLElement | null) {
  panel?.querySelector<HTMLElement>("[data-first], button")?.focus();
}

function nameOf(layout: Layout, id: string): string {
  return layout.find.steps.get(id)?.name ?? layout.find.artifacts.get(id)?.name ?? id;
}

function newestModel(layout: Layout): string | null {
  const models = [...layout.nodes.values()].filter((node) => node.artifact?.kind === "model");
  return models.sort((a, b) => b.column - a.column)[0]?.id ?? null;
}

function Truncated({ shown, total }: { shown: number; total: number | null }) {
  const { t } = useLanguage();
  return (
    <div
      className="call warn row"
      role="status"
      style={{ position: "absolute", left: 12, right: 12, top: 12, zIndex: 6 }}
    >
      <Icon name="warn" />
      <span className="grow">
        <b>{total === null ? t("truncatedMore", { n: shown }) : t("truncated", { n: shown, m: total })}</b>{" "}
        {t("nearestFirst")}
      </span>
    </div>
  );
}

/** Says to a screen reader when the run ends, and nothing more. */
function Announcer({ state }: { state: string | null }) {
  const { t } = useLanguage();
  const first = useRef(state);
  const [text, setText] = useState("");
  useEffect(() => {
    if (state === null) return;
    if (first.current !== null && first.current !== state)
      setText(t("runEnded", { state: t(stateOf(state)) }));
    first.current = state;
  }, [state, t]);
  return (
    <div className="sr" aria-live="polite">
      {text}
    </div>
  );
}
