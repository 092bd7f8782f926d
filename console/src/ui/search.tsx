import { place, setQuery } from "../app/router";

// A filter of the list below, kept in the address.
export function Search({ label, param = "q" }: { label: string; param?: string }) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={place.value.query.get(param) ?? ""}
      onInput={(event) => setQuery(param, event.currentTarget.value)}
    />
  );
}

// Every word has to be in one of the texts.
export function searched<T>(rows: readonly T[], textOf: (row: T) => string, param = "q"): readonly T[] {
  const words = (place.value.query.get(param) ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = textOf(row).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
