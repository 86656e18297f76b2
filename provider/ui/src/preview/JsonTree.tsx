const OPEN_DEPTH = 2;

/** JSON as a tree that opens level by level. */
export function JsonTree({ value }: { value: unknown }) {
  return (
    <div className="tree" tabIndex={0} role="group" aria-label="JSON">
      <Branch name={null} value={value} depth={0} />
    </div>
  );
}

function Branch({ name, value, depth }: { name: string | null; value: unknown; depth: number }) {
  const head = name === null ? null : <span className="k">{name}: </span>;
  if (value === null || typeof value !== "object") {
    return (
      <div className="leaf">
        {head}
        {typeof value === "string" ? JSON.stringify(value) : String(value)}
      </div>
    );
  }
  const entries = Array.isArray(value)
    ? value.map((one, n) => [String(n), one] as const)
    : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length)
    return (
      <div className="leaf">
        {head}
        {size}
      </div>
    );
  return (
    <details open={depth < OPEN_DEPTH}>
      <summary>
        {head}
        <span className="muted">{size}</span>
      </summary>
      <div>
        {entries.map(([key, one]) => (
          <Branch key={key} name={key} value={one} depth={depth + 1} />
        ))}
      </div>
    </details>
  );
}
