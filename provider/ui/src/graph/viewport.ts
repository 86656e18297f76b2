/** Pan and zoom. The view moves without rendering; React hears only when other nodes come near. */

import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { Box, Layout } from "./place";

export interface View {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
export type Detail = "full" | "compact" | "bars";

/** The part of the world that has elements: the visible part and one screen around it. */
export interface Area {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly detail: Detail;
}

export const ZOOM = { min: 0.06, max: 1.6, comfortable: 0.6 };
const MARGIN = 24;

export function detailOf(z: number): Detail {
  return z >= 0.75 ? "full" : z >= 0.45 ? "compact" : "bars";
}

export interface Viewport {
  readonly area: Area;
  readonly view: () => View;
  readonly size: () => { w: number; h: number };
  readonly move: (to: View) => void;
  readonly zoomBy: (factor: number, at?: readonly [number, number]) => void;
  readonly fit: () => void;
  readonly reveal: (box: Box) => void;
  readonly center: (box: Box, z?: number) => void;
  readonly toWorld: (clientX: number, clientY: number) => readonly [number, number];
  readonly subscribe: (listener: () => void) => () => void;
}

export function useViewport(
  canvas: RefObject<HTMLElement | null>,
  world: RefObject<HTMLElement | null>,
  layout: Layout,
  covered: number,
  start: string | null,
): Viewport {
  const view = useRef<View>({ x: MARGIN, y: MARGIN, z: 1 });
  const sizeRef = useRef({ w: 0, h: 0 });
  const listeners = useRef(new Set<() => void>());
  const begun = useRef(false);
  const [area, setArea] = useState<Area>({ x0: 0, y0: 0, x1: 0, y1: 0, detail: "full" });
  const areaRef = useRef(area);
  const latest = useRef({ layout, covered, start });
  latest.current = { layout, covered, start };

  const refresh = useCallback(() => {
    const { x, y, z } = view.current;
    const { w, h } = sizeRef.current;
    const seen = { x0: -x / z, y0: -y / z, x1: (w - x) / z, y1: (h - y) / z };
    const a = areaRef.current;
    const inside = seen.x0 >= a.x0 && seen.y0 >= a.y0 && seen.x1 <= a.x1 && seen.y1 <= a.y1;
    if (inside && a.detail === detailOf(z) && a.x1 - a.x0 < (4 * w) / z) return;
    const next = {
      x0: seen.x0 - w / z,
      y0: seen.y0 - h / z,
      x1: seen.x1 + w / z,
      y1: seen.y1 + h / z,
      detail: detailOf(z),
    };
    areaRef.current = next;
    setArea(next);
  }, []);

  const move = useCallback(
    (to: View) => {
      view.current = to;
      if (world.current) {
        world.current.style.transform = `translate(${to.x}px,${to.y}px) scale(${to.z})`;
      }
      refresh();
      listeners.current.forEach((listener) => listener());
    },
    [refresh, world],
  );

  const api = useMemo(() => {
    const free = () => ({
      w: Math.max(80, sizeRef.current.w - latest.current.covered),
      h: sizeRef.current.h,
    });
    const fitted = () => {
      const { w, h } = free();
      const size = latest.current.layout.size;
      return Math.min(1, (w - 2 * MARGIN) / Math.max(1, size.w), (h - 2 * MARGIN) / Math.max(1, size.h));
    };
    const fit = () => {
      const { w, h } = free();
      const size = latest.current.layout.size;
      const z = Math.max(ZOOM.min, fitted());
      // a low graph hangs a little above the middle, where one looks first
      move({ x: (w - size.w * z) / 2, y: Math.max(MARGIN, (h - size.h * z) * 0.42), z });
    };
    const center = (box: Box, z = view.current.z) => {
      const { w, h } = free();
      move({ x: w / 2 - (box.x + box.w / 2) * z, y: h / 2 - (box.y + box.h / 2) * z, z });
    };
    const begin = () => {
      const z = fitted();
      const first = latest.current.start ? latest.current.layout.nodes.get(latest.current.start) : undefined;
      if (z >= ZOOM.comfortable) fit();
      else if (first) center(first, ZOOM.comfortable);
      else move({ x: MARGIN, y: MARGIN, z: ZOOM.comfortable });
    };
    const reveal = (box: Box) => {
      const { w, h } = free();
      const { x, y, z } = view.current;
      const edge = (low: number, high: number, length: number, at: number) => {
        const room = Math.min(MARGIN + 8, length / 8);
        if (low + at < room) return room - low;
        return high + at > length - room ? length - room - high : at;
      };
      const nx = edge(box.x * z, (box.x + box.w) * z, w, x);
      const ny = edge(box.y * z, (box.y + box.h) * z, h, y);
      if (nx !== x || ny !== y) move({ x: nx, y: ny, z });
    };
    const zoomBy = (factor: number, at?: readonly [number, number]) => {
      const { w, h } = free();
      const { x, y, z } = view.current;
      const next = Math.max(Math.min(ZOOM.min, fitted()), Math.min(ZOOM.max, z * factor));
      const [px, py] = at ?? [w / 2, h / 2];
      move({ x: px - ((px - x) * next) / z, y: py - ((py - y) * next) / z, z: next });
    };
    const toWorld = (clientX: number, clientY: number) => {
      const rect = canvas.current!.getBoundingClientRect();
      const { x, y, z } = view.current;
      return [(clientX - rect.left - x) / z, (clientY - rect.top - y) / z] as const;
    };
    const subscribe = (listener: () => void) => {
      listeners.current.add(listener);
      return () => listeners.current.delete(listener);
    };
    return {
      view: () => view.current,
      size: () => sizeRef.current,
      move,
      zoomBy,
      fit,
      reveal,
      center,
      begin,
      toWorld,
      subscribe,
    };
  }, [canvas, move]);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      sizeRef.current = { w: element.clientWidth, h: element.clientHeight };
      if (!begun.current && element.clientWidth > 0 && latest.current.layout.nodes.size) {
        begun.current = true;
        api.begin();
      } else move(view.current);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [canvas, api, move]);

  useEffect(() => {
    if (!begun.current && sizeRef.current.w > 0 && layout.nodes.size) {
      begun.current = true;
      api.begin();
    } else if (begun.current) move(view.current);
  }, [layout, api, move]);

  return useMemo(() => ({ ...api, area }), [api, area]);
}
