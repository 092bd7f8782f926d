// A table below the search that filters it, with how many of all rows are shown.
import type { ComponentChildren } from "preact";
import type { AnyObject } from "../api/kinds";
import type { Collection } from "../api/store";
import { nameOf } from "./columns";
import { Loaded } from "./page";
import { Search, searched } from "./search";
import { Table, type TableProps } from "./table";

interface SearchedTableProps<T> extends TableProps<T> {
  search: string; // what can be searched for
  textOf: (row: T) => string; // in which it is looked for
  inset?: boolean; // within a card
  children?: ComponentChildren; // beside the search
}

export function SearchedTable<T>({ search, textOf, inset, children, rows, ...table }: SearchedTableProps<T>) {
  const shown = searched(rows, textOf);
  return (
    <>
      <div class={inset ? "toolbar inset" : "toolbar"}>
        <Search label={search} />
        <span class="count">
          {shown.length} of {rows.length}
        </span>
        {children}
      </div>
      <Table {...table} rows={shown} />
    </>
  );
}

interface KindTableProps<T> extends Omit<SearchedTableProps<T>, "rows" | "keyOf" | "hrefOf"> {
  of: Collection<T & AnyObject>;
  under?: string; // the path below which each has its page
  empty: ComponentChildren; // in its place while there is none
}

// All objects of a kind, by name.
export function KindTable<T extends AnyObject>({ of, under, empty, ...table }: KindTableProps<T>) {
  const hrefOf = under ? (one: T) => `${under}/${encodeURIComponent(nameOf(one))}` : undefined;
  return (
    <Loaded of={[of as unknown as Collection<AnyObject>]}>
      {() =>
        of.size === 0 ? (
          empty
        ) : (
          <SearchedTable<T> sortBy="name" {...table} rows={of.list.value} keyOf={nameOf} hrefOf={hrefOf} />
        )
      }
    </Loaded>
  );
}
