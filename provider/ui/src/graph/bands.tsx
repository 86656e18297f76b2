import { useEffect, useRef } from "react";
import { useLanguage } from "../ui/language";
import { SIDE_LABEL, type Layout } from "./place";
import type { Viewport } from "./viewport";

const FAR = 20000;

/** Stripes behind the steps of one group or one DAG's run. */
export function BandStripes({ layout }: { layout: Layout }) {
  if (!banded(layout)) return null;
  return layout.bands.map((band, n) => (
    <div
      key={n}
      className={`band ${n % 2 ? "odd" : ""}`}
      style={{ top: band.y, height: band.h, left: -FAR, width: layout.size.w + 2 * FAR }}
    />
  ));
}

/** Their names, which stay at the left edge while the graph moves. */
export function BandNames({ layout, viewport }: { layout: Layout; viewport: Viewport }) {
  const language = useLanguage();
  const names = useRef<(HTMLElement | null)[]>([]);
  const wide = isWide(layout);
  useEffect(() => {
    const update = () => {
      const { x, y, z } = viewport.view();
      layout.bands.forEach((band, n) => {
        const element = names.current[n];
        if (!element) return;
        element.style.top = `${band.y * z + y}px`;
        element.style.height = `${band.h * z}px`;
        if (wide) element.style.left = `${Math.max(0, Math.min(x, 0))}px`;
      });
    };
    update();
    return viewport.subscribe(update);
  }, [layout, viewport, wide]);
  if (!banded(layout)) return null;
  return layout.bands.map((band, n) => {
    const step = band.steps[0];
    const name = wide && step ? step.dagId : band.name;
    return (
      <div
        key={n}
        ref={(element) => {
          names.current[n] = element;
        }}
        className={`bandname ${wide ? "wide" : band.name === null ? "" : "side"}`}
        title={name ?? undefined}
      >
        {wide ? <div className="ell strong">{name}</div> : <span className="ell">{name}</span>}
        {wide && step && <div className="ell muted small">{runLabel(step.runId, language.clock)}</div>}
      </div>
    );
  });
}

function banded(layout: Layout): boolean {
  return layout.bands.length > 1 || (isWide(layout) && layout.bands.length > 0);
}

/** Across DAGs the names of DAG and run lie level. */
function isWide(layout: Layout): boolean {
  return layout.measures.label > SIDE_LABEL;
}

/** The time in a run's name, where Airflow made the name. */
export function runLabel(runId: string, clock: (time: string) => string): string {
  const time = /__(\d{4}-\d\d-\d\dT[\d:.+Z-]+)/.exec(runId)?.[1];
  return time ? clock(time) : runId;
}
