import type { State } from "../../graph/model";
import type { Layout } from "../../graph/place";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { StateIcon } from "../../ui/parts";

/** Only what this graph has. */
export function Legend({ layout }: { layout: Layout }) {
  const { t } = useLanguage();
  const states = new Set<State>(
    layout.graph.steps.flatMap((step) => [step.state, ...(step.mapped?.states ?? [])]),
  );
  const cached = layout.graph.steps.some((step) => step.cached);
  const mapped = layout.graph.steps.find((step) => step.mapped);
  return (
    <div className="float legend">
      {[...states].map((state) => (
        <span key={state}>
          <StateIcon state={state} />
          {t(state)}
        </span>
      ))}
      {cached && (
        <span>
          <span className="tag">
            <Icon name="bolt" />
          </span>
          {t("cachedStep")}
        </span>
      )}
      {mapped?.mapped && (
        <span>
          <span className="cnt">×{mapped.mapped.count}</span>
          {t("mapped")}
        </span>
      )}
    </div>
  );
}
