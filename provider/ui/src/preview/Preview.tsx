/** What a step wrote down of an artifact to be shown. All of it is the user's data: shown as text or picture only. */

import { api, ApiError } from "../api/client";
import { useRead } from "../api/use";
import type {
  ArrayPreview,
  BytesPreview,
  CollectionPreview,
  DirectoryPreview,
  FigurePreview,
  ModelPreview,
  Preview as PreviewData,
  TextPreview,
} from "../api/types";
import { HistogramChart } from "../charts/histogram";
import { bytes, plain, shape } from "../ui/format";
import { useLanguage } from "../ui/language";
import { Notice, Section } from "../ui/parts";
import { JsonTree } from "./JsonTree";
import { TableView } from "./TableView";

/** The sections of an artifact's preview; `brief` shows the one that says most. */
export function Preview({ id, brief = false }: { id: string; brief?: boolean }) {
  const { t } = useLanguage();
  const { data, error, again } = useRead(`preview ${id}`, (signal) => api.preview(id, signal));
  if (error) {
    const none = error instanceof ApiError && (error.code === "no_preview" || error.status === 404);
    if (brief && none) return null;
    return (
      <Section title={t("preview")}>
        {none ? (
          <p className="muted">{t("noPreview")}</p>
        ) : (
          <Notice text={t("previewFailed", { why: error.message })} again={again} />
        )}
      </Section>
    );
  }
  if (!data) return <div className="sk" style={{ height: brief ? 60 : 120, margin: "12px 0" }} />;
  return <PreviewSections data={data} brief={brief} />;
}

export function PreviewSections({ data, brief }: { data: PreviewData; brief: boolean }) {
  const { t } = useLanguage();
  switch (data.kind) {
    case "table":
      return (
        <Section title={t("preview")}>
          <TableView data={data} brief={brief} />
        </Section>
      );
    case "array":
      return <ArraySections data={data} brief={brief} />;
    case "figure":
      return <FigureSections data={data} />;
    case "text":
      return <TextSection data={data} />;
    case "json":
      return (
        <Section title={t("preview")}>
          <JsonTree value={data.value} />
          {data.truncated && <p className="muted small">{t("jsonCut")}</p>}
        </Section>
      );
    case "directory":
      return <DirectorySection data={data} />;
    case "model":
      return <ModelSections data={data} brief={brief} />;
    case "bytes":
      return <BytesSection data={data} />;
    case "collection":
      return <CollectionSection data={data} />;
    case "object":
      return (
        <Section title={t("preview")}>
          <span className="mono wrap">{String(data.class)}</span>
        </Section>
      );
    default:
      return null;
  }
}

function ArraySections({ data, brief }: { data: ArrayPreview; brief: boolean }) {
  const { t, figure, number } = useLanguage();
  const facts: [string, number | null][] = [
    [t("min"), data.min],
    [t("mean"), data.mean],
    [t("max"), data.max],
    [t("std"), data.std],
    [t("nanCount"), data.missing],
  ];
  return (
    <>
      {data.histogram && (
        <Section title={t("distribution")} right={`${shape(data.shape, number)} · ${data.dtype}`}>
          <HistogramChart histogram={data.histogram} height={brief ? 90 : 168} />
        </Section>
      )}
      {!brief && (
        <Section title={t("summary")}>
          <div className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <span className="muted small">{name}</span>
                <b>{value === null ? "–" : figure(value)}</b>
              </div>
            ))}
          </div>
        </Section>
      )}
      {!brief && data.head != null && (
        <Section title={t("head")}>
          <div className="text">{rowsOf(data.head, figure).join("\n")}</div>
        </Section>
      )}
    </>
  );
}

function rowsOf(head: unknown, write: (n: number) => string): string[] {
  if (!Array.isArray(head)) return [typeof head === "number" ? write(head) : plain(head)];
  if (!head.some(Array.isArray))
    return [head.map((one) => (typeof one === "number" ? write(one) : plain(one))).join("  ")];
  return head.flatMap((row: unknown) => rowsOf(row, write));
}

const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"]);

function FigureSections({ data }: { data: FigurePreview }) {
  const { t } = useLanguage();
  // inside <img>, an SVG neither runs scripts nor loads anything
  const shown = data.data !== null && PICTURES.has(data.media) && /^[A-Za-z0-9+/=\s]*$/.test(data.data);
  return (
    <>
      <Section title={t("preview")}>
        {shown ? (
          <div className="figure">
            <img
              src={`data:${data.media};base64,${data.data}`}
              alt={data.alt ?? t("kind_figure")}
              width={data.width ?? undefined}
              height={data.height ?? undefined}
            />
          </div>
        ) : (
          <p className="muted">{t("figureBig")}</p>
        )}
      </Section>
      {data.alt && <Section title={t("readsAs")}>{data.alt}</Section>}
    </>
  );
}

function TextSection({ data }: { data: TextPreview }) {
  const { t } = useLanguage();
  return (
    <Section title={t("preview")}>
      <div className="text" tabIndex={0} role="region" aria-label={t("preview")}>
        {data.text}
      </div>
      {data.truncated && <p className="muted small">{t("textCut")}</p>}
    </Section>
  );
}

function DirectorySection({ data }: { data: DirectoryPreview }) {
  const { t } = useLanguage();
  return (
    <Section title={t("preview")} right={t("entries", { n: data.count, size: bytes(data.total_size) })}>
      <div className="prev" tabIndex={0} role="region" aria-label={t("kind_directory")}>
        <table className="t">
          <tbody>
            {data.entries.map((entry) => (
              <tr key={entry.path}>
                <td className="mono" title={entry.path}>
                  {entry.path}
                </td>
                <td className="r">{bytes(entry.size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.entries.length < data.count && (
        <p className="muted small">{t("entriesShown", { n: data.entries.length, m: data.count })}</p>
      )}
    </Section>
  );
}

function ModelSections({ data, brief }: { data: ModelPreview; brief: boolean }) {
  const { t, number, figure } = useLanguage();
  const write = (value: unknown) => (typeof value === "number" ? figure(value) : plain(value, 60));
  const params = Object.entries(data.params ?? {});
  const facts = Object.entries(data.facts ?? {});
  const shown = brief ? params.slice(0, 6) : params;
  return (
    <>
      {shown.length > 0 && (
        <Section title={t("parameters")} right={<span className="mono">{plain(data.class, 44)}</span>}>
          <Pairs pairs={shown} write={write} />
        </Section>
      )}
      {!brief && facts.length > 0 && (
        <Section title={t("facts")}>
          <Pairs pairs={facts} write={write} />
        </Section>
      )}
      {!brief && data.tensors && data.tensors.length > 0 && (
        <Section
          title={t("tensors")}
          right={data.parameter_count === null ? null : number(data.parameter_count)}
        >
          <div className="prev" tabIndex={0} role="region" aria-label={t("tensors")}>
            <table className="t">
              <tbody>
                {data.tensors.map((tensor) => (
                  <tr key={tensor.name}>
                    <td className="mono">{tensor.name}</td>
                    <td>{tensor.dtype}</td>
                    <td className="r">{shape(tensor.shape, number)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Section>
      )}
    </>
  );
}

function Pairs({ pairs, write }: { pairs: readonly [string, unknown][]; write: (value: unknown) => string }) {
  return (
    <dl
      style={{
        display: "grid",
        gridTemplateColumns: "repeat(auto-fill, minmax(150px, 1fr))",
        gap: "4px 18px",
      }}
    >
      {pairs.map(([name, value]) => (
        <div key={name} className="row">
          <dt className="mono muted grow ell" title={name}>
            {name}
          </dt>
          <dd className="mono ell" title={plain(value, 500)} style={{ maxWidth: "60%" }}>
            {write(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function BytesSection({ data }: { data: BytesPreview }) {
  const { t } = useLanguage();
  const lines = (String(data.head).match(/.{1,32}/g) ?? []).map((line) =>
    (line.match(/../g) ?? []).join(" "),
  );
  return (
    <Section title={t("preview")} right={t("firstBytes", { n: String(data.head).length / 2 })}>
      <div className="text" tabIndex={0} role="region" aria-label={t("preview")} style={{ fontSize: 11 }}>
        {lines.join("\n")}
      </div>
    </Section>
  );
}

function CollectionSection({ data }: { data: CollectionPreview }) {
  const { t, number } = useLanguage();
  return (
    <Section title={t("elements")} right={`${data.of} · ${number(data.length)}`}>
      <div className="prev" tabIndex={0} role="region" aria-label={t("elements")}>
        <table className="t">
          <tbody>
            {data.entries.map((entry) => (
              <tr key={String(entry.key)}>
                <td className="mono">{String(entry.key)}</td>
                <td className="mono muted">{entry.type}</td>
                <td className="r">{bytes(entry.size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
