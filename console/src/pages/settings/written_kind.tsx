// The objects of a kind whose content is written and never shown, to be written anew or deleted.
import type { ComponentChildren, ComponentType } from "preact";
import { useState } from "preact/hooks";
import { request } from "../../api/client";
import { kindNames, type Kinds } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { actionsColumn } from "../../ui/columns";
import { Icon, type IconName } from "../../ui/icon";
import { askAndDelete } from "../../ui/object";
import { makes, Share } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import type { Column } from "../../ui/table";

type Plural = "secrets" | "certificates";
export type Write = { name: string; onClose: () => void }; // "": a new one

interface WrittenKindProps<P extends Plural> {
  plural: P;
  noun: string;
  columns: Column<Kinds[P]>[];
  again: [verb: string, icon: IconName]; // of writing one anew
  keeps: string; // what keeps one from being deleted
  empty: (create: ComponentChildren) => ComponentChildren;
  textOf: (one: Kinds[P]) => string;
  sortBy?: string;
  form: ComponentType<Write>;
}

export const appliedColumn = <T extends Kinds[Plural]>(from: Column<T>["from"]): Column<T> => ({
  key: "applied",
  title: "Edges that have it",
  width: "160px",
  from,
  cell: (one) => <Share text={one.status?.applied} what="edges have it" />,
});

export function WrittenKind<P extends Plural>({
  plural,
  noun,
  columns,
  again: [verb, icon],
  keeps,
  empty,
  form: Form,
  ...table
}: WrittenKindProps<P>) {
  const kind = useKind(plural);
  const [writing, setWriting] = useState<string | null>(null);
  const create = makes(`New ${noun}`, () => setWriting(""));
  const actions = actionsColumn<Kinds[P]>(
    "190px",
    (one) =>
      mayWrite.value && (
        <>
          <button type="button" class="quiet" onClick={() => setWriting(one.metadata.name)}>
            <Icon name={icon} size={14} /> {verb}
          </button>
          <button
            type="button"
            class="quiet icon-only"
            onClick={() => void askAndDelete(plural, one, keeps)}
            aria-label={`Delete ${one.metadata.name}`}
          >
            <Icon name="trash" size={14} />
          </button>
        </>
      ),
  );
  return (
    <>
      <KindTable
        of={kind}
        empty={empty(create)}
        search={`Search ${plural}`}
        label={`${kindNames[plural]}s`}
        columns={[...columns, actions]}
        {...table}
      >
        {create}
      </KindTable>
      {writing !== null && <Form name={writing} onClose={() => setWriting(null)} />}
    </>
  );
}

// A new one, or one that replaces what is there by that name.
export const write = async (plural: Plural, before: string, name: string, spec: object): Promise<void> =>
  learn(
    await request<Kinds[Plural]>(before ? "PUT" : "POST", `/v1/${plural}${before && `/${before}`}`, {
      body: { kind: kindNames[plural], metadata: { name: name.trim() }, spec },
    }),
  );
