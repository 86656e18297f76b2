/** The filter of the runs: `gamma < 0.002, accuracy > 0.9`. */

import type { Cell, RunRow } from "../../api/types";

export interface Condition {
  readonly name: string;
  readonly operator: "<" | "<=" | ">" | ">=" | "=" | "!=";
  readonly value: string;
}

const PART = /^\s*([^<>=!]+?)\s*(<=|>=|!=|<|>|=)\s*(.+?)\s*$/;

/** The conditions, and the first part that is none. */
export function parse(text: string): { conditions: Condition[]; wrong: string | null } {
  const conditions: Condition[] = [];
  for (const part of text.split(",").filter((one) => one.trim())) {
    const found = PART.exec(part);
    if (!found) return { conditions, wrong: part.trim() };
    conditions.push({ name: found[1]!, operator: found[2] as Condition["operator"], value: found[3]! });
  }
  return { conditions, wrong: null };
}

/** A run matches if any column of that name does: `accuracy` is `evaluate.accuracy` too. */
export function matchesAll(row: RunRow, conditions: readonly Condition[]): boolean {
  const cells = Object.entries({ ...row.params, ...row.metrics });
  return conditions.every(({ name, operator, value }) =>
    cells.some(([key, cell]) => (key === name || key.endsWith(`.${name}`)) && holds(cell, operator, value)),
  );
}

function holds(cell: Cell, operator: Condition["operator"], wanted: string): boolean {
  const value = cellValue(cell);
  const number = Number(wanted);
  if (typeof value !== "number" || Number.isNaN(number)) {
    const same = String(value) === wanted;
    return operator === "=" ? same : operator === "!=" && !same;
  }
  const low = cell.low ?? value;
  const high = cell.high ?? value;
  switch (operator) {
    case "<":
      return low < number;
    case "<=":
      return low <= number;
    case ">":
      return high > number;
    case ">=":
      return high >= number;
    case "=":
      return value === number;
    case "!=":
      return value !== number;
  }
}

/** What a cell sorts and is charted by: of a mapped task its highest value. */
export function cellValue(cell: Cell | undefined): unknown {
  if (!cell) return null;
  return (cell.count ?? 1) > 1 ? (cell.high ?? null) : cell.value;
}
