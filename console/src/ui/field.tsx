// One field of a form: its label, what it is, and beside it what is wrong with it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Violation } from "../api/client";
import { Icon } from "./icon";

// What the API found wrong at this field, or within it.
export function messagesFor(violations: readonly Violation[], field: string, within = false): string[] {
  return violations
    .filter((one) => one.field === field || (within && new RegExp(`^${escaped(field)}[.[]`).test(one.field)))
    .map((one) => one.message);
}
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// What belongs to no field.
export function Refusal({ text }: { text: string | false }) {
  return text ? (
    <p class="problem" role="alert">
      {text}
    </p>
  ) : null;
}

export interface Described {
  id: string;
  "aria-invalid": boolean | undefined;
  "aria-describedby": string | undefined;
}

export function Field({
  label,
  help,
  messages = [],
  required,
  children,
}: {
  label: string;
  help?: string;
  messages?: string[];
  required?: boolean;
  children: (props: Described) => ComponentChildren;
}) {
  const id = useId();
  const wrong = messages.length > 0;
  const described = [help && `${id}-help`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  return (
    <div class={`field ${wrong ? "wrong" : ""}`}>
      <label for={id}>
        {label}
        {required && (
          <span class="required" aria-hidden="true">
            {" "}
            *
          </span>
        )}
      </label>
      {children({ id, "aria-invalid": wrong || undefined, "aria-describedby": described })}
      {wrong && (
        <p class="wrong-text" id={`${id}-wrong`} role="alert">
          <Icon name="warn" size={14} /> {messages.join("; ")}
        </p>
      )}
      {help && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

export function TextField({
  label,
  value,
  onInput,
  ...more
}: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  help?: string;
  messages?: string[];
  required?: boolean;
  placeholder?: string;
  type?: "text" | "email" | "password";
  autocomplete?: string;
  readOnly?: boolean;
}) {
  const { placeholder, type, autocomplete, readOnly, ...field } = more;
  return (
    <Field label={label} {...field}>
      {(props) => (
        <input
          {...props}
          type={(type ?? "text") as "text"}
          value={value}
          placeholder={placeholder}
          readOnly={readOnly}
          autocomplete={autocomplete ?? "off"}
          spellcheck={false}
          required={more.required}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function SelectField({
  label,
  value,
  options,
  onInput,
  ...field
}: {
  label: string;
  value: string;
  options: readonly (string | [value: string, label: string])[];
  onInput: (value: string) => void;
  help?: string;
  messages?: string[];
  required?: boolean;
}) {
  return (
    <Field label={label} {...field}>
      {(props) => (
        <select {...props} value={value} onChange={(event) => onInput(event.currentTarget.value)}>
          {options.map((one) => {
            const [key, text] = typeof one === "string" ? [one, one] : one;
            return (
              <option key={key} value={key} selected={key === value}>
                {text}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

export function Switch({
  label,
  value,
  onInput,
  help,
}: {
  label: string;
  value: boolean;
  onInput: (value: boolean) => void;
  help?: string;
}) {
  const id = useId();
  return (
    <div class="field switch">
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={value}
        aria-describedby={help ? `${id}-help` : undefined}
        onChange={(event) => onInput(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {help && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}
