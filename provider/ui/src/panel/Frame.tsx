import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { Icon } from "../ui/icons";
import { useLanguage } from "../ui/language";

/** The head of the side panel: what it is, one line of facts, its own page, and the way out. */
export function PanelFrame(props: {
  icon: ReactNode;
  name: string;
  badge?: ReactNode;
  facts: ReactNode;
  page: string | null;
  onClose: () => void;
  children: ReactNode;
}) {
  const { t } = useLanguage();
  return (
    <>
      <header>
        <div className="row">
          {props.icon}
          <h2 className="ell" title={props.name}>
            {props.name}
          </h2>
          {props.badge}
          <span className="grow" />
          {props.page && (
            <Link
              className="btn tiny"
              to={props.page}
              aria-label={t("openPage")}
              title={t("openPage")}
              data-first
            >
              <Icon name="open" />
            </Link>
          )}
          <button
            type="button"
            className="btn tiny"
            onClick={props.onClose}
            aria-label={t("close")}
            title={`${t("close")} (Esc)`}
          >
            <Icon name="x" />
          </button>
        </div>
        <div className="sub">{props.facts}</div>
      </header>
      <div className="inner" tabIndex={0} role="region" aria-label={t("details")}>
        {props.children}
      </div>
    </>
  );
}
