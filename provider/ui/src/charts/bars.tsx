import type { Attempt } from "../api/types";
import { duration, memory, plain } from "../ui/format";
import { useLanguage } from "../ui/language";

const PHASES = [
  ["queued_s", "queuedTime", "var(--mute)"],
  ["stage_in_s", "stageIn", "var(--ink-mute)"],
  ["run_s", "run", "var(--ink)"],
  ["stage_out_s", "stageOut", "var(--edge)"],
] as const;

/** Where the time of an attempt went. */
export function PhaseBar({ timings }: { timings: Readonly<Record<string, number>> }) {
  const { t } = useLanguage();
  const parts = PHASES.flatMap(([name, key, colour]) => {
    const seconds = timings[name];
    return typeof seconds === "number" && seconds > 0 ? [{ key, colour, seconds }] : [];
  });
  const total = parts.reduce((sum, part) => sum + part.seconds, 0);
  if (!total) return <span className="muted">–</span>;
  return (
    <>
      <div className="row" style={{ gap: 2, height: 12 }} aria-hidden="true">
        {parts.map((part) => (
          <span
            key={part.key}
            style={{
              flex: `${part.seconds / total} 1 3px`,
              height: 12,
              borderRadius: 2,
              background: part.colour,
            }}
          />
        ))}
      </div>
      <div className="flow small muted" style={{ marginTop: 6, gap: 14 }}>
        {parts.map((part) => (
          <span key={part.key} className="row" style={{ gap: 5 }}>
            <Swatch colour={part.colour} />
            {t(part.key)}{" "}
            <span className="num" style={{ color: "var(--fg)" }}>
              {duration(part.seconds)}
            </span>
          </span>
        ))}
      </div>
    </>
  );
}

function Swatch({ colour }: { colour: string }) {
  return (
    <i
      style={{ width: 9, height: 9, borderRadius: 2, background: colour, border: "1px solid var(--strong)" }}
      aria-hidden="true"
    />
  );
}

/** Memory and CPU that an attempt used. */
export function ProfileFacts({ attempt }: { attempt: Attempt }) {
  const { t } = useLanguage();
  const profile = attempt.profile ?? {};
  const number = (name: string) => (typeof profile[name] === "number" ? (profile[name] as number) : null);
  const rows = [
    [t("peakMemory"), number("peak_rss_bytes") === null ? null : memory(number("peak_rss_bytes"))],
    [t("cpu"), number("cpu_s") === null ? null : duration(number("cpu_s"))],
    [t("bytesIn"), number("bytes_in") ? memory(number("bytes_in")) : null],
    [t("bytesOut"), number("bytes_out") ? memory(number("bytes_out")) : null],
    ...Object.entries(attempt.requested ?? {}).map(([name, value]) => [
      t("requested", { name: name in ASKED ? t(ASKED[name as keyof typeof ASKED]) : name }),
      asked(value),
    ]),
  ].filter(([, value]) => value !== null);
  if (!rows.length) return null;
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt className="muted small">{name}</dt>
          <dd>
            <b>{value}</b>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const ASKED = { cpu: "askedCpu", memory: "askedMemory", disk: "askedDisk" } as const;

/** `2`, `4GiB`, `1 × l4`, as the step has it. */
function asked(value: unknown): string {
  if (typeof value !== "object" || value === null) return plain(value, 60);
  const { type, count } = value as { type?: unknown; count?: unknown };
  return [count, type]
    .filter((part) => part != null)
    .map(String)
    .join(" × ");
}

/** The attempts beside one another, each from its start. */
export function AttemptBars({ attempts }: { attempts: readonly Attempt[] }) {
  const { t } = useLanguage();
  const spans = attempts.map((attempt) => {
    const end = Date.parse(attempt.time) / 1000;
    const parts = PHASES.map(([name, key, colour]) => ({
      key,
      colour,
      seconds: Math.max(0, attempt.timings?.[name] ?? 0),
    }));
    const known = parts.reduce((sum, part) => sum + part.seconds, 0);
    return {
      id: attempt.event_id,
      start: end - (known || attempt.duration_s),
      end,
      parts,
      status: attempt.status,
    };
  });
  const first = Math.min(...spans.map((span) => span.start));
  const whole = Math.max(0.001, Math.max(...spans.map((span) => span.end)) - first);
  const W = 580;
  const x = (seconds: number) => ((seconds - first) / whole) * W;
  return (
    <svg
      viewBox={`0 0 ${W} ${18 + spans.length * 32}`}
      className="chart"
      role="img"
      aria-label={t("attempts")}
      style={{ overflow: "visible" }}
    >
      {[0, 0.25, 0.5, 0.75, 1].map((part) => (
        <g key={part}>
          <line className="axis" x1={part * W} x2={part * W} y1="14" y2={16 + spans.length * 32} />
          <text x={part * W} y="9" textAnchor={part === 0 ? "start" : part === 1 ? "end" : "middle"}>
            {duration(part * whole)}
          </text>
        </g>
      ))}
      {spans.map((span, n) => {
        let at = span.start;
        const y = 20 + n * 32;
        return (
          <g key={span.id}>
            {span.parts.map((part) => {
              const from = at;
              at += part.seconds;
              return part.seconds > 0 ? (
                <rect
                  key={part.key}
                  x={x(from)}
                  y={y}
                  width={Math.max(2, x(at) - x(from) - 1)}
                  height="16"
                  rx="2"
                  fill={part.colour}
                  stroke={part.key === "queuedTime" ? "var(--strong)" : undefined}
                />
              ) : null;
            })}
            {span.status !== "succeeded" && span.status !== "cached" && (
              <rect
                x={Math.max(0, x(span.end) - 3)}
                y={y - 3}
                width="3"
                height="22"
                rx="1"
                fill="var(--failed)"
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}
