/** Source text: line numbers, a little colour, and what changed. */

import { Fragment } from "react";

export interface Line {
  readonly number: number | null;
  readonly text: string;
  readonly look: "" | "a" | "d" | "w";
}

const TOKEN =
  /(#.*$)|("""[\s\S]*?"""|'''[\s\S]*?'''|[rbfu]{0,2}"(?:\\.|[^"\\])*"|[rbfu]{0,2}'(?:\\.|[^'\\])*')|\b(and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|None|nonlocal|not|or|pass|raise|return|True|False|try|while|with|yield)\b|\b(\d[\d_]*\.?\d*(?:e[+-]?\d+)?)\b|([A-Za-z_]\w*)(?=\()/gi;
const CLASSES = ["t-co", "t-st", "t-kw", "t-nu", "t-fn"];
const SIGNS = { a: "+", d: "-", w: "", "": "" };

export function Code({ lines, label }: { lines: readonly Line[]; label: string }) {
  return (
    <div className="code" tabIndex={0} role="region" aria-label={label}>
      {lines.map((line, n) => (
        <div key={n} className={line.look}>
          <u>
            {SIGNS[line.look]}
            {line.number ?? ""}
          </u>
          <Coloured text={line.text} />
        </div>
      ))}
    </div>
  );
}

function Coloured({ text }: { text: string }) {
  const parts: { text: string; look: string }[] = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) parts.push({ text: text.slice(at, found.index), look: "" });
    const group = found.slice(1).findIndex((value) => value !== undefined);
    parts.push({ text: found[0], look: CLASSES[group] ?? "" });
    at = found.index + found[0].length;
  }
  parts.push({ text: text.slice(at), look: "" });
  return parts.map((part, n) =>
    part.look ? (
      <span key={n} className={part.look}>
        {part.text}
      </span>
    ) : (
      <Fragment key={n}>{part.text}</Fragment>
    ),
  );
}

export function plainLines(text: string): Line[] {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line, n) => ({ number: n + 1, text: line, look: "" }));
}

const LONGEST = 1500;

/** The lines that differ, with `around` lines of what stayed; null where the texts are the same or too long. */
export function diffLines(before: string, after: string, around = 3): Line[] | null {
  const a = before.replace(/\n$/, "").split("\n");
  const b = after.replace(/\n$/, "").split("\n");
  if (before === after || a.length > LONGEST || b.length > LONGEST) return null;
  const common: Uint16Array[] = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i]![j] =
        a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const all: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      all.push({ number: j + 1, text: b[j]!, look: "" });
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j >= b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) {
      all.push({ number: i + 1, text: a[i]!, look: "d" });
      i += 1;
    } else {
      all.push({ number: j + 1, text: b[j]!, look: "a" });
      j += 1;
    }
  }
  const near = all.map((_, n) =>
    all.slice(Math.max(0, n - around), n + around + 1).some((line) => line.look !== ""),
  );
  return all.filter((_, n) => near[n]);
}
