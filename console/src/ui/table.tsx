// A table that scrolls with the page and draws only the rows that can be seen, so that 10,000 are no burden.
// Rows have one height; a row that leads somewhere is a link.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
} from "@tanstack/virtual-core";
import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ComponentChildren;
  sort?: (row: T) => string | number;
  width?: string; // of the grid: "120px", "2fr"
  align?: "end";
  from?: "tablet" | "desktop"; // not on smaller screens
}

export interface TableProps<T> {
  label: string; // of the table, for screen readers
  columns: Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  hrefOf?: (row: T) => string;
  onRow?: (row: T) => void; // in place of hrefOf
  sortBy?: string;
  rowHeight?: number;
  height?: number; // scrolls by itself within that
}

const stayMin = 0.55; // the share of rows that stay below which it was a jump
const overscan = 4; // rows beyond the screen: each costs when all of them change at once

const byKey = (key: string | number, other: string | number) => (key < other ? -1 : key > other ? 1 : 0);

export function Table<T>({
  label,
  columns,
  rows,
  keyOf,
  hrefOf,
  onRow,
  sortBy,
  rowHeight = 48,
  height,
}: TableProps<T>) {
  const [sort, setSort] = useState({ key: sortBy ?? "", up: true });
  const sorted = useMemo(() => {
    const by = columns.find((one) => one.key === sort.key)?.sort;
    if (!by) return rows;
    const keyed = rows.map((row) => [by(row), row] as const);
    keyed.sort((a, b) => (sort.up ? byKey(a[0], b[0]) : byKey(b[0], a[0])));
    return keyed.map(([, row]) => row);
  }, [rows, sort.key, sort.up]);
  const body = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const items = useVirtual(sorted.length, rowHeight, body, height ? scroller : null);
  const draw = useDrawn<T>(body);
  const widths = (size: number) =>
    columns
      .filter((one) => rank(one.from) <= size)
      .map((one) => one.width ?? "minmax(0, 1fr)")
      .join(" ");
  const style = { "--phone": widths(0), "--tablet": widths(1), "--desktop": widths(2) };
  const head = (column: Column<T>) => {
    const classes = `cell ${column.align ?? ""} ${column.from ?? ""}`;
    const state = sort.key === column.key ? (sort.up ? "ascending" : "descending") : undefined;
    if (!column.sort)
      return (
        <div key={column.key} role="columnheader" class={classes}>
          {column.title}
        </div>
      );
    const flip = () => setSort({ key: column.key, up: sort.key === column.key ? !sort.up : true });
    return (
      <div key={column.key} role="columnheader" class={classes} aria-sort={state ?? "none"}>
        <button type="button" class="sort" onClick={flip}>
          {column.title}
          {state && <Icon name={sort.up ? "up" : "down"} size={12} />}
        </button>
      </div>
    );
  };
  return (
    <div
      class={`table ${height ? "boxed" : ""}`}
      ref={scroller}
      style={height ? { maxHeight: `${height}px` } : {}}
      tabIndex={height ? 0 : undefined}
      role={height ? "region" : undefined}
      aria-label={height ? label : undefined}
    >
      <div role="table" aria-label={label} aria-rowcount={sorted.length + 1} style={style}>
        <div role="rowgroup" class="table-head">
          <div role="row" class="row" aria-rowindex={1}>
            {columns.map(head)}
          </div>
        </div>
        <div
          role="rowgroup"
          ref={body}
          class="table-body"
          style={{ height: `${sorted.length * rowHeight}px` }}
        >
          {draw(
            items.flatMap(({ index, start }) => {
              const row = sorted[index];
              if (row === undefined) return [];
              return [{ row, index, start, height: rowHeight, columns, href: hrefOf?.(row), onRow }];
            }),
            keyOf,
          )}
        </div>
      </div>
    </div>
  );
}

const rank = (from: Column<never>["from"]) => (from === "desktop" ? 2 : from === "tablet" ? 1 : 0);

interface RowProps<T> {
  row: T;
  index: number;
  start: number; // px, of the body
  height: number;
  columns: Column<T>[];
  href: string | undefined;
  onRow: ((row: T) => void) | undefined;
}

interface Drawn<T> {
  key: number; // of its element
  props: RowProps<T>;
  node: VNode;
}

const same = <T,>(one: RowProps<T>, other: RowProps<T>) =>
  (Object.keys(one) as (keyof RowProps<T>)[]).every((name) => one[name] === other[name]);

// A row that is as it was is not drawn again. After a jump, of which few of them are left, the new ones take
// the elements that there are: to make elements is what costs most. Not where the focus is: it would be
// another row's.
function useDrawn<T>(body: { current: HTMLDivElement | null }) {
  const last = useRef(new Map<string, Drawn<T>>());
  const made = useRef(0);
  return (rows: RowProps<T>[], keyOf: (row: T) => string) => {
    const ids = rows.map(({ row }) => keyOf(row));
    const before = last.current;
    const stay = ids.filter((id) => before.has(id)).length;
    const jumped = stay < rows.length * stayMin && !body.current?.contains(document.activeElement);
    const keys = jumped ? [...before.values()].map(({ key }) => key) : [];
    const drawn = rows.map((props, i) => {
      const known = before.get(ids[i]!);
      if (known && !jumped && same(known.props, props)) return known;
      const key = (jumped ? keys[i] : known?.key) ?? made.current++;
      return { key, props, node: <Row key={key} {...props} /> };
    });
    last.current = new Map(ids.map((id, i) => [id, drawn[i]!]));
    return drawn.map(({ node }) => node);
  };
}

function Row<T>({ row, index, start, height, columns, href, onRow }: RowProps<T>) {
  const leads = href !== undefined || onRow !== undefined;
  // The first cell holds the link; the whole row is its target, for those who point.
  const lead = (content: ComponentChildren) => {
    if (href !== undefined)
      return (
        <a class="row-link" href={href}>
          {content}
        </a>
      );
    if (onRow)
      return (
        <button type="button" class="row-link" onClick={() => onRow(row)}>
          {content}
        </button>
      );
    return content;
  };
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      class={`row ${leads ? "leads" : ""}`}
      style={{ transform: `translateY(${start}px)`, height: `${height}px` }}
    >
      {columns.map((column, i) => (
        <div key={column.key} role="cell" class={`cell ${column.align ?? ""} ${column.from ?? ""}`}>
          {i === 0 ? lead(column.cell(row)) : column.cell(row)}
        </div>
      ))}
    </div>
  );
}

interface Item {
  index: number;
  start: number;
}

function useVirtual(
  count: number,
  rowHeight: number,
  body: { current: HTMLDivElement | null },
  box: { current: HTMLDivElement | null } | null,
): Item[] {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [margin, setMargin] = useState(0);
  const common = { count, estimateSize: () => rowHeight, overscan, onChange: () => draw(0) };
  const options = box
    ? {
        ...common,
        getScrollElement: () => box.current as Element | null,
        observeElementRect,
        observeElementOffset,
        scrollToFn: elementScroll,
      }
    : {
        ...common,
        getScrollElement: () => window,
        observeElementRect: observeWindowRect,
        observeElementOffset: observeWindowOffset,
        scrollToFn: windowScroll,
        initialOffset: () => scrollY,
        initialRect: { width: innerWidth, height: innerHeight },
        scrollMargin: margin,
      };
  // biome-ignore lint: the two kinds of scrollers have one interface
  const [virtual] = useState(() => new Virtualizer<any, HTMLDivElement>(options as any));
  virtual.setOptions({ ...virtual.options, ...(options as object) });
  useLayoutEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  // Where the rows begin on the page, which what is above them moves.
  useLayoutEffect(() => {
    if (box) return;
    const measure = () => setMargin(Math.round(body.current!.getBoundingClientRect().top + scrollY));
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    measure();
    return () => observer.disconnect();
  }, []);
  const offset = box ? 0 : margin;
  return virtual.getVirtualItems().map(({ index, start }) => ({ index, start: start - offset }));
}
