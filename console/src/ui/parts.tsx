// Small parts that many pages share: tabs that are links, shares of a whole, commands to paste.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { place } from "../app/router";
import { ApiError } from "../api/client";
import type { AnyObject } from "../api/kinds";
import { mayWrite } from "../api/session";
import type { Collection } from "../api/store";
import { CopyText } from "./copy";
import { writable } from "./editor";
import { parseShare } from "./health";
import { Icon } from "./icon";
import { printYaml } from "./yaml";
import { YamlEditor } from "./yaml_editor";

export interface Tab {
  href: string;
  title: string;
  count?: number;
}

// Pages beside each other, each with an address of its own.
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  const bar = useRef<HTMLElement>(null);
  const { path } = place.value;
  useEffect(() => {
    const current = bar.current?.querySelector("[aria-current]");
    current?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone it may be out of sight
  }, [path]);
  return (
    <nav ref={bar} class="tabs" aria-label={label}>
      {tabs.map((one) => (
        <a key={one.href} href={one.href} aria-current={place.value.path === one.href ? "page" : undefined}>
          {one.title}
          {one.count !== undefined && <span class="tab-count number">{one.count}</span>}
        </a>
      ))}
    </nav>
  );
}

// "3/5" as a bar that says so.
export function Share({ text, what }: { text: string | undefined; what: string }) {
  const share = parseShare(text);
  if (!share) return <span class="faint">{text || "–"}</span>;
  const [some, all] = share;
  const percent = all === 0 ? 0 : Math.min(100, (100 * some) / all);
  const tone = some >= all ? "good" : some === 0 ? "bad" : "warn";
  return (
    <span class="share" title={`${some} of ${all} ${what}`}>
      <span class="number">
        {some}/{all}
      </span>
      <span class="share-bar" aria-hidden="true">
        <i class={tone} style={{ width: `${percent}%` }} />
      </span>
    </span>
  );
}

export function Commands({ commands }: { commands: string[] }) {
  return (
    <div class="commands">
      {commands.map((text) => (
        <CopyText key={text} text={text} />
      ))}
    </div>
  );
}

// What makes a new one, for those who may: at a page of its own, or here.
export const makes = (title: string, to: string | (() => void)) =>
  mayWrite.value &&
  (typeof to === "string" ? (
    <a class="button primary" href={to}>
      <Icon name="plus" size={16} /> {title}
    </a>
  ) : (
    <button type="button" class="primary" onClick={to}>
      <Icon name="plus" size={16} /> {title}
    </button>
  ));

// Names with commas between, each of which leads to its page.
export const linksTo = (under: string, names: readonly string[]) =>
  names.map((one, i) => (
    <>
      {i > 0 && ", "}
      <a href={`${under}/${one}`}>{one}</a>
    </>
  ));

export const labelsOf = ({ metadata }: AnyObject): string =>
  Object.entries(metadata.labels ?? {})
    .map(([key, value]) => (value ? `${key}=${value}` : key))
    .join(", ");

export function YamlOf({ object }: { object: AnyObject }) {
  return (
    <details class="more">
      <summary>YAML</summary>
      <YamlEditor text={printYaml(writable(object))} readOnly />
    </details>
  );
}

// What is wrong, above all else of a page.
export function Problem({ children }: { children: ComponentChildren }) {
  return (
    <div class="problem" role="status">
      <span>{children}</span>
    </div>
  );
}

// A kind that this controller does not know.
export function isAbsent(kind: Pick<Collection<AnyObject>, "refusal">): boolean {
  const refusal = kind.refusal.value;
  return refusal instanceof ApiError && refusal.status === 404;
}

export const placeOf = (spec: { provider?: string; region?: string; city?: string } | undefined): string =>
  [spec?.provider, spec?.region, spec?.city].filter(Boolean).join(" · ");

export const lower = (text: string | undefined): string => (text ?? "").toLowerCase().replaceAll("_", " ");

const units = ["B", "kB", "MB", "GB"];
export function bytes(count: number | undefined | null): string {
  if (count === undefined || count === null) return "–";
  let size = count;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}
