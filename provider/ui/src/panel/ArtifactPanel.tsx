import { useState } from "react";
import { Link } from "react-router-dom";
import { api } from "../api/client";
import type { ArtifactFacts, ArtifactPage, GraphArtifact, Metric } from "../api/types";
import { useRead } from "../api/use";
import { artifactName, detailOf, kindOf } from "../graph/facts";
import type { Graph, Lookup } from "../graph/model";
import { ancestry } from "../graph/trace";
import { place } from "../host";
import { Preview } from "../preview/Preview";
import { JsonTree } from "../preview/JsonTree";
import { bytes, plain } from "../ui/format";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";
import { ErrorNotice } from "../ui/page";
import { DigestText, Facts, KindIcon, Notice, Section } from "../ui/parts";
import { ArtifactChip, NodeChip, StepChip } from "./chips";
import { PanelFrame } from "./Frame";
import { MetricTable } from "./MetricTable";

interface Props {
  readonly node: string;
  readonly artifacts: readonly (GraphArtifact | ArtifactFacts)[];
  readonly graph: Graph;
  readonly find: Lookup;
  readonly onSelect: (id: string | null) => void;
}

export function ArtifactPanel({ node, artifacts, graph, find, onSelect }: Props) {
  const { t, number } = useLanguage();
  const [chosen, choose] = useState(0);
  const artifact = artifacts[chosen] ?? artifacts[0]!;
  const { data, error, again } = useRead(`artifact ${artifact.id}`, (signal) =>
    api.artifact(artifact.id, signal),
  );
  const page = data;
  const kind = kindOf(artifact.type, artifact.format);
  const many = artifacts.length > 1;
  return (
    <PanelFrame
      icon={<KindIcon kind={kind} big />}
      name={artifactName(artifact) + (many && artifact.map_index >= 0 ? `[${artifact.map_index}]` : "")}
      badge={
        <>
          {many && <span className="cnt">×{artifacts.length}</span>}
          {artifact.pickle && (
            <span className="tag warn" title={t("pickleHint")}>
              {t("pickle")}
            </span>
          )}
        </>
      }
      facts={`${t(`kind_${kind}`)} · ${detailOf(artifact, number)}`}
      page={place.artifact(artifact.id)}
      onClose={() => onSelect(null)}
    >
      {many && <Elements artifacts={artifacts} chosen={chosen} onChoose={choose} />}
      {error && !page && <ErrorNotice error={error} again={again} />}
      <ArtifactSections artifact={artifact} page={page} again={again} />
      <PathSection node={node} graph={graph} find={find} artifact={artifact} onSelect={onSelect} />
      <div className="flow" style={{ padding: "12px 0" }}>
        <Link className="btn small" to={place.artifact(artifact.id)}>
          <Icon name="lineage" />
          {t("traceToSource")}
        </Link>
        {page && page.versions.length > 1 && (
          <Link className="btn small" to={place.artifact(artifact.id)}>
            <Icon name="history" />
            {t("versions")}
            <span className="cnt">{page.versions.length + (page.more_versions ?? 0)}</span>
          </Link>
        )}
        {page && canDownload(page) && <DownloadLink id={artifact.id} small />}
      </div>
    </PanelFrame>
  );
}

/** What is small JSON has no bytes in the store; its row has them. */
export function canDownload(page: ArtifactPage): boolean {
  return page.stored === true || page.artifact.has_value === true;
}

export function DownloadLink({ id, small = false }: { id: string; small?: boolean }) {
  const { t } = useLanguage();
  return (
    <a className={`btn ${small ? "small" : ""}`} href={api.downloadAddress(id)} download>
      <Icon name="download" />
      {t("download")}
    </a>
  );
}

function Elements(props: {
  artifacts: readonly ArtifactFacts[];
  chosen: number;
  onChoose: (n: number) => void;
}) {
  const { t } = useLanguage();
  const [all, setAll] = useState(false);
  const shown = all ? props.artifacts : props.artifacts.slice(0, 24);
  return (
    <Section title={t("elements")}>
      <div className="flow" style={{ gap: 4 }} role="group" aria-label={t("elements")}>
        {shown.map((artifact, n) => (
          <button
            key={artifact.id}
            type="button"
            className={`btn small ${n === props.chosen ? "on" : ""}`}
            aria-pressed={n === props.chosen}
            style={{ minWidth: 32, justifyContent: "center", padding: "0 6px" }}
            onClick={() => props.onChoose(n)}
          >
            {artifact.map_index >= 0 ? artifact.map_index : n}
          </button>
        ))}
        {shown.length < props.artifacts.length && (
          <button type="button" className="btn small ghost" onClick={() => setAll(true)}>
            {t("showAll", { n: props.artifacts.length })}
          </button>
        )}
      </div>
    </Section>
  );
}

/** What is asked first stands first: the value, the picture or the numbers; then where the bytes are. */
export function ArtifactSections({
  artifact,
  page,
  again,
}: {
  artifact: GraphArtifact | ArtifactFacts;
  page: ArtifactPage | null;
  again: () => void;
}) {
  const { t, number } = useLanguage();
  const value = "has_value" in artifact && artifact.has_value ? artifact.value : undefined;
  const rows = artifact.meta ?? {};
  const extra = Object.entries(rows).filter(([name]) => !["shape", "columns", "dtypes"].includes(name));
  return (
    <>
      {value !== undefined && (
        <Section title={t("value")}>
          {typeof value === "object" && value !== null ? (
            <JsonTree value={value} />
          ) : (
            <div className="text">{plain(value, 4000)}</div>
          )}
        </Section>
      )}
      {page && (page.metrics ?? []).length > 0 && (
        <Section title={t("metrics")}>
          <MetricTable metrics={page.metrics ?? []} before={metricsBefore(page)} />
        </Section>
      )}
      {page?.store_problem && (
        <Section title={t("preview")}>
          <Notice text={t("storeFailed", { why: page.store_problem })} again={again} />
        </Section>
      )}
      {page?.preview ? (
        <Preview id={artifact.id} />
      ) : page?.preview === false && value === undefined ? (
        <Section title={t("preview")}>
          <span className="muted">{t("noPreview")}</span>
        </Section>
      ) : null}
      {page && !page.preview && <Schema meta={rows} />}
      <Section title={t("artifact")}>
        <Facts
          rows={[
            [
              t("type"),
              <span key="t" className="mono wrap">
                {artifact.type}
              </span>,
            ],
            [
              t("size"),
              <span key="s">
                {bytes(artifact.size)} <span className="muted">{artifact.format}</span>
              </span>,
            ],
            [t("digest"), <DigestText key="d" digest={artifact.digest} />],
            ...extra.slice(0, 6).map(
              ([name, one]) =>
                [
                  name,
                  <span key={name} className="mono wrap">
                    {typeof one === "number" ? number(one) : plain(one, 80)}
                  </span>,
                ] as const,
            ),
            (page?.identical ?? []).length > 0 && [
              t("identical"),
              <span key="i" className="flow">
                {page!.identical!.slice(0, 4).map((other) => (
                  <ArtifactChip key={other.id} artifact={other} />
                ))}
              </span>,
            ],
          ]}
        />
      </Section>
    </>
  );
}

/** The columns of a table, which its preview shows otherwise. */
function Schema({ meta }: { meta: Readonly<Record<string, unknown>> }) {
  const { t } = useLanguage();
  const { columns, dtypes } = meta;
  if (!Array.isArray(columns) || !columns.length) return null;
  const types: readonly unknown[] = Array.isArray(dtypes) ? dtypes : [];
  return (
    <Section title={t("columns")}>
      <div className="prev" tabIndex={0} role="region" aria-label={t("columns")}>
        <table className="t">
          <tbody>
            {columns.map((column: unknown, n) => (
              <tr key={n}>
                <th scope="row" className="mono">
                  {plain(column, 80)}
                </th>
                <td className="mono muted">{plain(types[n] ?? "", 60)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

/** Metrics of the version before the one that is shown. */
export function metricsBefore(page: ArtifactPage): readonly Metric[] {
  const at = page.versions.findIndex((version) => version.artifact.id === page.artifact.id);
  return at < 0 ? [] : (page.versions[at + 1]?.metrics ?? []);
}

function PathSection({
  node,
  graph,
  find,
  artifact,
  onSelect,
}: Omit<Props, "artifacts"> & { artifact: ArtifactFacts }) {
  const { t } = useLanguage();
  const shown = find.artifacts.get(node);
  const maker = shown?.step ? find.steps.get(shown.step) : undefined;
  const readers = (find.outOf.get(node) ?? []).map((edge) => ({ edge, step: find.steps.get(edge.to)! }));
  const trace = ancestry(graph, find, node);
  const steps = [...trace.nodes].filter((id) => find.steps.has(id)).length;
  const sources = [...trace.nodes].map((id) => find.artifacts.get(id)).filter((a) => a !== undefined);
  const source = sources.find(
    (a) => a.id !== node && (a.step === null || !(find.into.get(a.step) ?? []).length),
  );
  return (
    <Section title={t("path")}>
      <Facts
        rows={[
          [
            t("madeBy"),
            maker ? (
              <NodeChip
                key="m"
                kind={null}
                state={maker.state}
                name={maker.name}
                onClick={() => onSelect(maker.id)}
              />
            ) : (
              <span key="m" className="mono wrap">
                {artifact.dag_id} / {artifact.task_id}
              </span>
            ),
          ],
          [
            t("usedBy"),
            readers.length ? (
              readers.map(({ edge, step }) => (
                <span key={edge.to + edge.param} className="row" style={{ gap: 6 }}>
                  <NodeChip
                    kind={null}
                    state={step.state}
                    name={step.name}
                    onClick={() => onSelect(step.id)}
                  />
                  {edge.param && <span className="muted">{t("as")}</span>}
                  {edge.param && <span className="mono">{edge.param}</span>}
                </span>
              ))
            ) : (
              <span key="u" className="subtle">
                {t("nothingYet")}
              </span>
            ),
          ],
          steps > 0 && [
            t("dependsOn"),
            <span key="d" className="flow">
              {t("dependsFacts", { steps, artifacts: sources.length - 1 })}
              {source && (
                <>
                  <span className="muted">· {t("backTo")}</span>
                  <NodeChip
                    kind={source.kind}
                    state={null}
                    name={source.name}
                    onClick={() => onSelect(source.id)}
                  />
                </>
              )}
            </span>,
          ],
        ]}
      />
    </Section>
  );
}

export function MadeBy({ page }: { page: ArtifactPage }) {
  return page.producer ? <StepChip step={page.producer} /> : null;
}
