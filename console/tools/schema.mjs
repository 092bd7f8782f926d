// What the forms need of the API's description: the fields of each kind that clients write.
import { readFile } from "node:fs/promises";

const kept = [
  "type",
  "enum",
  "description",
  "minimum",
  "maximum",
  "maxLength",
  "maxItems",
  "minItems",
  "pattern",
];

function reduce(schema) {
  const small = {};
  for (const key of kept) if (schema[key] !== undefined) small[key] = schema[key];
  if (schema.$ref) small.ref = schema.$ref.split("/").pop();
  if (schema.default !== undefined) small.default = schema.default;
  if (schema.examples) small.example = schema.examples[0];
  if (schema.readOnly) small.readOnly = true;
  if (schema.writeOnly) small.secret = true;
  if (schema.required) small.required = schema.required;
  if (schema.items) small.items = reduce(schema.items);
  if (typeof schema.additionalProperties === "object") small.values = reduce(schema.additionalProperties);
  if (schema.properties) {
    small.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, reduce(property)]),
    );
  }
  return small;
}

export async function schemaModule(description) {
  const { components, paths } = JSON.parse(await readFile(description, "utf8"));
  const written = Object.keys(paths).filter((path) => paths[path].post && /^\/v1\/\w+$/.test(path));
  const schemas = {};
  const add = (name) => {
    if (schemas[name]) return;
    schemas[name] = reduce(components.schemas[name]);
    for (const found of JSON.stringify(schemas[name]).matchAll(/"ref":"(\w+)"/g)) add(found[1]);
  };
  for (const path of written) {
    const name = paths[path].post.tags[0];
    if (components.schemas[name + "Spec"]) add(name + "Spec");
  }
  add("Metadata");
  return JSON.stringify(schemas);
}
