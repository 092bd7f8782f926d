// What the pages of one object have in common: it may not be there, it is changed by a form, and it can be deleted.
import type { ComponentChildren } from "preact";
import { navigate } from "../app/router";
import { remove, sentenceOf } from "../api/client";
import { type AnyObject, type Kinds, type Plural } from "../api/kinds";
import { mayWrite } from "../api/session";
import { type Collection, useKind } from "../api/store";
import { confirm } from "./dialog";
import { EmptyState } from "./empty";
import { Icon } from "./icon";
import { Loaded } from "./page";
import { toast } from "./toast";

interface NotThereProps {
  what: string;
  href: string; // where others are
  others?: string;
  children?: ComponentChildren;
}

export const NotThere = ({ what, href, others = "All of them", children }: NotThereProps) => (
  <EmptyState
    icon="explain"
    title={`There is no ${what}`}
    action={
      <a class="button" href={href}>
        {others}
      </a>
    }
  >
    {children}
  </EmptyState>
);

export interface ObjectPageProps<P extends Plural> {
  plural: P;
  name: string;
  title: string; // of the kind: "load balancer"
  under?: string; // the path of all of them, if it is not that of the kind
  children: (object: Kinds[P], kind: Collection<Kinds[P]>) => ComponentChildren;
}

export function ObjectPage<P extends Plural>({
  plural,
  name,
  title,
  under = `/${plural}`,
  children,
}: ObjectPageProps<P>) {
  const kind = useKind(plural);
  return (
    <Loaded of={[kind as unknown as Collection<AnyObject>]}>
      {() => {
        const object = kind.get(name);
        if (object) return children(object, kind);
        return (
          <NotThere what={`${title} ${name}`} href={under}>
            <p>It may have been deleted, or have another name.</p>
          </NotThere>
        );
      }}
    </Loaded>
  );
}

// What can be done with any object, by those who may. edit: where.
export function Writes({ edit, onDelete }: { edit?: string; onDelete: () => void }) {
  if (!mayWrite.value) return null;
  return (
    <>
      {edit && (
        <a class="button" href={edit}>
          <Icon name="edit" size={15} /> Edit
        </a>
      )}
      <button type="button" class="danger" onClick={onDelete}>
        <Icon name="trash" size={15} /> Delete
      </button>
    </>
  );
}

// consequence: what it means for traffic, in a sentence.
export async function confirmDelete(
  plural: Plural,
  object: AnyObject,
  consequence: ComponentChildren,
): Promise<void> {
  try {
    await remove(plural, object.metadata.name, true); // what refers to it stands in the refusal
  } catch (error) {
    return void toast(sentenceOf(error), "bad");
  }
  if (await askAndDelete(plural, object, consequence)) navigate(`/${plural}`);
}

// Asks at once; a refusal stands in the question. Resolves to whether it was deleted.
export async function askAndDelete(
  plural: Plural,
  { kind, metadata: { name } }: AnyObject,
  consequence: ComponentChildren,
): Promise<boolean> {
  const deleted = await confirm({
    title: `Delete ${kind} ${name}?`,
    body: <p>{consequence}</p>,
    confirm: `Delete ${name}`,
    dangerous: true,
    act: () => remove(plural, name),
  });
  if (deleted) toast(`${kind} ${name} is deleted.`);
  return deleted;
}
