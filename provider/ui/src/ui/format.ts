/** Durations and sizes. The units are the same in every language. */

export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48
    ? `${hours} h ${pad(Math.floor((whole % 3600) / 60))} m`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

/** Sizes of stored bytes are decimal, as in file managers. */
export function bytes(size: number | null | undefined): string {
  if (size == null || !Number.isFinite(size) || size < 0) return "–";
  if (size < 1000) return `${size} B`;
  return scaled(size, 1000, ["kB", "MB", "GB", "TB", "PB"]);
}

/** Memory is binary, as it is asked for. */
export function memory(size: number | null | undefined): string {
  if (size == null || !Number.isFinite(size) || size < 0) return "–";
  if (size < 1024) return `${size} B`;
  return scaled(size, 1024, ["KiB", "MiB", "GiB", "TiB"]);
}

function scaled(size: number, base: number, units: readonly string[]): string {
  let value = size;
  let unit = -1;
  while (unit < units.length - 1 && (unit < 0 || value >= base * 0.9995)) {
    value /= base;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function shortDigest(digest: string): string {
  const hex = digest.replace(/^sha256:/, "");
  return hex.length > 16 ? `sha256:${hex.slice(0, 8)}…${hex.slice(-4)}` : digest;
}

export function shape(
  sizes: readonly (number | null)[] | null | undefined,
  write: (n: number) => string,
): string {
  return sizes?.length ? sizes.map((size) => (size == null ? "?" : write(size))).join(" × ") : "";
}

/** A value of the user's as one line of text. */
export function plain(value: unknown, limit = 120): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** A link only where it leads to a web page; anything else of the user's stays text. */
export function webAddress(text: string | null | undefined): string | null {
  if (!text || !/^https?:\/\//i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}
