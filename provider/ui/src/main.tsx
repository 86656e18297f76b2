/** The one component that the host loads. Which page it is, the host's properties say. */

import { ArtifactOrSearch } from "./pages/lineage/ArtifactOrSearch";
import { DagPage } from "./pages/dag/DagPage";
import { RunPage } from "./pages/run/RunPage";
import { TaskPage } from "./pages/task/TaskPage";
import base from "./styles/base.css?inline";
import graph from "./styles/graph.css?inline";
import pages from "./styles/pages.css?inline";
import tokens from "./styles/tokens.css?inline";
import { LanguageProvider } from "./ui/language";
import { Boundary, Page } from "./ui/page";

interface HostProps {
  readonly dagId?: string;
  readonly runId?: string;
  readonly taskId?: string;
  readonly mapIndex?: string;
}

const STYLE_ID = "lading-style";

function addStyles() {
  if (document.getElementById(STYLE_ID)) return;
  const style = document.createElement("style");
  style.id = STYLE_ID;
  style.textContent = [tokens, base, graph, pages].join("\n");
  document.head.append(style);
}

function Lading(props: HostProps) {
  const { dagId, runId, taskId, mapIndex } = props;
  const page =
    dagId && runId && taskId ? (
      <TaskPage
        dagId={dagId}
        runId={runId}
        taskId={taskId}
        mapIndex={mapIndex === undefined ? -1 : Number(mapIndex)}
      />
    ) : dagId && runId ? (
      <RunPage dagId={dagId} runId={runId} />
    ) : dagId ? (
      <DagPage dagId={dagId} />
    ) : (
      <ArtifactOrSearch />
    );
  return (
    <LanguageProvider>
      <Page fill={Boolean(dagId && runId && !taskId)}>
        <Boundary key={[dagId, runId, taskId, mapIndex].join("|")}>{page}</Boundary>
      </Page>
    </LanguageProvider>
  );
}

addStyles();
// the host loads the bundle as a module, where a plain `var` would not become a global
(globalThis as { AirflowPlugin?: typeof Lading }).AirflowPlugin = Lading;
