import { useLayoutEffect, useRef, useState } from "react";
import { useLanguage } from "../ui/language";
import { ticks } from "./scale";

export interface Point {
  readonly id: string;
  readonly label: string;
  readonly value: number | null;
  readonly failed: boolean;
  /** What changed against the run before, in words. */
  readonly note: string | null;
  readonly pick: "A" | "B" | null;
}

/** One metric over runs, oldest left. A click picks a run; the table below does the same by keyboard. */
export function RunChart({
  points,
  metric,
  onPick,
}: {
  points: readonly Point[];
  metric: string;
  onPick: (id: string) => void;
}) {
  const { t, figure } = useLanguage();
  const [frame, width] = useWidth(1060);
  const [H, L, R, T, B] = [172, 48, 20, 16, 24];
  const values = points.flatMap((point) => (point.value === null ? [] : [point.value]));
  const scale = values.length ? ticks(Math.min(...values), Math.max(...values)) : [0, 1];
  const [low, high] = [scale[0]!, scale.at(-1)!];
  const X = (n: number) =>
    points.length < 2 ? (L + width - R) / 2 : L + (n * (width - L - R)) / (points.length - 1);
  const Y = (v: number) => T + ((high - v) / (high - low || 1)) * (H - T - B);
  const { line, gaps } = lines(points, X, Y);
  const every = Math.max(1, Math.ceil(points.length / 6));
  const label = values.length
    ? t("chartLabel", {
        metric,
        n: values.length,
        min: figure(Math.min(...values)),
        max: figure(Math.max(...values)),
        failed: points.length - values.length,
      })
    : t("noMetrics");
  return (
    <div ref={frame}>
      <svg viewBox={`0 0 ${width} ${H}`} className="chart" role="img" aria-label={label} height={H}>
        {scale.map((value) => (
          <g key={value}>
            <line className="axis" x1={L} x2={width - R} y1={Y(value)} y2={Y(value)} />
            <text x={L - 8} y={Y(value) + 4} textAnchor="end">
              {figure(value)}
            </text>
          </g>
        ))}
        {points.map(
          (point, n) =>
            point.note && (
              <g key={point.id}>
                <line className="mark" x1={X(n)} x2={X(n)} y1={T} y2={H - B} />
                <text
                  x={X(n) + (n < points.length / 2 ? 5 : -5)}
                  y={T + 8 + (n % 2) * 13}
                  textAnchor={n < points.length / 2 ? "start" : "end"}
                >
                  {point.note}
                </text>
              </g>
            ),
        )}
        <path className="gap" d={gaps} />
        <path className="line" d={line} />
        {points.map((point, n) => (
          <Dot
            key={point.id}
            point={point}
            x={X(n)}
            y={point.value === null ? H - B : Y(point.value)}
            onPick={onPick}
          />
        ))}
        {points.map((point, n) =>
          n % every === 0 || n === points.length - 1 ? (
            <text
              key={point.id}
              x={X(n)}
              y={H - 5}
              textAnchor={n === 0 ? "start" : n === points.length - 1 ? "end" : "middle"}
            >
              {n === points.length - 1 || points.length - 1 - n >= every / 2 ? point.label : ""}
            </text>
          ) : null,
        )}
      </svg>
    </div>
  );
}

function Dot({ point, x, y, onPick }: { point: Point; x: number; y: number; onPick: (id: string) => void }) {
  return (
    <g onClick={() => onPick(point.id)} style={{ cursor: "pointer" }}>
      <title>{point.label}</title>
      <circle cx={x} cy={y} r={12} fill="transparent" />
      {point.pick ? (
        <>
          <circle className="ab" cx={x} cy={y} r={9} />
          <text className="abt" x={x} y={y + 3.5} textAnchor="middle">
            {point.pick}
          </text>
        </>
      ) : point.value !== null ? (
        <circle className="dot" cx={x} cy={y} r={3.2} />
      ) : point.failed ? (
        <FailedMark x={x} y={y} />
      ) : null}
    </g>
  );
}

export function FailedMark({ x, y }: { x: number; y: number }) {
  return (
    <g transform={`translate(${x} ${y})`} aria-hidden="true">
      <rect x="-6" y="-6" width="12" height="12" rx="3" fill="var(--failed)" />
      <path d="M-3 -3l6 6M3 -3l-6 6" stroke="var(--glyph)" strokeWidth="1.8" />
    </g>
  );
}

/** The line breaks where a run has no value; a dotted one bridges the gap. */
export function lines(
  points: readonly { value: number | null }[],
  X: (n: number) => number,
  Y: (v: number) => number,
) {
  let line = "";
  let gaps = "";
  let last: number | null = null;
  points.forEach(({ value }, n) => {
    if (value === null) return;
    const here = `${X(n).toFixed(1)} ${Y(value).toFixed(1)}`;
    line += `${last === n - 1 ? "L" : "M"}${here}`;
    if (last !== null && last < n - 1)
      gaps += `M${X(last).toFixed(1)} ${Y(points[last]!.value!).toFixed(1)}L${here}`;
    last = n;
  });
  return { line, gaps };
}

export function useWidth(first: number) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setWidth(Math.max(280, element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}
