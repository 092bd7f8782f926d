// The fields of kinds as the API describes them, cut down for forms at build time (tools/schema.mjs).
export interface FieldSchema {
  type?: string;
  enum?: string[];
  description?: string;
  default?: unknown;
  example?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
  minItems?: number;
  pattern?: string;
  ref?: string;
  readOnly?: boolean;
  secret?: boolean;
  required?: string[];
  items?: FieldSchema;
  values?: FieldSchema; // of a map
  properties?: Record<string, FieldSchema>;
}

export type Path = readonly (string | number)[];

// As the API writes the place of a field: spec.routes[0].backends[1].service
export const fieldName = (path: Path): string =>
  path.map((part, i) => (typeof part === "number" ? `[${part}]` : i > 0 ? `.${part}` : part)).join("");

export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const part of path) found = (found as Record<string | number, unknown> | undefined | null)?.[part];
  return found;
}

// A copy with another value there; undefined takes the field away, and what is empty by that with it.
export function withValue<T>(value: T, path: Path, next: unknown): T {
  if (path.length === 0) return next as T;
  const [part, ...rest] = path;
  if (typeof part === "number") {
    const list = [...((value as unknown[] | undefined) ?? [])];
    const changed = withValue(list[part], rest, next);
    if (changed === undefined && rest.length === 0) list.splice(part, 1);
    else list[part] = changed;
    return list as T;
  }
  const object = { ...((value as Record<string, unknown> | undefined) ?? {}) };
  const changed = withValue(object[part!], rest, next);
  if (changed === undefined) delete object[part!];
  else object[part!] = changed;
  return object as T;
}

// "path_prefix" as people read it.
export const labelOf = (name: string): string => {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
