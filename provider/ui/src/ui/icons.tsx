/** Line icons on a grid of 24; circles are [x, y, radius]. */

import type { CSSProperties } from "react";

type Circle = readonly [number, number, number];
type Drawing = readonly (string | Circle)[];

const DRAWINGS = {
  lineage: ["M8 6c5 0 3.5 6 8.5 6M8 18c5 0 3.5-6 8.5-6", [5.5, 6, 2.5], [5.5, 18, 2.5], [19, 12, 2.5]],
  search: [[10.5, 10.5, 6.5], "M15.3 15.3 21 21"],
  chevron: ["m9 5 7 7-7 7"],
  down: ["m5 9 7 7 7-7"],
  up: ["m5 15 7-7 7 7"],
  check: ["m4 12.5 5.5 5.500L20 6.5"],
  x: ["M5 5l14 14M19 5 5 19"],
  bang: ["M12 4v10M12 19v.5"],
  dash: ["M5 12h14"],
  dots: ["M5 12h.01M12 12h.01M19 12h.01"],
  again: ["M18 8a7 7 0 1 0 1 6M18 3v5h-5"],
  pause: ["M8 5v14M16 5v14"],
  plus: ["M12 5v14M5 12h14"],
  minus: ["M5 12h14"],
  table: ["M3 5h18v14H3zM3 10h18M9 10v9M15 10v9"],
  array: [
    "M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z",
  ],
  model: ["m12 3 8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.5 8-4.500M12 12v9"],
  figure: ["M3 4h18v16H3zM3 16l5-5 4 4 3-3 6 5", [15.5, 8.5, 1.5]],
  metrics: ["M5 20v-9M11 20V5M17 20v-6M3 20h18"],
  json: ["M9 4c-5 0-1 8-5 8 4 0 0 8 5 8M15 4c5 0 1 8 5 8-4 0 0 8-5 8"],
  value: ["M9 4c-5 0-1 8-5 8 4 0 0 8 5 8M15 4c5 0 1 8 5 8-4 0 0 8-5 8"],
  text: ["M5 6h14M5 12h14M5 18h8"],
  bytes: ["M6 3h8l5 5v13H6zM14 3v5h5"],
  directory: ["M3 6h7l2 3h9v10H3z"],
  external: ["M10 14a4 4 0 0 1 0-6l3-3a4 4 0 0 1 6 6l-2 2M14 10a4 4 0 0 1 0 6l-3 3a4 4 0 0 1-6-6l2-2"],
  local: ["M3 5h18v11H3zM8 20h8M12 16v4"],
  venv: ["m12 3 8 4.500v9L12 21l-8-4.500v-9zM8.5 9.500l3 3-3 3M13 15.500h3"],
  docker: [
    "M3 11h3v3H3zM7 11h3v3H7zM11 11h3v3h-3zM7 7h3v3H7zM11 7h3v3h-3zM2 15c0 7 14 7 16-2 2 0 3-1 4-2-2-1-3-1-4 0",
  ],
  kubernetes: ["m12 2.5 7.5 3.7 1.8 8-5.1 6.500H7.800l-5.1-6.5 1.8-8zM12 8v8M8 12h8"],
  vertex: ["m4 5 8 15 8-15M12 5v6", [12, 13, 1]],
  databricks: ["m3 8 9 5 9-5-9-5zM3 12.500l9 5 9-5M3 17l9 5 9-5"],
  target: [
    [12, 12, 8],
    [12, 12, 3],
  ],
  task: ["M5 4h14v16H5zM9 9h6M9 13h6"],
  copy: ["M8 8h12v12H8zM4 16V4h12"],
  open: ["M14 4h6v6M20 4l-9 9M18 14v6H4V6h6"],
  fold: ["M4 12h16M12 3v5M9 6l3 3 3-3M12 21v-5M9 18l3-3 3 3"],
  fit: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  tag: ["M3 12V4h8l10 10-8 7z", [7.5, 8, 1]],
  list: ["M8 6h13M8 12h13M8 18h13M3.5 6h.1M3.5 12h.1M3.5 18h.1"],
  expand: ["M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7"],
  bolt: ["M13 2 5 14h6l-1 8 8-12h-6z"],
  download: ["M12 4v12M7 11l5 5 5-5M4 20h16"],
  log: ["M5 4h14v16H5zM9 9h6M9 13h6M9 17h3"],
  arrow: ["M4 12h16M14 6l6 6-6 6"],
  equal: ["M5 9h14M5 15h14"],
  differ: ["M5 9h14M5 15h14M17 4 7 20"],
  rise: ["M12 20V5M6 11l6-6 6 6"],
  drop: ["M12 4v15M6 13l6 6 6-6"],
  history: [[12, 12, 9], "M12 7v5l-3 2"],
  warn: ["m12 3 10 18H2zM12 10v5M12 18v.1"],
  legend: ["M4 6h3M4 12h3M4 18h3M11 6h9M11 12h9M11 18h9"],
  refresh: ["M20 5v5h-5M20 10a8 8 0 1 0 0 5"],
  swap: ["M4 8h15M15 4l4 4-4 4M20 16H5M9 12l-4 4 4 4"],
  filter: ["M3 4h18l-7 9v7l-4-3v-4z"],
  book: ["M12 6c-3-2-6-2-9-1v14c3-1 6-1 9 1 3-2 6-2 9-1V5c-3-1-6-1-9 1zM12 6v14"],
  keys: ["M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8"],
} satisfies Record<string, Drawing>;

export type IconName = keyof typeof DRAWINGS;

export function isIcon(name: string | null | undefined): name is IconName {
  return name != null && Object.hasOwn(DRAWINGS, name);
}

export function Icon({ name, size }: { name: IconName; size?: number }) {
  const style: CSSProperties | undefined = size ? { width: size, height: size } : undefined;
  return (
    <svg className="i" viewBox="0 0 24 24" aria-hidden="true" style={style}>
      {(DRAWINGS[name] as Drawing).map((part, n) =>
        typeof part === "string" ? (
          <path key={n} d={part} />
        ) : (
          <circle key={n} cx={part[0]} cy={part[1]} r={part[2]} />
        ),
      )}
    </svg>
  );
}
