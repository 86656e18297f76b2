/** Cards that grow one by one, as their answers come, push each other about. These are shown at once. */

import { createContext, useCallback, useContext, useLayoutEffect, useRef, useState } from "react";

const PATIENCE_MS = 2_000;

const Waiting = createContext<((by: number) => void) | null>(null);

/** Shows `children` once all that they read at first is there, or after some patience; `meanwhile` before. */
export function Together(props: { meanwhile: React.ReactNode; children: React.ReactNode }) {
  const [shown, setShown] = useState(false);
  const open = useRef(0);
  const count = useCallback((by: number) => {
    open.current += by;
    // an answer may bring more to be read, in the same turn
    if (by < 0) setTimeout(() => open.current === 0 && setShown(true));
  }, []);
  useLayoutEffect(() => {
    if (open.current === 0) setShown(true);
    const patience = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(patience);
  }, []);
  return (
    <Waiting.Provider value={count}>
      {!shown && props.meanwhile}
      <div style={{ display: shown ? "contents" : "none" }}>{props.children}</div>
    </Waiting.Provider>
  );
}

/** Tells the `Together` around, if there is one, that something is read. */
export function useWaiting(waits: boolean): void {
  const count = useContext(Waiting);
  useLayoutEffect(() => {
    if (!count || !waits) return;
    count(1);
    return () => count(-1);
  }, [count, waits]);
}
