/** What all of the pages share: the root, its size, errors, keys. */

import {
  Component,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type ReactNode,
  type RefObject,
} from "react";
import { Link } from "react-router-dom";
import { ApiError } from "../api/client";
import { place } from "../host";
import { useLanguage } from "./language";
import { Button, Copy, Message, Notice } from "./parts";

const WIDE = 900;
const LOWEST = 320;

/** The root of a page. It takes the height that the host leaves, where `fill` says so. */
export function Page({ fill, children }: { fill: boolean; children: ReactNode }) {
  const root = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState<number | undefined>();
  const [narrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = () => {
      setNarrow(element.clientWidth < WIDE);
      const top = element.getBoundingClientRect().top + scrolled(element);
      if (fill) setHeight(Math.max(LOWEST, window.innerHeight - top - 12));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    if (element.parentElement) observer.observe(element.parentElement);
    window.addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", measure);
    };
  }, [fill]);
  return (
    <div ref={root} className={`lading ${narrow ? "narrow" : ""}`} style={fill ? { height } : undefined}>
      {children}
    </div>
  );
}

/** How far the host's own scroll box has moved; the page's place in it is what counts. */
function scrolled(element: HTMLElement): number {
  for (let parent = element.parentElement; parent; parent = parent.parentElement) {
    if (parent.scrollTop > 0) return parent.scrollTop;
  }
  return 0;
}

export function useWide(root: RefObject<HTMLElement | null>): boolean {
  const [wide, setWide] = useState(true);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = () => setWide(element.clientWidth >= WIDE);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [root]);
  return wide;
}

function isMissing(error: Error): boolean {
  return error instanceof ApiError && error.status === 404 && error.code === "not_found";
}

/** `ErrorMessage` where there is no room for it: beside what could be read. */
export function ErrorNotice({ error, again }: { error: Error; again: () => void }) {
  const { t } = useLanguage();
  const text = isMissing(error) ? t("errorNotFoundText") : t("notRead", { why: error.message });
  return <Notice text={text} again={again} />;
}

const MIGRATE = "airflow db migrate";

export function ErrorMessage({ error, again }: { error: Error; again: () => void }) {
  const { t } = useLanguage();
  const missing = isMissing(error);
  const index = error instanceof ApiError && error.code.startsWith("index_");
  return (
    <Message
      icon={missing ? "search" : "warn"}
      title={missing ? t("errorNotFound") : t("errorTitle")}
      text={missing ? t("errorNotFoundText") : `${error.message} ${t("errorWorks")}`}
      bad={!missing}
    >
      <Button icon="refresh" label={t("tryAgain")} onClick={again} kind="pri" />
      {index && (
        <Copy text={MIGRATE} label={t("copy")}>
          {t("copy")} <span className="mono">{MIGRATE}</span>
        </Copy>
      )}
    </Message>
  );
}

/** From where nothing is to where something is. */
export function CatalogueLink() {
  const { t } = useLanguage();
  return (
    <Link className="btn" to={place.search()}>
      {t("allArtifacts")}
    </Link>
  );
}

/** A defect of ours fails our page and nothing else of the host's. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div style={{ position: "relative", minHeight: LOWEST }}>
        <ErrorMessage error={error} again={() => this.setState({ error: null })} />
      </div>
    );
  }
}

const KEYS = "lading.keys";

/** Whether keys without a modifier do something; the choice is kept. */
export function useSingleKeys(): readonly [boolean, () => void] {
  const [on, setOn] = useState(() => localStorage.getItem(KEYS) !== "off");
  const toggle = useCallback(() => {
    setOn((was) => {
      localStorage.setItem(KEYS, was ? "off" : "on");
      return !was;
    });
  }, []);
  return [on, toggle];
}

/** How many seconds ago, counted while it is shown. */
export function useAge(at: number | null): number {
  const now = useNow(at !== null);
  return at === null ? 0 : Math.max(0, Math.round((now - at) / 1000));
}

/** How many seconds from now. */
export function useCountdown(to: number | null): number {
  const now = useNow(to !== null);
  return to === null ? 0 : Math.max(0, Math.round((to - now) / 1000));
}

function useNow(counting: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!counting) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [counting]);
  return now;
}
