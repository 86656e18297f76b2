import type { Folded } from "../../graph/fold";
import type { Layout } from "../../graph/place";
import { ArtifactPanel } from "../../panel/ArtifactPanel";
import { ExternalPanel } from "../../panel/ExternalPanel";
import { StepPanel } from "../../panel/StepPanel";

export function SidePanel({
  node,
  layout,
  folded,
  onSelect,
}: {
  node: string;
  layout: Layout;
  folded: Folded;
  onSelect: (id: string | null) => void;
}) {
  const step = layout.find.steps.get(node);
  if (step)
    return (
      <StepPanel step={step} instances={folded.instances.get(node) ?? []} onClose={() => onSelect(null)} />
    );
  const artifacts = folded.artifacts.get(node);
  if (artifacts?.length) {
    return (
      <ArtifactPanel
        node={node}
        artifacts={artifacts}
        graph={layout.graph}
        find={layout.find}
        onSelect={onSelect}
      />
    );
  }
  const external = layout.find.artifacts.get(node);
  return external ? <ExternalPanel artifact={external} find={layout.find} onSelect={onSelect} /> : null;
}
