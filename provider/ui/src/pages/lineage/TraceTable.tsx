import { Link } from "react-router-dom";
import type { Layout } from "../../graph/place";
import type { Traced } from "../../graph/traced";
import { place } from "../../host";
import { ArtifactChip } from "../../panel/chips";
import { duration } from "../../ui/format";
import { useLanguage } from "../../ui/language";
import { StateWord } from "../../ui/parts";

/** The same graph, one row for each step, sources first. */
export function TraceTable({ layout, traced }: { layout: Layout; traced: Traced }) {
  const { t } = useLanguage();
  const steps = [...layout.nodes.values()]
    .filter((node) => node.step)
    .sort((a, b) => a.column - b.column || a.y - b.y);
  return (
    <div
      className="scroll grow"
      style={{ maxHeight: 560 }}
      tabIndex={0}
      role="region"
      aria-label={t("ancestryAndDescendants")}
    >
      <table className="t">
        <thead>
          <tr>
            <th scope="col">{t("dag")}</th>
            <th scope="col">{t("step")}</th>
            <th scope="col">{t("status")}</th>
            <th scope="col" className="r">
              {t("duration")}
            </th>
            <th scope="col">{t("inputs")}</th>
            <th scope="col">{t("outputs")}</th>
          </tr>
        </thead>
        <tbody>
          {steps.map(({ id, step }) => (
            <tr key={id} style={{ verticalAlign: "top" }}>
              <td>
                <Link to={place.run(step!.dagId, step!.runId)}>{step!.dagId}</Link>
              </td>
              <td>
                <Link
                  className="strong"
                  to={place.task(step!.dagId, step!.runId, step!.taskId, step!.mapIndex)}
                >
                  {step!.name}
                </Link>{" "}
                {step!.mapped && <span className="cnt">×{step!.mapped.count}</span>}
              </td>
              <td>
                <StateWord state={step!.state} />
              </td>
              <td className="r">{duration(step!.seconds)}</td>
              <td>
                {(layout.find.into.get(id) ?? []).map((edge) => (
                  <Chip key={edge.from + edge.param} id={edge.from} traced={traced} param={edge.param} />
                ))}
              </td>
              <td>
                {(layout.find.outputs.get(id) ?? []).map((artifact) => (
                  <Chip key={artifact.id} id={artifact.id} traced={traced} param={null} />
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Chip({ id, traced, param }: { id: string; traced: Traced; param: string | null }) {
  const artifact = traced.artifacts.get(id)?.[0];
  if (!artifact) return null;
  return (
    <div className="row" style={{ minHeight: 27 }}>
      {param !== null && <span className="mono muted">{param}</span>}
      <ArtifactChip artifact={artifact} />
    </div>
  );
}
