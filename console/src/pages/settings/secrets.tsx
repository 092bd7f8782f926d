// Texts that are written and never shown: API keys of DNS providers, passwords of registries, basic auth.
import { useState } from "preact/hooks";
import type { Kinds } from "../../api/kinds";
import { nameColumn, nameOf, timeColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { messagesFor, TextField } from "../../ui/field";
import { FormDialog } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { Commands } from "../../ui/parts";
import { useSubmit } from "../../ui/submit";
import type { Column } from "../../ui/table";
import { toast } from "../../ui/toast";
import { appliedColumn, write, type Write, WrittenKind } from "./written_kind";

const columns: Column<Kinds["secrets"]>[] = [
  nameColumn("minmax(0, 1.5fr)"),
  appliedColumn("tablet"),
  timeColumn("Changed", "130px", "tablet", (one) => one.metadata.updated_at),
];

export const Secrets = () => (
  <WrittenKind
    plural="secrets"
    noun="secret"
    columns={columns}
    again={["Replace", "edit"]}
    keeps="What names it keeps it from being deleted."
    textOf={nameOf}
    empty={(create) => (
      <EmptyState icon="key" title="No secret yet" action={create}>
        <p>
          Keys of DNS providers, passwords of registries, names and password hashes for basic auth. They are
          written, used, and shown to nobody.
        </p>
        <Commands commands={["weir apply -f secret.yaml"]} />
      </EmptyState>
    )}
    form={SecretForm}
  />
);

function SecretForm({ name: before, onClose }: Write) {
  const [name, setName] = useState(before);
  const [pairs, setPairs] = useState<[key: string, value: string][]>([["", ""]]);
  const { busy, problem, violations, submit } = useSubmit();
  const change = (at: number, pair: [string, string]) =>
    setPairs(pairs.map((one, i) => (i === at ? pair : one)));
  const onSubmit = async () => {
    const written = pairs.map(([key, value]) => [key.trim(), value]).filter(([key]) => key);
    const values = Object.fromEntries(written);
    if (!(await submit(() => write("secrets", before, name, { values })))) return;
    toast(`Secret ${name} is written.`);
    onClose();
  };
  const wrong = messagesFor(violations, "spec.values", true);
  return (
    <FormDialog
      title={before ? `Replace ${before}` : "New secret"}
      drawer
      onClose={onClose}
      sent={{ busy, problem: wrong.length === 0 ? problem : "" }}
      verb="Write"
      onSubmit={onSubmit}
    >
      {before && <p class="lead">All of its values are replaced by these; what it had can't be shown.</p>}
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        required
        readOnly={before !== ""}
        messages={messagesFor(violations, "metadata.name")}
      />
      {pairs.map(([key, value], i) => (
        <div class="backend-form even" key={i}>
          <TextField
            label="Key"
            value={key}
            onInput={(next) => change(i, [next, value])}
            placeholder="token"
          />
          <TextField
            label="Value"
            type="password"
            autocomplete="new-password"
            value={value}
            onInput={(next) => change(i, [key, next])}
          />
          {pairs.length > 1 && (
            <button
              type="button"
              class="quiet icon-only"
              aria-label={`Remove ${key || `value ${i + 1}`}`}
              onClick={() => setPairs(pairs.filter((_, at) => at !== i))}
            >
              <Icon name="trash" size={15} />
            </button>
          )}
        </div>
      ))}
      <div class="actions">
        <button type="button" class="quiet" onClick={() => setPairs([...pairs, ["", ""]])}>
          <Icon name="plus" size={14} /> Another value
        </button>
      </div>
      {wrong.length > 0 && (
        <p class="wrong-text" role="alert">
          {wrong.join("; ")}
        </p>
      )}
    </FormDialog>
  );
}
