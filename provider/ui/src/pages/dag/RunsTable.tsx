import { Link } from "react-router-dom";
import type { Cell, Column, RunRow } from "../../api/types";
import { stateOf } from "../../graph/facts";
import { runLabel } from "../../graph/bands";
import { place } from "../../host";
import { duration, plain } from "../../ui/format";
import { useLanguage } from "../../ui/language";
import { StateWord } from "../../ui/parts";
import { SortHead, compareValues, useSorting } from "../../ui/sorting";
import { cellValue } from "./filter";

interface Props {
  readonly dagId: string;
  readonly rows: readonly RunRow[];
  readonly params: readonly Column[];
  readonly metrics: readonly Column[];
  readonly charted: string | null;
  readonly changed: ReadonlyMap<string, readonly string[]>;
  readonly a: string | null;
  readonly b: string | null;
  readonly onPick: (run: string) => void;
  readonly write: (value: number) => string;
  readonly clock: (time: string | null) => string;
}

export function RunsTable(props: Props) {
  const { rows, params, metrics, charted } = props;
  const { t } = useLanguage();
  const sorting = useSorting("made", true);
  const value = (row: RunRow): unknown => {
    if (sorting.by === "made") return row.logical_date ?? row.started;
    if (sorting.by === "state") return row.state;
    if (sorting.by === "duration") return row.duration_s;
    return cellValue(
      sorting.by.startsWith("p:") ? row.params[sorting.by.slice(2)] : row.metrics[sorting.by.slice(2)],
    );
  };
  const sorted = [...rows].sort((x, y) => compareValues(value(x), value(y), sorting.descending));
  const numbers = rows.flatMap((row) => {
    const one = charted ? cellValue(row.metrics[charted]) : null;
    return typeof one === "number" ? [one] : [];
  });
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return (
    <div
      className="card scroll"
      style={{ margin: "10px 0 0", overflow: "auto" }}
      tabIndex={0}
      role="region"
      aria-label={t("runs")}
    >
      <table className="t" style={{ fontSize: 12.5 }}>
        <caption className="sr">{t("runs")}</caption>
        <thead>
          <tr>
            <td colSpan={5} style={{ border: 0, background: "var(--sub)", padding: 0 }} />
            <GroupHead columns={params.length} title={t("parameters")} />
            <GroupHead columns={metrics.length} title={t("metrics")} />
          </tr>
          <tr>
            <th scope="col" style={{ width: 38, paddingLeft: 12 }}>
              <span className="sr">{t("compareRuns")}</span>
            </th>
            <SortHead sorting={sorting} by="made">
              {t("runHead")}
            </SortHead>
            <SortHead sorting={sorting} by="state">
              {t("status")}
            </SortHead>
            <SortHead sorting={sorting} by="duration" right>
              {t("duration")}
            </SortHead>
            <th scope="col">{t("changedHead")}</th>
            {params.map((column) => (
              <Head key={column.key} column={column} by={`p:${column.key}`} sorting={sorting} all={params} />
            ))}
            {metrics.map((column) => (
              <Head key={column.key} column={column} by={`m:${column.key}`} sorting={sorting} all={metrics} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => {
            const older = rows[rows.indexOf(row) + 1];
            const pick = row.run_id === props.a ? "A" : row.run_id === props.b ? "B" : null;
            const changed = props.changed.get(row.run_id) ?? [];
            return (
              <tr key={row.run_id} className={pick ? "on" : ""}>
                <td style={{ paddingLeft: 8 }}>
                  <button
                    type="button"
                    role="checkbox"
                    className="pick"
                    aria-checked={pick !== null}
                    aria-label={t("pickRun", { run: row.run_id })}
                    onClick={() => props.onPick(row.run_id)}
                  >
                    <span>{pick}</span>
                  </button>
                </td>
                <td>
                  <Link to={place.run(props.dagId, row.run_id)} title={row.run_id}>
                    {row.logical_date || row.started
                      ? props.clock(row.logical_date ?? row.started)
                      : runLabel(row.run_id, props.clock)}
                  </Link>
                </td>
                <td>
                  <StateWord state={stateOf(row.state, row.status)} />
                </td>
                <td className="r">{duration(row.duration_s)}</td>
                <td>
                  {changed.length ? (
                    <span className="tag info" title={changed.join(", ")}>
                      {t("codeOf", {
                        names: changed.slice(0, 2).join(", ") + (changed.length > 2 ? " …" : ""),
                      })}
                    </span>
                  ) : (
                    <span className="subtle">–</span>
                  )}
                </td>
                {params.map((column) => {
                  const cell = row.params[column.key];
                  const differs =
                    older !== undefined &&
                    JSON.stringify(older.params[column.key]?.value) !== JSON.stringify(cell?.value);
                  return (
                    <td key={column.key} className="r" style={differs ? { fontWeight: 600 } : undefined}>
                      <CellText cell={cell} write={props.write} />
                    </td>
                  );
                })}
                {metrics.map((column) => {
                  const cell = row.metrics[column.key];
                  const one = cellValue(cell);
                  return (
                    <td key={column.key} className="r">
                      {column.key === charted && typeof one === "number" && (
                        <span className="meter" aria-hidden="true">
                          <i
                            style={{
                              width: `${high > low ? Math.max(4, ((one - low) / (high - low)) * 100) : 100}%`,
                            }}
                          />
                        </span>
                      )}
                      <CellText cell={cell} write={props.write} />
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The task is named only where two columns would read the same. */
function Head({
  column,
  by,
  sorting,
  all,
}: {
  column: Column;
  by: string;
  sorting: ReturnType<typeof useSorting>;
  all: readonly Column[];
}) {
  const twice = all.filter((other) => other.name === column.name).length > 1;
  return (
    <SortHead sorting={sorting} by={by} right>
      <span title={column.key}>
        {twice && <span style={{ fontWeight: 400 }}>{column.task_id}.</span>}
        {column.name}
      </span>
    </SortHead>
  );
}

function CellText({ cell, write }: { cell: Cell | undefined; write: (value: number) => string }) {
  if (!cell) return <span className="subtle">–</span>;
  const one = (value: unknown) => (typeof value === "number" ? write(value) : plain(value, 24));
  if ((cell.count ?? 1) > 1) {
    if (cell.low == null || cell.high == null) return <span className="muted">×{cell.count}</span>;
    return <>{cell.low === cell.high ? one(cell.low) : `${one(cell.low)}–${one(cell.high)}`}</>;
  }
  return <span title={plain(cell.value, 400)}>{one(cell.value)}</span>;
}

function GroupHead({ columns, title }: { columns: number; title: string }) {
  return (
    columns > 0 && (
      <th colSpan={columns} scope="colgroup" className="r" style={{ border: 0, paddingBottom: 0 }}>
        {title}
      </th>
    )
  );
}
