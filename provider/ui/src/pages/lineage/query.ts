/** What is typed into the search field: words, and conditions such as `metric:accuracy>0.98`. */

export interface Query {
  readonly q: string | null;
  readonly digest: string | null;
  readonly param: readonly string[];
  readonly metric: readonly string[];
  readonly type: string | null;
  readonly dag_id: string | null;
  readonly name: string | null;
}

const MOST = 5;

export function parseQuery(text: string): Query {
  const rest: string[] = [];
  const param: string[] = [];
  const metric: string[] = [];
  const single: Record<"type" | "dag_id" | "name" | "digest", string | null> = {
    type: null,
    dag_id: null,
    name: null,
    digest: null,
  };
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const found = /^(param|metric|type|dag|name|digest):(.+)$/.exec(word);
    const [, field, value] = found ?? [];
    if (field === "param" && param.length < MOST) param.push(value!);
    else if (field === "metric" && metric.length < MOST) metric.push(value!);
    else if (field === "type" || field === "name" || field === "digest") single[field] = value!;
    else if (field === "dag") single.dag_id = value!;
    else if (/^(sha256:)[0-9a-f]{4,64}$/i.test(word) || /^[0-9a-f]{8,64}$/i.test(word)) single.digest = word;
    else rest.push(word);
  }
  return { q: rest.join(" ") || null, ...single, param, metric };
}

/** The text with one condition put in, replaced or taken out. */
export function withField(text: string, field: string, value: string | null): string {
  const words = text.split(/\s+/).filter((word) => word && !word.startsWith(`${field}:`));
  return [...words, ...(value ? [`${field}:${value}`] : [])].join(" ");
}

export function fieldOf(text: string, field: string): string | null {
  return (
    text
      .split(/\s+/)
      .find((word) => word.startsWith(`${field}:`))
      ?.slice(field.length + 1) ?? null
  );
}
