import type { Histogram } from "../api/types";
import { useLanguage } from "../ui/language";

/** A small histogram in a table's head. */
export function Spark({
  counts,
  width = 46,
  height = 16,
}: {
  counts: readonly number[];
  width?: number;
  height?: number;
}) {
  const most = Math.max(1, ...counts);
  const pitch = width / Math.max(1, counts.length);
  return (
    <svg width={width} height={height} aria-hidden="true" style={{ display: "block" }}>
      {counts.map((count, n) => {
        const tall = count ? Math.max(1, (count / most) * height) : 0;
        return (
          <rect
            key={n}
            className="hist"
            opacity={0.8}
            x={n * pitch}
            y={height - tall}
            width={Math.max(0.5, pitch - 1)}
            height={tall}
          />
        );
      })}
    </svg>
  );
}

export function HistogramChart({ histogram, height = 168 }: { histogram: Histogram; height?: number }) {
  const { t, figure, number } = useLanguage();
  const { edges, counts } = histogram;
  const width = 350;
  const base = height - 18;
  const most = Math.max(1, ...counts);
  const pitch = width / Math.max(1, counts.length);
  const total = counts.reduce((a, b) => a + b, 0);
  const fullest = counts.indexOf(most);
  const label = t("histogramLabel", {
    n: total,
    min: figure(edges[0] ?? 0),
    max: figure(edges.at(-1) ?? 0),
    a: figure(edges[fullest] ?? 0),
    b: figure(edges[fullest + 1] ?? 0),
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      className="chart"
      role="img"
      aria-label={label}
      style={{ fontSize: 10 }}
    >
      {[0.5, 1].map((part) => (
        <g key={part}>
          <line
            className="axis"
            x1="0"
            x2={width}
            y1={base * (1 - part * 0.9)}
            y2={base * (1 - part * 0.9)}
            strokeDasharray="2 3"
          />
          <text x={width} y={base * (1 - part * 0.9) - 3} textAnchor="end">
            {number(Math.round(most * part))}
          </text>
        </g>
      ))}
      <line className="axis" x1="0" x2={width} y1={base + 0.5} y2={base + 0.5} />
      {counts.map((count, n) => {
        const tall = count ? Math.max(1.5, (count / most) * base * 0.9) : 0;
        return (
          <rect
            key={n}
            className="hist"
            x={n * pitch + 1}
            y={base - tall}
            width={Math.max(0.5, pitch - 2)}
            height={tall}
            rx="1"
          />
        );
      })}
      {edges.length > 1 &&
        ticks.map((part) => (
          <text
            key={part}
            x={part * width}
            y={height - 4}
            textAnchor={part === 0 ? "start" : part === 1 ? "end" : "middle"}
          >
            {figure(edges[0]! + (edges.at(-1)! - edges[0]!) * part)}
          </text>
        ))}
    </svg>
  );
}
