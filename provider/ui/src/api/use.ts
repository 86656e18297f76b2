/** Reading from the API inside components: once, or again and again while something runs. */

import { ApiError } from "./client";
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
        setState((was) => ({
          key,
          // the same answer keeps its identity, so that nothing is drawn again
          data: was.key === key && same(was.data, data) ? was.data : data,
          error: null,
          at: Date.now(),
          retryAt: null,
        }));
        if (latest.current.live(data)) next(document.hidden ? HIDDEN_MS : VISIBLE_MS);
      } catch (error) {
        if (control.signal.aborted) return;
        // an answer that says no stays no; silence may end
        const wait = had || !(error instanceof ApiError) ? RETRY_MS : null;
        setState((was) => ({
          key,
          data: was.key === key ? was.data : null,
          error: error as Error,
          at: was.at,
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
  const current = state.key === key ? state : { data: null, error: null, at: 0, retryAt: null };
  return { data: current.data, error: current.error, at: current.at, retryAt: current.retryAt, again };
}

function same(a: unknown, b: unknown): boolean {
  return a !== null && JSON.stringify(a) === JSON.stringify(b);
}
