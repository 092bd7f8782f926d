// Two versions of an object, field by field.
export interface FieldChange {
  field: string;
  before?: unknown;
  after?: unknown;
}

const byServer = new Set([
  "metadata.revision",
  "metadata.updated_at",
  "metadata.created_at",
  "metadata.uid",
  "kind",
]);
const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

function flatten(value: unknown, field: string, into: Map<string, unknown>): void {
  const entries = isTree(value) ? Object.entries(value) : [];
  if (entries.length === 0) {
    if (value !== undefined && !byServer.has(field)) into.set(field, value);
    return;
  }
  const list = Array.isArray(value);
  for (const [key, one] of entries)
    flatten(one, list ? `${field}[${key}]` : field ? `${field}.${key}` : key, into);
}

export function changesOf(before: unknown, after: unknown): FieldChange[] {
  const old = new Map<string, unknown>();
  const fresh = new Map<string, unknown>();
  flatten(before ?? undefined, "", old);
  flatten(after ?? undefined, "", fresh);
  const fields = [...new Set([...old.keys(), ...fresh.keys()])].filter((field) => field !== "");
  return fields
    .map((field) => ({ field, before: old.get(field), after: fresh.get(field) }))
    .filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
}
