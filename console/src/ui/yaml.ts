// YAML text and the object that it says, kept in step: a change of the object keeps the text's comments and
// order.
import { Document, isCollection, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";

export interface Parsed {
  value: unknown;
  error: { message: string; line: number } | null;
}

export function parseYaml(text: string): Parsed {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) {
    const message = error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");
    return { value: undefined, error: { message, line: error.linePos?.[0].line ?? 1 } };
  }
  return { value: document.toJS({ maxAliasCount: 100 }), error: null };
}

export function printYaml(value: unknown): string {
  const document = new Document(value);
  settle(document.contents);
  return document.toString({ lineWidth: 100, flowCollectionPadding: false });
}

// The text of the same document with another value in it.
export function changeYaml(text: string, value: unknown): string {
  const document = parseDocument(text);
  if (document.errors.length > 0 || !isMap(document.contents) || !isObject(value)) return printYaml(value);
  mergeMap(document, document.contents, value);
  return document.toString({ lineWidth: 100, flowCollectionPadding: false });
}

type Tree = Record<string, unknown>;
const isObject = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function mergeMap(document: Document, map: YAMLMap, value: Tree): void {
  const keys = new Set(Object.keys(value));
  for (const pair of [...map.items]) {
    const key = String((pair.key as { value?: unknown } | null)?.value ?? pair.key);
    if (!keys.has(key)) map.delete(pair.key);
  }
  for (const [key, next] of Object.entries(value)) {
    const before = map.get(key, true) as unknown;
    if (before !== undefined && mergeInto(document, before, next)) continue;
    map.set(document.createNode(key), fresh(document, next));
  }
}

function mergeSeq(document: Document, seq: YAMLSeq, value: unknown[]): void {
  seq.items.length = Math.min(seq.items.length, value.length);
  for (const [i, next] of value.entries()) {
    const before = seq.items[i];
    if (before !== undefined && mergeInto(document, before, next)) continue;
    seq.items[i] = fresh(document, next);
  }
}

// False: it is of another sort and has to be written anew.
function mergeInto(document: Document, node: unknown, value: unknown): boolean {
  if (isMap(node) && isObject(value)) {
    mergeMap(document, node as YAMLMap, value);
    return true;
  }
  if (isSeq(node) && Array.isArray(value)) {
    mergeSeq(document, node as YAMLSeq, value);
    return true;
  }
  const scalar = node as { value?: unknown; toJSON?: () => unknown };
  if (isCollection(node) || isObject(value) || Array.isArray(value)) return false;
  return scalar.value === value;
}

function fresh(document: Document, value: unknown): unknown {
  const node = document.createNode(value);
  settle(node);
  return node;
}

// Small collections of plain values on one line, as people write them.
function settle(node: unknown): void {
  if (!isMap(node) && !isSeq(node)) return;
  const children = (node.items as { value?: unknown }[]).map((one) => (isMap(node) ? one.value : one));
  children.forEach(settle);
  const plain = children.every((one) => !isMap(one) && !isSeq(one));
  if (plain && children.length <= 3 && JSON.stringify(node).length < 70) (node as YAMLMap).flow = true;
}
