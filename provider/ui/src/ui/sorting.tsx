import { useState, type ReactNode } from "react";
import { Icon } from "./icons";

export interface Sorting {
  readonly by: string;
  readonly descending: boolean;
  readonly set: (by: string) => void;
}

export function useSorting(first: string, descending = false): Sorting {
  const [state, setState] = useState({ by: first, descending });
  return {
    ...state,
    set: (by) =>
      setState((was) => (was.by === by ? { by, descending: !was.descending } : { by, descending: false })),
  };
}

/** What has no value comes last in either order. */
export function compareValues(a: unknown, b: unknown, descending: boolean): number {
  const missing = Number(a == null) - Number(b == null);
  if (missing || a == null || b == null) return missing;
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  return descending ? -order : order;
}

export function SortHead({
  sorting,
  by,
  right,
  children,
}: {
  sorting: Sorting;
  by: string;
  right?: boolean;
  children: ReactNode;
}) {
  const on = sorting.by === by;
  return (
    <th
      scope="col"
      className={right ? "r" : ""}
      aria-sort={on ? (sorting.descending ? "descending" : "ascending") : "none"}
    >
      <button type="button" onClick={() => sorting.set(by)}>
        {children}
        {on && <Icon name={sorting.descending ? "down" : "up"} size={10} />}
      </button>
    </th>
  );
}
