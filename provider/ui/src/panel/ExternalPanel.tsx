import type { Artifact, Lookup } from "../graph/model";
import { webAddress } from "../ui/format";
import { useLanguage } from "../ui/language";
import { Copy, Facts, KindIcon, Section } from "../ui/parts";
import { NodeChip } from "./chips";
import { PanelFrame } from "./Frame";

/** Data outside of any store: only its address is known. */
export function ExternalPanel({
  artifact,
  find,
  onSelect,
}: {
  artifact: Artifact;
  find: Lookup;
  onSelect: (id: string | null) => void;
}) {
  const { t } = useLanguage();
  const link = webAddress(artifact.detail);
  return (
    <PanelFrame
      icon={<KindIcon kind="external" big />}
      name={artifact.name}
      facts={t("kind_external")}
      page={null}
      onClose={() => onSelect(null)}
    >
      <Section title={t("path")}>
        <Facts
          rows={[
            [
              "URI",
              <span key="u" className="row">
                {link ? (
                  <a className="mono wrap" href={link} target="_blank" rel="noreferrer noopener">
                    {artifact.detail}
                  </a>
                ) : (
                  <span className="mono wrap">{artifact.detail}</span>
                )}
                <Copy text={artifact.detail} label={t("copy")} />
              </span>,
            ],
            [
              t("usedBy"),
              (find.outOf.get(artifact.id) ?? []).map((edge) => {
                const step = find.steps.get(edge.to);
                return (
                  step && (
                    <NodeChip
                      key={edge.to}
                      kind={null}
                      state={step.state}
                      name={step.name}
                      onClick={() => onSelect(step.id)}
                    />
                  )
                );
              }),
            ],
          ]}
        />
      </Section>
    </PanelFrame>
  );
}
