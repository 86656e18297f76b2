import { memo } from "react";
import type { Layout } from "./place";
import type { Routed } from "./route";
import type { Trace } from "./trace";

export interface Marks {
  readonly up: Trace | null;
  readonly down: Trace | null;
}

type Look = "" | "dash" | "dim" | "hot" | "down";

/** One path for each look, however many edges there are; the marked ones come last, on top. */
export const Edges = memo(function Edges({ layout, marks }: { layout: Layout; marks: Marks }) {
  const groups: Record<Look, Routed[]> = { dim: [], "": [], dash: [], down: [], hot: [] };
  layout.edges.forEach((edge, n) => groups[look(layout, marks, edge, n)].push(edge));
  return (
    <svg width="1" height="1" className="edges" aria-hidden="true">
      <Stubs layout={layout} />
      {(Object.keys(groups) as Look[]).map((name) =>
        groups[name].length ? (
          <g key={name}>
            <path className={`e ${name}`} d={groups[name].map((edge) => edge.path).join("")} />
            <path className={`ah ${name}`} d={groups[name].map(arrowhead).join("")} />
          </g>
        ) : null,
      )}
    </svg>
  );
});

export function arrowhead({ tip: [x, y] }: Routed): string {
  return `M${x} ${y}l-7 -4v8z`;
}

function look(layout: Layout, marks: Marks, edge: Routed, index: number): Look {
  if (marks.up?.edges.has(index)) return "hot";
  if (marks.down?.edges.has(index)) return "down";
  if (marks.up || marks.down) return "dim";
  return edge.edge.waits || layout.find.artifacts.get(edge.from)?.missing ? "dash" : "";
}

/** The short lines from a step to what it made. */
function Stubs({ layout }: { layout: Layout }) {
  let d = "";
  for (const [id, outputs] of layout.find.outputs) {
    const step = layout.nodes.get(id);
    const last = layout.nodes.get(outputs.at(-1)!.id);
    if (!step || !last) continue;
    const x = step.x + 4;
    d += `M${x} ${step.y + step.h - 6}V${last.y + last.h / 2}`;
    for (const output of outputs) {
      const node = layout.nodes.get(output.id)!;
      d += `M${x} ${node.y + node.h / 2}H${node.x}`;
    }
  }
  return <path className="stub" d={d} />;
}

/** Nodes as bars in the colour of their state: one path for each state. */
export const Bars = memo(function Bars({
  layout,
  marks,
  selected,
}: {
  layout: Layout;
  marks: Marks;
  selected: string | null;
}) {
  const groups = new Map<string, string>();
  const marked = marks.up || marks.down;
  for (const node of layout.nodes.values()) {
    const dim = marked && !marks.up?.nodes.has(node.id) && !marks.down?.nodes.has(node.id) ? " dim" : "";
    const look = node.step
      ? `s-${node.step.state}${node.step.state === "failed" ? " failed" : ""}`
      : "artifact";
    const key = node.id === selected ? "sel" : look + dim;
    const grow = node.step?.state === "failed" ? 6 : 0;
    const [x, y, w, h] = [node.x - grow, node.y - grow, node.w + 2 * grow, node.h + 2 * grow];
    groups.set(key, `${groups.get(key) ?? ""}M${x} ${y}h${w}v${h}h${-w}z`);
  }
  const failedLast = [...groups].sort(
    ([a], [b]) => Number(a.includes("failed")) - Number(b.includes("failed")),
  );
  return (
    <g>
      {failedLast.map(([key, d]) => (
        <path key={key} className={`bar ${key}`} d={d} />
      ))}
    </g>
  );
});
