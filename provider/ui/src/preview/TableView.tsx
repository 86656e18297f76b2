import type { TableColumn, TablePreview } from "../api/types";
import { Spark } from "../charts/histogram";
import { plain } from "../ui/format";
import { useLanguage } from "../ui/language";

/** The first rows, with what each column holds above it. */
export function TableView({ data, brief }: { data: TablePreview; brief: boolean }) {
  const { t, figure, number } = useLanguage();
  const columns = data.columns.slice(0, brief ? 5 : 100);
  const rows = data.head.slice(0, brief ? 3 : 20);
  const numeric = columns.map((column) => /int|float|double|decimal|number/i.test(column.type));
  const cell = (value: unknown) => (typeof value === "number" ? figure(value) : plain(value, 60));
  return (
    <>
      <div className="prev" tabIndex={0} role="region" aria-label={t("kind_table")}>
        <table className="t">
          <thead>
            <tr>
              {columns.map((column, n) => (
                <th key={n} className={numeric[n] ? "r" : ""} scope="col" title={describe(column, t, figure)}>
                  <span
                    style={{
                      display: "flex",
                      justifyContent: numeric[n] ? "flex-end" : "flex-start",
                      marginBottom: 4,
                      minHeight: 16,
                    }}
                  >
                    <Spark
                      counts={column.histogram?.counts ?? (column.top ?? []).map(([, count]) => count)}
                    />
                  </span>
                  {column.name}
                  {!brief && (
                    <>
                      <span className="ty">{column.type}</span>
                      <span className={`ms ${column.missing ? "on" : ""}`}>
                        {t("missing", { n: column.missing })}
                      </span>
                    </>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, r) => (
              <tr key={r}>
                {columns.map((_, n) => (
                  <td key={n} className={`${numeric[n] ? "r" : ""} ${row[n] == null ? "na" : ""}`}>
                    {row[n] == null ? t("missingCell") : cell(row[n])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!brief && (
        <p className="muted small" style={{ marginTop: 6 }}>
          {t("firstRows", {
            n: rows.length,
            m: number(data.rows),
            k: columns.length,
            c: number(data.column_count),
          })}
          {data.statistics_rows < data.rows && ` · ${t("statisticsOf", { n: data.statistics_rows })}`}
        </p>
      )}
    </>
  );
}

function describe(
  column: TableColumn,
  t: ReturnType<typeof useLanguage>["t"],
  figure: (n: number) => string,
): string {
  const write = (value: unknown) => (typeof value === "number" ? figure(value) : plain(value, 40));
  const parts = [
    column.min != null && `${t("min")} ${write(column.min)}`,
    column.mean != null && `${t("mean")} ${write(column.mean)}`,
    column.max != null && `${t("max")} ${write(column.max)}`,
    column.distinct != null && `${t("distinct")} ${write(column.distinct)}`,
  ];
  return parts.filter(Boolean).join(" · ");
}
