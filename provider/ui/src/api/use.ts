/** Reading from the API inside components: once, or again and again while something runs. */

import { ApiError } from "./client";
import { useWaiting } from "./together";
import { useCallback, useEffect, useRef, useState } from "react";

export interface Loaded<T> {
  readonly data: T | null;
  readonly error: Error | null;
  /** When the data came, in ms of the epoch. */
  readonly at: number;
  /** When it is tried again after an error. */
  readonly retryAt: number | null;
  readonly again: () => void;
}

type Read<T> = (signal: AbortSignal) => Promise<T>;

const VISIBLE_MS = 2_000;
const HIDDEN_MS = 10_000;
const RETRY_MS = 8_000;

/** The last answers: the host mounts a page anew on every visit, and it shows at once what it showed before. */
const memory = new Map<string, { data: unknown; at: number }>();
const REMEMBERED = 80;

function remember(key: string, data: unknown) {
  memory.delete(key);
  memory.set(key, { data, at: Date.now() });
  if (memory.size > REMEMBERED) memory.delete(memory.keys().next().value!);
}

/** `key` names what is read; another key reads anew, null reads nothing. `live` says whether to go on. */
export function useRead<T>(
  key: string | null,
  read: Read<T>,
  live: (data: T) => boolean = () => false,
): Loaded<T> {
  const [state, setState] = useState<{
    key: string | null;
    data: T | null;
    error: Error | null;
    at: number;
    retryAt: number | null;
  }>({
    key: null,
    data: null,
    error: null,
    at: 0,
    retryAt: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef({ read, live });
  latest.current = { read, live };
  useEffect(() => {
    if (key === null) return;
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let had = false;
    const next = (wait: number) => {
      timer = setTimeout(go, wait);
    };
    const go = async () => {
      try {
        const data = await latest.current.read(control.signal);
        if (control.signal.aborted) return;
        had = true;
        const before = memory.get(key)?.data ?? null;
        // the same answer keeps its identity, so that nothing is drawn again
        const kept = same(before, data) ? (before as T) : data;
        remember(key, kept);
        setState({ key, data: kept, error: null, at: Date.now(), retryAt: null });
        if (latest.current.live(data)) next(document.hidden ? HIDDEN_MS : VISIBLE_MS);
      } catch (error) {
        if (control.signal.aborted) return;
        // an answer that says no stays no; silence may end
        const wait = had || !(error instanceof ApiError) ? RETRY_MS : null;
        setState((was) => ({
          key,
          data: was.key === key ? was.data : ((memory.get(key)?.data ?? null) as T | null),
          error: error as Error,
          at: memory.get(key)?.at ?? 0,
          retryAt: wait && Date.now() + wait,
        }));
        if (wait) next(wait);
      }
    };
    void go();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, turn]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  const current = state.key === key ? state : { ...NOTHING, ...(key === null ? null : memory.get(key)) };
  useWaiting(key !== null && current.data === null && current.error === null);
  return {
    data: current.data as T | null,
    error: current.error,
    at: current.at,
    retryAt: current.retryAt,
    again,
  };
}

const NOTHING = { data: null, error: null, at: 0, retryAt: null };

function same(a: unknown, b: unknown): boolean {
  return a !== null && JSON.stringify(a) === JSON.stringify(b);
}
