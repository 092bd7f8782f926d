// A page on which an object is made, or one that is there is changed, by the form of its kind.
import type { ComponentChildren } from "preact";
import { navigate } from "../app/router";
import type { AnyObject, Kinds, Plural } from "../api/kinds";
import { Editor, type FormOf, writable } from "./editor";
import { messagesFor, TextField } from "./field";
import { ObjectPage, type ObjectPageProps } from "./object";
import { Card, PageHead } from "./page";
import { SpecForm } from "./schema_form";

export interface ObjectForm<T> extends FormOf<T> {
  isNew: boolean;
}

interface EditPageProps<P extends Plural> extends Omit<ObjectPageProps<P>, "name" | "children"> {
  name: string | undefined; // a new one has none
  all: { href: string; label: string }; // where a new one is back from
  fresh: () => Kinds[P];
  lead?: string;
  start?: (object: Kinds[P]) => Kinds[P]; // what of it is written
  labelOf?: (object: Kinds[P]) => string;
  children: (form: ObjectForm<Kinds[P]>) => ComponentChildren;
}

export function EditPage<P extends Plural>({
  name,
  all,
  fresh,
  lead,
  start = writable,
  labelOf,
  children,
  ...page
}: EditPageProps<P>) {
  const editor = (value: Kinds[P], isNew: boolean) => (
    <Editor
      start={value}
      verb={isNew ? "Create" : "Apply"}
      onDone={(done) => navigate(`/${page.plural}/${done.metadata.name}`)}
    >
      {(form) => children({ ...form, isNew })}
    </Editor>
  );
  if (!name) {
    return (
      <>
        <PageHead title={`New ${page.title}`} back={all} />
        {editor(fresh(), true)}
      </>
    );
  }
  return (
    <ObjectPage {...page} name={name}>
      {(object) => {
        const label = labelOf?.(object) ?? name;
        return (
          <>
            <PageHead title={`Edit ${label}`} back={{ href: `/${page.plural}/${name}`, label }} lead={lead} />
            {editor(start(object), false)}
          </>
        );
      }}
    </ObjectPage>
  );
}

interface NameFieldProps {
  form: ObjectForm<AnyObject>;
  help?: string;
  placeholder?: string;
  label?: string;
}

export function NameField({ form, help, placeholder, label = "Name" }: NameFieldProps) {
  return (
    <TextField
      label={label}
      value={form.value.metadata.name ?? ""}
      required
      readOnly={!form.isNew}
      placeholder={placeholder}
      onInput={(text) => form.onChange(["metadata", "name"], text)}
      messages={messagesFor(form.violations, "metadata.name")}
      help={help ?? (form.isNew ? "a-z, 0-9 and -; it can't be changed later" : "a name stays")}
    />
  );
}

interface EverythingElseProps {
  kind: string;
  form: FormOf<AnyObject>;
  summary: string;
  leaveOut: string[]; // what has its place above
}

export function EverythingElse({ kind, form, summary, leaveOut }: EverythingElseProps) {
  return (
    <Card title="Everything else">
      <details class="more">
        <summary>{summary}</summary>
        <SpecForm
          kind={kind}
          value={form.value.spec}
          violations={form.violations}
          onChange={form.onChange}
          leaveOut={leaveOut}
        />
      </details>
    </Card>
  );
}
