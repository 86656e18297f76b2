import {
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type Ref,
} from "react";
import { useLanguage } from "../ui/language";
import { Icon } from "../ui/icons";
import { BandNames, BandStripes } from "./bands";
import { Card } from "./cards";
import { Bars, Edges, arrowhead, type Marks } from "./edges";
import { HitGrid } from "./hit";
import { first, neighbour, standIn, type Direction } from "./keys";
import { artifactLabel, stepLabel } from "./labels";
import { Minimap } from "./minimap";
import type { Layout, Placed } from "./place";
import type { Routed } from "./route";
import { useViewport, type Area } from "./viewport";

/** More elements than this make panning slow; beyond it nodes are bars. */
const ELEMENTS = 400;
const MANY_EDGES = 1500;

export interface GraphHandle {
  readonly fit: () => void;
  readonly focus: () => void;
  readonly show: (id: string) => void;
  readonly active: () => string | null;
}

export interface GraphViewProps {
  readonly layout: Layout;
  readonly label: string;
  readonly selected: string | null;
  readonly marks: Marks;
  readonly rings: ReadonlySet<string>;
  readonly showValues: boolean;
  /** How much of the right side something covers. */
  readonly covered: number;
  /** Where the first view begins if not everything fits. */
  readonly start: string | null;
  readonly onSelect: (id: string | null, enter?: boolean) => void;
  readonly onOpen: (id: string) => void;
  readonly onUnfold: ((step: string) => void) | null;
  readonly handle?: Ref<GraphHandle>;
  readonly overlay?: ReactNode;
}

export function GraphView(props: GraphViewProps) {
  const { layout, selected, marks, covered } = props;
  const { t } = useLanguage();
  const canvas = useRef<HTMLDivElement>(null);
  const tree = useRef<HTMLDivElement>(null);
  const world = useRef<HTMLDivElement>(null);
  const viewport = useViewport(canvas, world, layout, covered, props.start);
  const hits = useMemo(() => new HitGrid(layout), [layout]);
  const [active, setActive] = useState<string | null>(null);
  const [hover, setHover] = useState<{ edge: Routed | null; node: Placed | null } | null>(null);
  const visible = useMemo(() => visibleNodes(layout, viewport.area), [layout, viewport.area]);
  const asBars = visible === null;
  const current = standIn(layout, active) ?? selected ?? first(layout);

  useImperativeHandle(props.handle, () => ({
    fit: viewport.fit,
    focus: () => tree.current?.focus(),
    show: (id) => {
      const node = layout.nodes.get(id);
      if (node) viewport.reveal(node);
    },
    active: () => current,
  }));
  useEffect(() => {
    const node = selected ? layout.nodes.get(selected) : undefined;
    if (!node) return;
    setActive(selected);
    // after the panel has taken its room
    const frame = requestAnimationFrame(() => viewport.reveal(node));
    return () => cancelAnimationFrame(frame);
    // only when the selection changes, or the room beside it: a refresh must not move the view
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected, covered]);

  const { onUnfold } = props;
  const unfoldAt = useMemo(
    () =>
      onUnfold &&
      ((step: string) => {
        setActive(step);
        onUnfold(step);
      }),
    [onUnfold],
  );
  const pointer = usePointer(canvas, viewport, hits, setHover, (id) => props.onSelect(id), props.onOpen);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== tree.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ARROWS[event.key];
    if (direction && current) {
      const next = neighbour(layout, current, direction);
      setActive(next);
      const node = layout.nodes.get(next);
      if (node) viewport.reveal(node);
    } else if (event.key === "Enter" && current) props.onSelect(current, true);
    else if (event.key === "+" || event.key === "=") viewport.zoomBy(1.25);
    else if (event.key === "-") viewport.zoomBy(0.8);
    else return;
    event.preventDefault();
  };
  const ids = useMemo(() => new Map([...layout.nodes.keys()].map((id, n) => [id, `ld-node-${n}`])), [layout]);
  const focusOn = (id: string | null) => (id === current ? "focus" : "");
  const detail = asBars ? "bars" : viewport.area.detail === "bars" ? "bars" : viewport.area.detail;
  return (
    <div ref={canvas} className={`canvas ${layout.edges.length > MANY_EDGES ? "many" : ""}`} {...pointer}>
      <div
        ref={tree}
        className="branches"
        role="tree"
        tabIndex={0}
        aria-label={props.label}
        aria-activedescendant={current ? ids.get(current) : undefined}
        onKeyDown={onKeyDown}
      >
        <div
          ref={world}
          className={`world ${detail} ${layout.measures.step.h < 40 ? "slim" : ""}`}
          role="presentation"
        >
          <BandStripes layout={layout} />
          <Edges layout={layout} marks={marks} />
          {asBars ? (
            <svg width="1" height="1" aria-hidden="true">
              <Bars layout={layout} marks={marks} selected={selected} />
            </svg>
          ) : (
            visible.map((node) => (
              <Card
                key={node.id}
                node={node}
                domId={ids.get(node.id)!}
                level={node.column + 1}
                find={layout.find}
                showValues={props.showValues}
                onUnfold={unfoldAt}
                mark={`${markOf(node.id, selected, marks)} ${focusOn(node.id)} ${props.rings.has(node.id) ? "ring" : ""}`}
              />
            ))
          )}
          {hover?.edge && <HoverEdge edge={hover.edge} />}
          {asBars && hover?.node && <HoverName node={hover.node} />}
        </div>
        {(asBars || !visible.some((node) => node.id === current)) && current && (
          <HiddenItem node={layout.nodes.get(current)!} domId={ids.get(current)!} layout={layout} />
        )}
      </div>
      <BandNames layout={layout} viewport={viewport} />
      <div
        className="float zoom"
        role="group"
        aria-label={t("zoom")}
        onPointerDown={(e) => e.stopPropagation()}
      >
        <button type="button" aria-label={t("zoomIn")} onClick={() => viewport.zoomBy(1.25)}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label={t("zoomOut")} onClick={() => viewport.zoomBy(0.8)}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label={t("fit")} onClick={viewport.fit}>
          <Icon name="fit" />
        </button>
      </div>
      <Minimap layout={layout} viewport={viewport} covered={covered} />
      <Offscreen layout={layout} viewport={viewport} covered={covered} />
      {props.overlay}
    </div>
  );
}

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

function visibleNodes(layout: Layout, area: Area): Placed[] | null {
  if (area.detail === "bars") return null;
  const inside = (margin: number) =>
    [...layout.nodes.values()].filter(
      (n) =>
        n.x + n.w >= area.x0 + margin * (area.x1 - area.x0) &&
        n.x <= area.x1 - margin * (area.x1 - area.x0) &&
        n.y + n.h >= area.y0 + margin * (area.y1 - area.y0) &&
        n.y <= area.y1 - margin * (area.y1 - area.y0),
    );
  const wide = inside(0);
  return wide.length <= ELEMENTS ? wide : null;
}

function markOf(id: string, selected: string | null, { up, down }: Marks): string {
  if (id === selected) return "sel";
  if (up?.nodes.has(id)) return "anc";
  if (down?.nodes.has(id)) return "";
  return up || down ? "dim" : "";
}

function HoverEdge({ edge }: { edge: Routed }) {
  const [x, y] = middle(edge);
  return (
    <>
      <svg width="1" height="1" aria-hidden="true">
        <path className="e hot" d={edge.path} />
        <path className="ah hot" d={arrowhead(edge)} />
      </svg>
      {edge.edge.param !== null && (
        <div className="param" style={{ left: x, top: y }}>
          {edge.edge.param}
        </div>
      )}
    </>
  );
}

function middle(edge: Routed): readonly [number, number] {
  const { points } = edge;
  if (points.length === 6) return [(points[2]![0] + points[3]![0]) / 2, points[2]![1]];
  return points[Math.floor(points.length / 2)]!;
}

function HoverName({ node }: { node: Placed }) {
  return (
    <div className="param" style={{ left: node.x + node.w / 2, top: node.y - 24, scale: "2" }}>
      {node.step?.name ?? node.artifact?.name}
    </div>
  );
}

/** Where nodes are bars or out of view, the active one still has an item for the screen reader. */
function HiddenItem({ node, domId, layout }: { node: Placed; domId: string; layout: Layout }) {
  const language = useLanguage();
  const label = node.step
    ? stepLabel(language, node.step, layout.find)
    : artifactLabel(language, node.artifact!);
  return <div id={domId} role="treeitem" aria-selected="false" className="sr" aria-label={label} />;
}

function Offscreen({
  layout,
  viewport,
  covered,
}: {
  layout: Layout;
  viewport: ReturnType<typeof useViewport>;
  covered: number;
}) {
  const { t } = useLanguage();
  const [hidden, setHidden] = useState(0);
  useEffect(() => {
    const update = () => {
      const { x, z } = viewport.view();
      const edge = (viewport.size().w - covered - x) / z;
      const columns = new Set(layout.stacks.filter((s) => s.x + s.w * 0.6 > edge).map((s) => s.column));
      setHidden(viewport.size().w ? columns.size : 0);
    };
    update();
    return viewport.subscribe(update);
  }, [layout, viewport, covered]);
  if (!hidden) return null;
  const go = () => {
    const { x, y, z } = viewport.view();
    const { w } = viewport.size();
    viewport.move({ x: Math.max(x - (w - covered) * 0.7, w - covered - 24 - layout.size.w * z), y, z });
  };
  return (
    <button
      type="button"
      className="btn small offscreen"
      style={{ right: 12 + covered }}
      onPointerDown={(event) => event.stopPropagation()}
      onClick={go}
    >
      {t("toTheRight", { n: hidden })}
      <Icon name="arrow" />
    </button>
  );
}

function usePointer(
  canvas: React.RefObject<HTMLDivElement | null>,
  viewport: ReturnType<typeof useViewport>,
  hits: HitGrid,
  setHover: (hover: { edge: Routed | null; node: Placed | null } | null) => void,
  onSelect: (id: string | null) => void,
  onOpen: (id: string) => void,
) {
  const drag = useRef<{
    x: number;
    y: number;
    view: { x: number; y: number; z: number };
    moved: boolean;
  } | null>(null);
  const move = viewport.move;
  const { zoomBy } = viewport;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const rect = element.getBoundingClientRect();
      const step = Math.max(-60, Math.min(60, event.deltaY)) * (event.ctrlKey ? 2 : 1);
      zoomBy(Math.exp(-step * 0.004), [event.clientX - rect.left, event.clientY - rect.top]);
    };
    // React's own wheel listener is passive and could not keep the page from scrolling
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [canvas, zoomBy]);
  const hit = (event: PointerEvent | React.MouseEvent) =>
    hits.at(...viewport.toWorld(event.clientX, event.clientY), 7 / viewport.view().z);
  const end = () => {
    drag.current = null;
    canvas.current?.classList.remove("pan");
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      drag.current = { x: event.clientX, y: event.clientY, view: viewport.view(), moved: false };
    },
    onPointerMove: (event: PointerEvent) => {
      const from = drag.current;
      if (!from) {
        const found = hit(event);
        canvas.current?.classList.toggle("fold-hover", found.node !== null);
        setHover(found.edge || found.node ? found : null);
        return;
      }
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(dx, dy) < 4) return;
      if (!from.moved) {
        from.moved = true;
        canvas.current?.classList.add("pan");
        canvas.current?.setPointerCapture(event.pointerId);
        setHover(null);
      }
      move({ ...from.view, x: from.view.x + dx, y: from.view.y + dy });
    },
    onPointerUp: (event: PointerEvent) => {
      const from = drag.current;
      end();
      if (from && !from.moved) onSelect(hit(event).node?.id ?? null);
    },
    onPointerCancel: end,
    onPointerLeave: () => setHover(null),
    onDoubleClick: (event: React.MouseEvent) => {
      const { node } = hit(event);
      if (node) onOpen(node.id);
    },
  };
}
