import { memo, useEffect, useRef, type PointerEvent } from "react";
import { useLanguage } from "../ui/language";
import { Bars } from "./edges";
import type { Layout } from "./place";
import type { Viewport } from "./viewport";

const PAD = 24;
const NO_MARKS = { up: null, down: null };

/** The whole graph, small. It hides while everything is in view. */
export const Minimap = memo(function Minimap({
  layout,
  viewport,
  covered,
}: {
  layout: Layout;
  viewport: Viewport;
  covered: number;
}) {
  const { t } = useLanguage();
  const frame = useRef<HTMLDivElement>(null);
  const seen = useRef<SVGRectElement>(null);
  const full = { w: layout.size.w + 2 * PAD, h: layout.size.h + 2 * PAD };
  const k = Math.min(176 / full.w, 104 / full.h);
  const [w, h] = [Math.max(60, full.w * k), Math.max(30, full.h * k)];

  useEffect(() => {
    const update = () => {
      const { x, y, z } = viewport.view();
      const size = viewport.size();
      const rect = { x: -x / z, y: -y / z, w: (size.w - covered) / z, h: size.h / z };
      const all =
        rect.x <= 0 && rect.y <= 0 && rect.x + rect.w >= layout.size.w && rect.y + rect.h >= layout.size.h;
      if (frame.current) frame.current.style.display = all ? "none" : "block";
      for (const [name, value] of Object.entries({ x: rect.x, y: rect.y, width: rect.w, height: rect.h })) {
        seen.current?.setAttribute(name, String(value));
      }
    };
    update();
    return viewport.subscribe(update);
  }, [layout, viewport, covered]);

  const jump = (event: PointerEvent) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const rect = frame.current!.getBoundingClientRect();
    const x = ((event.clientX - rect.left) / rect.width) * full.w - PAD;
    const y = ((event.clientY - rect.top) / rect.height) * full.h - PAD;
    viewport.center({ x, y, w: 0, h: 0 });
  };
  return (
    <div
      ref={frame}
      className="float mini"
      style={{ right: 12 + covered, display: "none" }}
      role="img"
      aria-label={t("overview")}
      onPointerDown={(event) => {
        event.stopPropagation();
        jump(event);
      }}
      onPointerMove={jump}
    >
      <svg width={w} height={h} viewBox={`${-PAD} ${-PAD} ${full.w} ${full.h}`}>
        <Bars layout={layout} marks={NO_MARKS} selected={null} />
        <rect ref={seen} className="view" vectorEffect="non-scaling-stroke" />
      </svg>
    </div>
  );
});
