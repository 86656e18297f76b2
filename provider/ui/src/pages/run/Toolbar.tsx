import type { ReactNode, Ref } from "react";
import { Icon } from "../../ui/icons";
import { useLanguage } from "../../ui/language";
import { Button, Segments } from "../../ui/parts";

interface Props {
  readonly table: boolean;
  readonly folded: boolean;
  readonly values: boolean;
  readonly legend: boolean;
  readonly words: string;
  readonly tight: boolean;
  readonly full: boolean;
  readonly keysOn: boolean;
  readonly findRef: Ref<HTMLInputElement>;
  readonly selectedName: string | null;
  readonly hasMapped: boolean;
  readonly note: ReactNode;
  readonly onChange: (changes: Readonly<Record<string, string | null>>) => void;
  readonly onClear: () => void;
  readonly onFit: () => void;
  readonly onFull: () => void;
  readonly onKeys: () => void;
  readonly onWalk: () => void;
}

export function Toolbar(props: Props) {
  const { t } = useLanguage();
  const { tight, table } = props;
  // beside the name of what is selected there is room for icons only
  const short = tight || props.selectedName !== null;
  return (
    <div className="tool" role="toolbar" aria-label={t("tools")}>
      <label className="field" style={{ flex: "1 1 160px", maxWidth: tight ? 160 : 232 }}>
        <Icon name="search" size={14} />
        <input
          ref={props.findRef}
          type="search"
          aria-label={t("find")}
          placeholder={t("find")}
          value={props.words}
          onChange={(event) => props.onChange({ find: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter") props.onWalk();
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <Segments
        label={t("view")}
        value={table ? "table" : "graph"}
        iconsOnly={tight}
        options={[
          { value: "graph", label: t("graph"), icon: "lineage" },
          { value: "table", label: t("table"), icon: "list" },
        ]}
        onChange={(value) => props.onChange({ view: value === "table" ? "table" : null })}
      />
      {!table && (
        <>
          <span className="vr" />
          {props.hasMapped && (
            <Button
              icon="fold"
              label={t("foldMapped")}
              square={tight}
              pressed={props.folded}
              onClick={() => props.onChange({ fold: props.folded ? "0" : null, open: null })}
            />
          )}
          <Button
            icon="tag"
            label={t("showValues")}
            square={tight}
            pressed={props.values}
            onClick={() => props.onChange({ values: props.values ? "0" : null })}
          />
        </>
      )}
      <span className="grow" />
      {props.note}
      {props.selectedName !== null && (
        <span className="tag info big" style={{ maxWidth: 240 }}>
          <span className="ell">{t("pathTo", { name: props.selectedName })}</span>
          <button
            type="button"
            aria-label={t("clearSelection")}
            onClick={props.onClear}
            style={{ minWidth: 24, minHeight: 22, display: "grid", placeItems: "center", marginRight: -6 }}
          >
            <Icon name="x" />
          </button>
        </span>
      )}
      {!table && (
        <>
          {!tight && (
            <Button
              square={short}
              icon="legend"
              label={t("legend")}
              kind="ghost"
              pressed={props.legend}
              onClick={() => props.onChange({ legend: props.legend ? "0" : "1" })}
            />
          )}
          <Button icon="fit" label={t("fit")} kind="ghost" square={short} onClick={props.onFit} />
        </>
      )}
      <button
        type="button"
        className="btn ghost sq"
        aria-pressed={props.keysOn}
        aria-label={t("keyboard")}
        title={props.keysOn ? t("keyboardHint") : t("keyboardOff")}
        onClick={props.onKeys}
      >
        <Icon name="keys" />
      </button>
      <Button
        icon="expand"
        label={props.full ? t("leaveFullScreen") : t("fullScreen")}
        kind="ghost"
        square
        onClick={props.onFull}
      />
    </div>
  );
}
