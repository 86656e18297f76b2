import type { components } from "./schema";

type Schemas = components["schemas"];

export type RunGraph = Schemas["RunGraph"];
export type TraceGraph = Schemas["TraceGraph"];
export type StepFacts = Schemas["StepFacts"];
export type TaskFacts = Schemas["TaskFacts"];
export type ArtifactFacts = Schemas["ArtifactFacts"];
export type GraphArtifact = Schemas["GraphArtifact"];
export type ExternalFacts = Schemas["ExternalFacts"];
export type ApiEdge = Schemas["Edge"];
export type Metric = Schemas["Metric"];
export type TaskInstance = Schemas["TaskInstanceFacts"];
export type Attempt = Schemas["AttemptFacts"];
export type ErrorFacts = Schemas["ErrorFacts"];
export type Frame = Schemas["Frame"];
export type CodeListing = Schemas["CodeListing"];
export type ArtifactPage = Schemas["ArtifactPage"];
export type Version = Schemas["Version"];
export type Search = Schemas["Search"];
export type Facets = Schemas["Facets"];
export type Counts = Schemas["Counts"];
export type RunTable = Schemas["RunTable"];
export type RunRow = Schemas["RunRow"];
export type Cell = Schemas["Cell"];
export type Column = Schemas["Column"];
export type Comparison = Schemas["Comparison"];
export type TaskChange = Schemas["TaskChange"];
export type Change = Schemas["Change"];
export type IndexStatus = Schemas["IndexStatus"];
export type Problem = Schemas["Problem"];

interface Common {
  readonly preview: number;
  readonly format?: string;
  readonly type?: string;
  readonly size?: number;
}
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly missing: number;
  readonly distinct: number | null;
  readonly min: unknown;
  readonly max: unknown;
  readonly mean: number | null;
  readonly histogram: Histogram | null;
  readonly top: readonly (readonly [unknown, number])[] | null;
}
export interface TablePreview extends Common {
  readonly kind: "table";
  readonly rows: number;
  readonly columns: readonly TableColumn[];
  readonly column_count: number;
  readonly head: readonly (readonly unknown[])[];
  readonly statistics_rows: number;
}
export interface ArrayPreview extends Common {
  readonly kind: "array";
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly missing: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  readonly histogram: Histogram | null;
  readonly head: unknown;
  readonly statistics_items: number;
}
export interface FigurePreview extends Common {
  readonly kind: "figure";
  readonly media: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly alt: string | null;
  readonly data: string | null;
}
export interface TextPreview extends Common {
  readonly kind: "text";
  readonly text: string;
  readonly truncated: boolean;
  readonly lines: number | null;
}
export interface JsonPreview extends Common {
  readonly kind: "json";
  readonly value: unknown;
  readonly truncated: boolean;
}
export interface DirectoryPreview extends Common {
  readonly kind: "directory";
  readonly entries: readonly { readonly path: string; readonly size: number }[];
  readonly count: number;
  readonly total_size: number;
}
export interface ModelPreview extends Common {
  readonly kind: "model";
  readonly class: string;
  readonly library: string | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly tensors:
    readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[] | null;
  readonly parameter_count: number | null;
}
export interface BytesPreview extends Common {
  readonly kind: "bytes";
  readonly head: string;
}
export interface CollectionPreview extends Common {
  readonly kind: "collection";
  readonly of: string;
  readonly length: number;
  readonly entries: readonly {
    readonly key: string | number;
    readonly type: string;
    readonly size: number;
    readonly digest: string;
  }[];
}
export interface ObjectPreview extends Common {
  readonly kind: "object";
  readonly class: string;
}
export type Preview =
  | TablePreview
  | ArrayPreview
  | FigurePreview
  | TextPreview
  | JsonPreview
  | DirectoryPreview
  | ModelPreview
  | BytesPreview
  | CollectionPreview
  | ObjectPreview;
