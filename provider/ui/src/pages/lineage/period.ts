/** The time that is searched, as the address says it: `from` and `to` are moments, or `from` a stretch until now. */

const HOUR_MS = 3_600_000;

/** Stretches until now, by their names in the address. */
export const STRETCHES = { "24h": 24, "7d": 7 * 24, "30d": 30 * 24 } as const;
export type Stretch = keyof typeof STRETCHES;
export const STRETCH_NAMES = Object.keys(STRETCHES) as readonly Stretch[];

export interface Period {
  readonly stretch: Stretch | null;
  /** Moments as in `2026-11-20T12:00Z`; null: no bound. */
  readonly from: string | null;
  readonly to: string | null;
}

export function parsePeriod(from: string | null, to: string | null): Period {
  const stretch = STRETCH_NAMES.find((name) => name === from) ?? null;
  return { stretch, from: stretch ? null : moment(from), to: stretch ? null : moment(to) };
}

/** What the API is asked for. */
export function bounds(period: Period, now: number): { made_gte: string | null; made_lt: string | null } {
  if (period.stretch) return { made_gte: since(period.stretch, now), made_lt: null };
  return { made_gte: period.from, made_lt: period.to };
}

/** To the minute, so that pages and counts of one moment are asked for alike. */
export function since(stretch: Stretch, now: number): string {
  return text(Math.floor(now / 60_000) * 60_000 - STRETCHES[stretch] * HOUR_MS);
}

/** What a field for date and time shows of a moment: `2026-11-20T20:00` in that time zone. */
export function wall(at: string | null, timeZone: string | undefined): string {
  if (!at) return "";
  return text(Date.parse(at) + offset(Date.parse(at), timeZone)).slice(0, -1);
}

/** The moment that such a field says; null where it says none. */
export function instant(shown: string, timeZone: string | undefined): string | null {
  const local = Date.parse(`${shown}Z`);
  if (!/^\d{4}-/.test(shown) || Number.isNaN(local) || local < 0) return null; // a year half typed, too
  const guess = local - offset(local, timeZone);
  return text(local - offset(guess, timeZone)); // the offset is that of the moment itself
}

function moment(given: string | null): string | null {
  if (!given || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/.test(given)) return null;
  return Number.isNaN(Date.parse(given)) ? null : given;
}

function text(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function offset(ms: number, timeZone: string | undefined): number {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    hourCycle: "h23",
  }).formatToParts(ms);
  const part = (type: string) => Number(parts.find((one) => one.type === type)!.value);
  const shown = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
  return shown - Math.floor(ms / 60_000) * 60_000;
}
