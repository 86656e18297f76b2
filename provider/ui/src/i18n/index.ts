/** Texts, numbers and times in the language of the host. */

import { en, type Texts } from "./en";
import { zhCN } from "./zh-CN";

type Stem<K> = K extends `${infer S}_one` ? S : K extends `${string}_other` ? never : K;
export type Key = Stem<keyof Texts>;
export type Values = Readonly<Record<string, string | number>>;

const CATALOGUES: Readonly<Record<string, Texts>> = { en, "zh-CN": zhCN };

/** The host keeps its language here; its own words for it are those of i18next. */
export function hostLanguage(): string {
  const stored = readStorage("i18nextLng");
  const wanted = stored ?? document.documentElement.lang ?? navigator.language;
  return /^zh(-(CN|Hans|SG))?$/i.test(wanted) ? "zh-CN" : "en";
}

/** The time zone that the user chose in the host, or the browser's own. */
export function hostTimeZone(): string | undefined {
  const stored = readStorage("timezone")?.replaceAll('"', "");
  try {
    return stored && new Intl.DateTimeFormat("en", { timeZone: stored }) ? stored : undefined;
  } catch {
    return undefined;
  }
}

function readStorage(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export interface Language {
  readonly code: string;
  readonly t: (key: Key, values?: Values) => string;
  readonly number: (value: number) => string;
  /** A measured number: as many digits as say something. */
  readonly figure: (value: number) => string;
  readonly day: (time: string | null) => string;
  readonly clock: (time: string | null) => string;
}

export function language(code: string, timeZone = hostTimeZone()): Language {
  const texts = CATALOGUES[code] ?? en;
  const plural = new Intl.PluralRules(code);
  const whole = new Intl.NumberFormat(code);
  const day = new Intl.DateTimeFormat(code, { timeZone, day: "numeric", month: "short" });
  const clock = new Intl.DateTimeFormat(code, {
    timeZone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const time = (format: Intl.DateTimeFormat) => (at: string | null) => {
    const parsed = at ? new Date(at) : null;
    return parsed && !Number.isNaN(parsed.getTime()) ? format.format(parsed) : "–";
  };
  const t = (key: Key, values: Values = {}) => {
    const forms = texts as Readonly<Record<string, string>>;
    const n = values["n"];
    const chosen = typeof n === "number" && `${key}_other` in forms ? `${key}_${plural.select(n)}` : key;
    const text = forms[chosen] ?? forms[`${key}_other`] ?? key;
    return text.replace(/\{(\w+)\}/g, (all, name: string) => {
      const value = values[name];
      return value === undefined ? all : typeof value === "number" ? whole.format(value) : value;
    });
  };
  return {
    code,
    t,
    number: (value) => whole.format(value),
    figure: (value) => figure(value, whole),
    day: time(day),
    clock: time(clock),
  };
}

function figure(value: number, whole: Intl.NumberFormat): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? whole.format(value) : value.toExponential(3);
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e9) return value.toExponential(2);
  if (size < 1) return String(Number(value.toPrecision(4)));
  return size < 1000
    ? value.toFixed(size < 10 ? 4 : 2).replace(/\.?0+$/, "")
    : whole.format(Math.round(value));
}
