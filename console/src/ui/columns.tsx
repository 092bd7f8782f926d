// Columns that many tables have; whatever is given beside replaces their own.
import type { ComponentChildren } from "preact";
import type { AnyObject } from "../api/kinds";
import { type State, StatePill } from "./health";
import type { Column } from "./table";
import { Time } from "./time";

type Own<T> = Partial<Column<T>>;
type Named = Pick<AnyObject, "metadata">;

export const nameOf = (one: Named): string => one.metadata.name;

// Two lines, the second of which is smaller.
export const Two = ({ children, note }: { children: ComponentChildren; note: ComponentChildren }) => (
  <span class="two">
    <b>{children}</b>
    <small>{note}</small>
  </span>
);

export const nameColumn = <T extends Named>(width: string, own: Own<T> = {}): Column<T> => ({
  key: "name",
  title: "Name",
  width,
  sort: nameOf,
  cell: (one) => <b>{nameOf(one)}</b>,
  ...own,
});

export const stateColumn = <T,>(width: string, of: (one: T) => State, own: Own<T> = {}): Column<T> => ({
  key: "state",
  title: "State",
  width,
  sort: (one) => of(one).tone,
  cell: (one) => <StatePill state={of(one)} />,
  ...own,
});

export const whyColumn = <T,>(
  width: string,
  from: Column<T>["from"],
  of: (one: T) => string | undefined,
): Column<T> => ({
  key: "why",
  title: "Why",
  width,
  from,
  cell: (one) => (
    <span class="muted" title={of(one)}>
      {of(one)}
    </span>
  ),
});

export const timeColumn = <T,>(
  title: string,
  width: string,
  from: Column<T>["from"],
  of: (one: T) => string | undefined,
): Column<T> => ({
  key: title.toLowerCase(),
  title,
  width,
  from,
  sort: (one) => of(one) ?? "",
  cell: (one) => <Time at={of(one)} />,
});

export const changedColumn = <T extends Named>(width = "130px"): Column<T> =>
  timeColumn("Changed", width, "desktop", (one) => one.metadata.updated_at);

// What is done with one row, by buttons.
export const actionsColumn = <T,>(
  width: string,
  cell: Column<T>["cell"],
  from?: Column<T>["from"],
): Column<T> => ({ key: "do", title: "", width, align: "end", from, cell });
