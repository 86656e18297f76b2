import { useMemo, useRef } from "react";
import { Link, useNavigate } from "react-router-dom";
import { api } from "../../api/client";
import type { ArtifactPage, TraceGraph } from "../../api/types";
import { Together } from "../../api/together";
import { useRead } from "../../api/use";
import { artifactName, detailOf, kindOf, shortType } from "../../graph/facts";
import { GraphView } from "../../graph/GraphView";
import { SLIM, layout as lay } from "../../graph/place";
import { ancestry, descendants } from "../../graph/trace";
import { traced, type Traced } from "../../graph/traced";
import { place, useAddress } from "../../host";
import { ArtifactSections, DownloadLink, canDownload } from "../../panel/ArtifactPanel";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { ErrorMessage } from "../../ui/page";
import { Button, DigestText, KindIcon, Segments, Skeleton } from "../../ui/parts";
import { Changes, Impact } from "./Cards";
import { TraceTable } from "./TraceTable";
import { Versions } from "./Versions";

type Direction = "up" | "both" | "down";
const DEPTHS = [3, 6, 20, 100];

export function ArtifactView({ id }: { id: string }) {
  const { t } = useLanguage();
  const { data, error, again } = useRead(
    `artifact ${id}`,
    (signal) => api.artifact(id, signal),
    (page) => Boolean(page.behind),
  );
  return (
    <div className="page nav">
      <Link to={place.search()} className="row" style={{ gap: 4, alignSelf: "start", minHeight: 24 }}>
        <span style={{ transform: "rotate(180deg)" }}>
          <Icon name="chevron" size={12} />
        </span>
        {t("backToSearch")}
      </Link>
      {error && !data ? (
        <div style={{ position: "relative", minHeight: 360 }}>
          <ErrorMessage error={error} again={again} />
        </div>
      ) : !data ? (
        <div className="sk" role="status" aria-label={t("loading")} style={{ height: 560 }} />
      ) : (
        <Loaded page={data} again={again} />
      )}
    </div>
  );
}

function Loaded({ page, again }: { page: ArtifactPage; again: () => void }) {
  const { t } = useLanguage();
  const { artifact } = page;
  const up = useRead(`ancestry ${artifact.id} ${useDepth()}`, useTrace(artifact.id, "up"));
  const down = useRead(`descendants ${artifact.id} ${useDepth()}`, useTrace(artifact.id, "down"));
  const drawn = (up.data && down.data) ?? up.error ?? down.error; // as high as it will be
  return (
    <>
      <Head page={page} />
      {page.versions.length + (page.failures?.length ?? 0) > 1 && <Versions page={page} />}
      <TraceCard
        up={up.data}
        down={down.data}
        error={up.error ?? down.error}
        again={() => (up.again(), down.again())}
        page={page}
      />
      {drawn && (
        <Together meanwhile={null}>
          <div className="two" style={{ gridTemplateColumns: "minmax(0,1fr) minmax(0,1fr)" }}>
            <div>
              <section
                className="card box"
                aria-label={t("artifact")}
                style={{ paddingTop: 2, paddingBottom: 0 }}
              >
                <ArtifactSections artifact={artifact} page={page} again={again} />
              </section>
            </div>
            <div>
              <Impact down={down.data} />
              <Changes page={page} />
            </div>
          </div>
        </Together>
      )}
    </>
  );
}

function useDepth(): number {
  const wanted = useAddress().get("depth");
  return DEPTHS.find((depth) => String(depth) === wanted) ?? 20;
}

function useTrace(id: string, direction: "up" | "down") {
  const depth = useDepth();
  return (signal: AbortSignal) =>
    direction === "up" ? api.ancestry(id, depth, signal) : api.descendants(id, depth, signal);
}

function Head({ page }: { page: ArtifactPage }) {
  const { t, clock, number } = useLanguage();
  const { artifact, versions } = page;
  const kind = kindOf(artifact.type, artifact.format);
  const total = versions.length + (page.more_versions ?? 0);
  const at = versions.findIndex((version) => version.artifact.id === artifact.id);
  const before = at >= 0 ? versions[at + 1] : undefined;
  const best = bestMetric(page);
  const made = `${artifact.dag_id} / ${artifact.task_id}${artifact.map_index >= 0 ? `[${artifact.map_index}]` : ""}`;
  return (
    <div className="row" style={{ gap: 12, flexWrap: "wrap" }}>
      <span style={{ scale: "1.3", margin: 4 }}>
        <KindIcon kind={kind} big />
      </span>
      <div className="grow" style={{ minWidth: 260 }}>
        <div className="flow">
          <h1 className="wrap">{artifactName(artifact)}</h1>
          {at >= 0 && total > 1 && (
            <span className="tag info">
              {t("version", { n: total - at })}
              {at === 0 && ` · ${t("newest")}`}
            </span>
          )}
          {best && (
            <span className="tag ok">
              <Icon name="rise" />
              {t("bestSoFar", { metric: best })}
            </span>
          )}
          {artifact.pickle && (
            <span className="tag warn" title={t("pickleHint")}>
              {t("pickle")}
            </span>
          )}
        </div>
        <div className="flow muted" style={{ fontSize: 12.5, marginTop: 2 }}>
          {shortType(artifact.type)} · {detailOf(artifact, number)} · {t("madeBy")}
          <Link to={place.task(artifact.dag_id, artifact.run_id, artifact.task_id, artifact.map_index)}>
            {made}
          </Link>
          {artifact.made && <span>· {clock(artifact.made)}</span>}·
          <DigestText digest={artifact.digest} />
        </div>
      </div>
      {before && before.artifact.run_id !== artifact.run_id && (
        <Link
          className="btn"
          to={place.dag(artifact.dag_id, {
            run_a: before.artifact.run_id,
            run_b: artifact.run_id,
            compare: "1",
          })}
        >
          <Icon name="differ" />
          {t("compareWith", { n: total - at - 1 })}
        </Link>
      )}
      {canDownload(page) && <DownloadLink id={artifact.id} />}
    </div>
  );
}

/** The metric with a declared direction on which no other version is better. */
export function bestMetric(page: ArtifactPage): string | null {
  const others = page.versions.filter((version) => version.artifact.id !== page.artifact.id);
  if (!others.length) return null;
  for (const metric of page.metrics ?? []) {
    const higher = metric.higher_is_better;
    if (higher == null || typeof metric.value !== "number") continue;
    const known = others.flatMap((version) =>
      (version.metrics ?? []).filter((one) => one.name === metric.name).map((one) => one.value),
    );
    const numbers = known.filter((value): value is number => typeof value === "number");
    const own = metric.value;
    if (numbers.length && numbers.every((value) => (higher ? own > value : own < value))) return metric.name;
  }
  return null;
}

function TraceCard(props: {
  up: TraceGraph | null;
  down: TraceGraph | null;
  error: Error | null;
  again: () => void;
  page: ArtifactPage;
}) {
  const { t, figure } = useLanguage();
  const address = useAddress();
  const navigate = useNavigate();
  const direction = (["up", "down"].find((one) => one === address.get("direction")) ?? "both") as Direction;
  const table = address.get("view") === "table";
  const { up, down } = props;
  const depth = useDepth();
  const frame = useRef<HTMLElement>(null);
  const both = useMemo<Traced | null>(() => {
    const parts = [direction === "down" ? null : up, direction === "up" ? null : down].filter(
      (part) => part !== null,
    );
    return up && down ? traced(parts, figure) : null;
  }, [up, down, direction, figure]);
  const layout = useMemo(() => both && lay(both.graph, SLIM), [both]);
  const root =
    address.get("node") && layout?.nodes.has(address.get("node")!)
      ? address.get("node")!
      : (both?.root ?? null);
  const marks = useMemo(
    () =>
      layout && root
        ? {
            up: ancestry(layout.graph, layout.find, root),
            down: descendants(layout.graph, layout.find, root),
          }
        : { up: null, down: null },
    [layout, root],
  );
  const open = (node: string) => {
    const step = layout?.find.steps.get(node);
    const artifact = both?.artifacts.get(node)?.[0];
    if (step) void navigate(place.task(step.dagId, step.runId, step.taskId, step.mapIndex));
    else if (artifact) void navigate(place.artifact(artifact.id));
  };
  const truncated = up?.truncated ?? down?.truncated;
  const ended = [direction !== "down" && up?.deeper, direction !== "up" && down?.deeper].some(Boolean);
  return (
    <section
      ref={frame}
      className="card"
      style={{ overflow: "hidden" }}
      aria-label={t("ancestryAndDescendants")}
    >
      <div
        className="tool"
        style={{
          padding: "0 10px 0 14px",
          minHeight: 42,
          borderBottom: "1px solid var(--border)",
          background: "var(--bg)",
        }}
      >
        <h2 style={{ fontSize: 13, fontWeight: 600 }}>{t("ancestryAndDescendants")}</h2>
        {both && up && down && (
          <span className="muted small">
            {t("stepsUp", { n: up.steps.length })} · {t("stepsDown", { n: down.steps.length })} ·{" "}
            {t("nDags", { n: both.dags })}
          </span>
        )}
        <span className="grow" />
        <span className="row muted small" style={{ gap: 6 }}>
          <svg width="22" height="6" aria-hidden="true">
            <path className="e hot" d="M0 3h22" />
          </svg>
          {t("madeFrom")}
        </span>
        <span className="row muted small" style={{ gap: 6 }}>
          <svg width="22" height="6" aria-hidden="true">
            <path className="e down" d="M0 3h22" />
          </svg>
          {t("wentInto")}
        </span>
        <label className="field">
          <span>{t("depth")}</span>
          <select value={depth} onChange={(event) => address.change({ depth: event.target.value })}>
            {DEPTHS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <Segments<Direction>
          label={t("ancestryAndDescendants")}
          value={direction}
          options={[
            { value: "up", label: t("upOnly") },
            { value: "both", label: t("both") },
            { value: "down", label: t("downOnly") },
          ]}
          onChange={(value) => address.change({ direction: value === "both" ? null : value })}
        />
        <Segments
          label={t("view")}
          value={table ? "table" : "graph"}
          options={[
            { value: "graph", label: t("graph"), icon: "lineage" },
            { value: "table", label: t("table"), icon: "list" },
          ]}
          onChange={(value) => address.change({ view: value === "table" ? "table" : null })}
        />
      </div>
      {truncated && (
        <div className="call warn row" role="status" style={{ borderRadius: 0, borderWidth: "0 0 1px" }}>
          <Icon name="warn" />
          {truncated.total == null
            ? t("truncatedMore", { n: truncated.shown })
            : t("truncated", { n: truncated.shown, m: truncated.total })}{" "}
          · {t("nearestFirst")}
        </div>
      )}
      {ended && <Deeper depth={depth} follow={(next) => address.change({ depth: String(next) })} />}
      <div
        style={{
          position: "relative",
          height: table ? undefined : graphHeight(layout?.size.h),
          display: "flex",
          minHeight: 200,
        }}
      >
        {props.error ? (
          <ErrorMessage error={props.error} again={props.again} />
        ) : !layout || !both ? (
          <Skeleton label={t("loading")} />
        ) : table ? (
          <TraceTable layout={layout} traced={both} />
        ) : (
          <GraphView
            layout={layout}
            label={t("ancestryAndDescendants")}
            selected={root}
            marks={marks}
            rings={EMPTY}
            showValues={false}
            covered={0}
            start={root}
            onSelect={(node, enter) =>
              enter && node ? open(node) : node && clicked(node, root, address.change, open)
            }
            onOpen={open}
            onUnfold={null}
          />
        )}
      </div>
    </section>
  );
}

/** The graph ends here because it was told to, not because nothing more went in or out. */
function Deeper({ depth, follow }: { depth: number; follow: (depth: number) => void }) {
  const { t } = useLanguage();
  const next = DEPTHS.find((one) => one > depth);
  return (
    <div className="call info row" role="status" style={{ borderRadius: 0, borderWidth: "0 0 1px" }}>
      {t("deeper", { n: depth })}
      {next && <Button label={t("goDeeper", { n: next })} onClick={() => follow(next)} kind="small" />}
    </div>
  );
}

const EMPTY: ReadonlySet<string> = new Set();

/** The first click traces from the node, a click on what is traced already opens it. */
function clicked(
  node: string,
  root: string | null,
  change: (changes: Record<string, string | null>) => void,
  open: (node: string) => void,
) {
  if (node === root) open(node);
  else change({ node });
}

function graphHeight(height: number | undefined): number {
  return Math.min(560, Math.max(220, (height ?? 300) + 56));
}
