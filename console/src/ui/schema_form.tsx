// A form for any kind, made from its schema: each field with its description, its bounds, and what the API
// found wrong with it. Objects that are not there are a line that can be opened.
import schemas from "virtual:schema";
import type { Violation } from "../api/client";
import { Field, messagesFor, SelectField, Switch, TextField } from "./field";
import { Icon } from "./icon";
import { type FieldSchema, fieldName, labelOf, type Path } from "./schema";

export type Change = (path: Path, value: unknown) => void;

interface FormProps {
  schema: FieldSchema;
  value: unknown;
  path: Path;
  violations: readonly Violation[];
  onChange: Change;
  leaveOut?: readonly string[]; // fields that stand elsewhere
  depth?: number;
}

const resolve = (schema: FieldSchema): FieldSchema =>
  schema.ref ? { ...schemas[schema.ref], ...schema } : schema;

// The form of a kind's spec: <SpecForm kind="Service" ... />
export function SpecForm({ kind, ...props }: Omit<FormProps, "schema" | "path"> & { kind: string }) {
  return <ObjectFields schema={{ ref: `${kind}Spec` }} path={["spec"]} {...props} />;
}

export function ObjectFields({ schema, value, path, leaveOut = [], ...props }: FormProps) {
  const whole = resolve(schema);
  const object = (value ?? {}) as Record<string, unknown>;
  const names = Object.keys(whole.properties ?? {}).filter((name) => !leaveOut.includes(name));
  const shown = names.filter((name) => !whole.properties![name]!.readOnly);
  return (
    <div class="fields">
      {shown.map((name) => (
        <AnyField
          key={name}
          name={name}
          schema={whole.properties![name]!}
          value={object[name]}
          path={[...path, name]}
          required={whole.required?.includes(name) ?? false}
          {...props}
        />
      ))}
    </div>
  );
}

type AnyFieldProps = Omit<FormProps, "leaveOut"> & { name: string; required: boolean };

function AnyField({ name, required, ...props }: AnyFieldProps) {
  const schema = resolve(props.schema);
  const { value, path, violations, onChange } = props;
  const label = labelOf(name);
  const messages = messagesFor(violations, fieldName(path));
  const help = helpOf(schema);
  if (schema.type === "object" && schema.values) return <MapField {...props} schema={schema} name={name} />;
  if (schema.type === "object")
    return <ObjectField {...props} schema={schema} name={name} required={required} />;
  if (schema.type === "array")
    return <ListField {...props} schema={schema} name={name} required={required} />;
  if (schema.type === "boolean") {
    const on = (value ?? schema.default ?? false) as boolean;
    return <Switch label={label} value={on} help={help} onInput={(next) => onChange(path, next)} />;
  }
  if (schema.enum) {
    const none = schema.default === undefined ? (["", "not set"] as [string, string]) : undefined;
    const options = schema.enum.map((one): string | [string, string] =>
      one === schema.default ? [one, `${one} (default)`] : one,
    );
    return (
      <SelectField
        label={label}
        value={String(value ?? schema.default ?? "")}
        help={help}
        messages={messages}
        required={required}
        options={none ? [none, ...options] : options}
        onInput={(next) => onChange(path, next === "" ? undefined : next)}
      />
    );
  }
  const number = schema.type === "integer" || schema.type === "number";
  const put = (text: string) => {
    if (text === "") return onChange(path, undefined);
    onChange(path, number && /^-?\d+$/.test(text) ? Number(text) : text);
  };
  const placeholder =
    schema.default !== undefined
      ? String(schema.default)
      : schema.example
        ? `such as ${schema.example}`
        : undefined;
  if ((schema.maxLength ?? 0) > 8192) {
    return (
      <Field label={label} help={help} messages={messages} required={required}>
        {(field) => (
          <textarea
            {...field}
            rows={5}
            class="code"
            value={String(value ?? "")}
            spellcheck={false}
            onInput={(event) => put(event.currentTarget.value)}
          />
        )}
      </Field>
    );
  }
  return (
    <TextField
      label={label}
      value={value === undefined || value === null ? "" : String(value)}
      help={help}
      messages={messages}
      required={required}
      placeholder={placeholder}
      onInput={put}
    />
  );
}

function helpOf(schema: FieldSchema): string | undefined {
  const { minimum, maximum } = schema;
  const bounds = minimum !== undefined && maximum !== undefined ? `${minimum} to ${maximum}` : "";
  return [schema.description, bounds].filter(Boolean).join("; ") || undefined;
}

function ObjectField({
  name,
  required,
  schema,
  value,
  path,
  violations,
  onChange,
  depth = 0,
}: AnyFieldProps) {
  const open = value !== undefined || required;
  const messages = messagesFor(violations, fieldName(path), !open);
  return (
    <fieldset class={`nested ${messages.length > 0 ? "wrong" : ""}`}>
      <legend>{labelOf(name)}</legend>
      {schema.description && <p class="help">{schema.description}</p>}
      {messages.length > 0 && (
        <p class="wrong-text" role="alert">
          {messages.join("; ")}
        </p>
      )}
      {open ? (
        <>
          <ObjectFields
            schema={schema}
            value={value}
            path={path}
            violations={violations}
            onChange={onChange}
            depth={depth + 1}
          />
          {!required && (
            <button type="button" class="quiet" onClick={() => onChange(path, undefined)}>
              <Icon name="cross" size={14} /> Leave out
            </button>
          )}
        </>
      ) : (
        <button type="button" class="quiet" onClick={() => onChange(path, {})}>
          <Icon name="plus" size={14} /> Set
        </button>
      )}
    </fieldset>
  );
}

function ListField({ name, required, schema, value, path, violations, onChange, depth = 0 }: AnyFieldProps) {
  const list = (value ?? []) as unknown[];
  const item = resolve(schema.items ?? {});
  const messages = messagesFor(violations, fieldName(path), item.type !== "object");
  if (item.type !== "object") {
    // Texts and numbers: one a line is easier than a row of boxes.
    const text = list.map(String).join("\n");
    const put = (next: string) => {
      const lines = next
        .split("\n")
        .map((line) => line.trim())
        .filter((line, i, all) => line || i === all.length - 1);
      const values =
        item.type === "integer" ? lines.map((line) => (/^\d+$/.test(line) ? Number(line) : line)) : lines;
      onChange(path, next.trim() === "" ? undefined : values);
    };
    return (
      <Field
        label={labelOf(name)}
        messages={messages}
        required={required}
        help={[schema.description, item.enum?.join(", "), "one a line"].filter(Boolean).join("; ")}
      >
        {(field) => (
          <textarea
            {...field}
            rows={Math.min(6, Math.max(2, list.length + 1))}
            value={text}
            spellcheck={false}
            onInput={(event) => put(event.currentTarget.value)}
          />
        )}
      </Field>
    );
  }
  return (
    <fieldset class="nested">
      <legend>{labelOf(name)}</legend>
      {schema.description && <p class="help">{schema.description}</p>}
      {messages.length > 0 && (
        <p class="wrong-text" role="alert">
          {messages.join("; ")}
        </p>
      )}
      {list.map((one, i) => (
        <div class="list-item" key={i}>
          <ObjectFields
            schema={schema.items!}
            value={one}
            path={[...path, i]}
            violations={violations}
            onChange={onChange}
            depth={depth + 1}
          />
          <button
            type="button"
            class="quiet"
            onClick={() => onChange([...path, i], undefined)}
            aria-label={`Remove ${labelOf(name)} ${i + 1}`}
          >
            <Icon name="trash" size={14} /> Remove
          </button>
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => onChange([...path, list.length], {})}>
        <Icon name="plus" size={14} /> Add
      </button>
    </fieldset>
  );
}

// Texts by key, as "key=value" lines.
function MapField({ name, schema, value, path, violations, onChange }: Omit<AnyFieldProps, "required">) {
  const map = (value ?? {}) as Record<string, string>;
  const text = Object.entries(map)
    .map(([key, one]) => (one === "" ? key : `${key}=${one}`))
    .join("\n");
  const put = (next: string) => {
    const lines = next
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const pairs = lines.map((line) => {
      const equals = line.indexOf("=");
      return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
    });
    onChange(path, pairs.length > 0 ? Object.fromEntries(pairs) : undefined);
  };
  return (
    <Field
      label={labelOf(name)}
      messages={messagesFor(violations, fieldName(path), true)}
      help={[schema.description, "key=value, one a line"].filter(Boolean).join("; ")}
    >
      {(field) => (
        <textarea
          {...field}
          rows={Math.max(2, Object.keys(map).length + 1)}
          defaultValue={text}
          spellcheck={false}
          onChange={(event) => put(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
