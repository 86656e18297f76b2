import type { Metric } from "../api/types";
import { plain } from "../ui/format";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";

/** Better only where the step said which way is better. */
export function Change({
  from,
  to,
  higherIsBetter,
}: {
  from: unknown;
  to: unknown;
  higherIsBetter: boolean | null | undefined;
}) {
  const { t, figure } = useLanguage();
  if (typeof from !== "number" || typeof to !== "number" || from === to) {
    return from === undefined || from === null ? null : (
      <span className="tag">
        <Icon name={from === to ? "equal" : "differ"} />
        {from === to ? t("same") : t("changed")}
      </span>
    );
  }
  const delta = to - from;
  const good = higherIsBetter == null ? null : delta > 0 === higherIsBetter;
  const look = good === null ? "" : good ? "ok" : "warn";
  return (
    <span className={`tag ${look}`}>
      <Icon name={delta > 0 ? "rise" : "drop"} />
      {delta > 0 ? "+" : "−"}
      {figure(Math.abs(Number(delta.toPrecision(4))))}
      {good !== null && ` ${good ? t("better") : t("worse")}`}
    </span>
  );
}

export function MetricTable({ metrics, before }: { metrics: readonly Metric[]; before: readonly Metric[] }) {
  const { t, figure } = useLanguage();
  const write = (value: unknown) => (typeof value === "number" ? figure(value) : plain(value, 40));
  const known = new Map(before.map((metric) => [metric.name, metric.value]));
  const compared = metrics.some((metric) => known.has(metric.name));
  return (
    <table className="t plain">
      <thead>
        <tr>
          <th scope="col">{t("metric")}</th>
          <th scope="col" className="r">
            {t("value")}
          </th>
          {compared && (
            <th scope="col" className="r">
              {t("previous")}
            </th>
          )}
          {compared && (
            <th scope="col" className="r">
              {t("change")}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {metrics.map((metric) => (
          <tr key={metric.name}>
            <td>{metric.name}</td>
            <td className="r strong">{write(metric.value)}</td>
            {compared && (
              <td className="r muted">{known.has(metric.name) ? write(known.get(metric.name)) : "–"}</td>
            )}
            {compared && (
              <td className="r">
                <Change
                  from={known.get(metric.name)}
                  to={metric.value}
                  higherIsBetter={metric.higher_is_better}
                />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
