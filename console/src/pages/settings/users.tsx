// People: who has an account here, and what they may do on the platform.
import { useState } from "preact/hooks";
import { patch, request } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { timeColumn, Two } from "../../ui/columns";
import { FormDialog, useTexts } from "../../ui/form";
import { Commands, makes } from "../../ui/parts";
import { confirm } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { messagesFor, SelectField, TextField } from "../../ui/field";
import { Pill } from "../../ui/pill";
import { KindTable } from "../../ui/searched_table";
import { useSubmit } from "../../ui/submit";
import type { Column } from "../../ui/table";
import { toast } from "../../ui/toast";

type User = Kinds["users"];

export const roles: [string, string][] = [
  ["viewer", "viewer: sees all of it"],
  ["editor", "editor: also changes it"],
  ["admin", "admin: also says who else may"],
  ["owner", "owner: everything"],
];

async function onDisable(user: User): Promise<void> {
  const { name } = user.metadata;
  const disabled = user.spec?.disabled ?? false;
  const done = await confirm({
    title: disabled ? `Let ${name} in again?` : `Disable ${name}?`,
    body: disabled ? (
      <p>Its password, keys and tokens count again.</p>
    ) : (
      <p>It can neither sign in nor do anything; its tunnels end. What it owns stays.</p>
    ),
    confirm: disabled ? "Let in" : "Disable",
    dangerous: !disabled,
    act: async () => learn(await patch("users", name, { spec: { disabled: !disabled } })),
  });
  if (done) toast(disabled ? `${name} is let in again.` : `${name} is disabled.`);
}

const columns: Column<User>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.2fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={one.metadata.name}>{one.spec?.display_name || one.metadata.name}</Two>,
  },
  {
    key: "email",
    title: "E-mail",
    width: "minmax(0, 1.4fr)",
    sort: (one) => one.spec?.email ?? "",
    cell: (one) => one.spec?.email,
  },
  {
    key: "role",
    title: "On the platform",
    width: "140px",
    from: "tablet",
    sort: (one) => one.spec?.role ?? "",
    cell: (one) => one.spec?.role ?? <span class="faint">nothing</span>,
  },
  {
    key: "keys",
    title: "SSH keys",
    width: "90px",
    align: "end",
    from: "desktop",
    cell: (one) => (one.spec?.ssh_keys ?? []).length,
  },
  {
    key: "state",
    title: "State",
    width: "136px",
    from: "tablet",
    cell: (one) => (
      <Pill tone={one.spec?.disabled ? "bad" : "good"}>
        {one.spec?.disabled ? "disabled" : "may sign in"}
      </Pill>
    ),
  },
  timeColumn("Since", "120px", "desktop", (one) => one.metadata.created_at),
  {
    key: "do",
    title: "",
    width: "180px",
    align: "end",
    from: "tablet",
    cell: (one) =>
      mayWrite.value && (
        <>
          <a class="button quiet" href={`/objects/users/${one.metadata.name}/edit`}>
            Edit
          </a>
          <button type="button" class="quiet" onClick={() => void onDisable(one)}>
            {one.spec?.disabled ? "Let in" : "Disable"}
          </button>
        </>
      ),
  },
];

export function Users() {
  const users = useKind("users");
  const [making, setMaking] = useState(false);
  const create = makes("New account", () => setMaking(true));
  return (
    <>
      <KindTable
        of={users}
        empty={
          <EmptyState icon="user" title="Nobody has an account yet" action={create}>
            <p>People sign in here by an account, and bring origins by its SSH keys.</p>
            <Commands commands={["weir token create laptop --for ada"]} />
          </EmptyState>
        }
        search="Search name or e-mail"
        textOf={(one) =>
          [one.metadata.name, one.spec?.email, one.spec?.display_name, one.spec?.role].join(" ")
        }
        label="People"
        columns={columns}
        rowHeight={52}
      >
        {create}
      </KindTable>
      {making && <NewUser onClose={() => setMaking(false)} />}
    </>
  );
}

function NewUser({ onClose }: { onClose: () => void }) {
  const { text, some, of } = useTexts();
  const sent = useSubmit();
  const onSubmit = async () => {
    const spec = {
      email: text("email").trim(),
      display_name: some("display_name"),
      password: some("password"),
      role: some("role"),
    };
    const done = await sent.submit(async () => {
      learn(
        await request<User>("POST", "/v1/users", {
          body: { kind: "User", metadata: { name: text("name").trim() }, spec },
        }),
      );
    });
    if (!done) return;
    toast(`${text("name")} has an account.`);
    onClose();
  };
  const wrong = (field: string) => messagesFor(sent.violations, field);
  return (
    <FormDialog title="New account" drawer onClose={onClose} sent={sent} verb="Make it" onSubmit={onSubmit}>
      <div class="fields">
        <TextField
          label="Account"
          {...of("name")}
          required
          messages={wrong("metadata.name")}
          help="a-z, 0-9 and -"
        />
        <TextField
          label="E-mail"
          type="email"
          {...of("email")}
          required
          messages={wrong("spec.email")}
          help="by which it signs in"
        />
        <TextField label="Name" {...of("display_name")} messages={wrong("spec.display_name")} />
        <TextField
          label="First password"
          type="password"
          autocomplete="new-password"
          {...of("password")}
          messages={wrong("spec.password")}
          help="8 characters or more; none: by keys and OpenID Connect alone"
        />
        <SelectField
          label="On the platform"
          {...of("role")}
          options={[["", "nothing: by organizations alone"], ...roles]}
          messages={wrong("spec.role")}
        />
      </div>
    </FormDialog>
  );
}
