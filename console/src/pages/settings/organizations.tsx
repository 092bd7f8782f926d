import { useState } from "preact/hooks";
import { navigate } from "../../app/router";
import { request } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import { learn, useKind } from "../../api/store";
import { timeColumn, Two } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { messagesFor, TextField } from "../../ui/field";
import { FormDialog, useTexts } from "../../ui/form";
import { isAbsent, makes } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import { useSubmit } from "../../ui/submit";
import { type Column } from "../../ui/table";

type Organization = Kinds["organizations"];

const columns: Column<Organization>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.5fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={one.metadata.name}>{one.spec?.display_name || one.metadata.name}</Two>,
  },
  {
    key: "members",
    title: "Members",
    width: "100px",
    align: "end",
    cell: (one) => (one.spec?.members ?? []).length,
  },
  {
    key: "quotas",
    title: "Quotas",
    from: "tablet",
    cell: (one) =>
      (one.spec?.quotas ?? []).map((quota) => `${quota.max} ${quota.kind}`).join(", ") || (
        <span class="faint">none</span>
      ),
  },
  {
    key: "sign",
    title: "Sign-in",
    from: "tablet",
    cell: (one) => one.spec?.sign_in?.issuer ?? <span class="faint">by password</span>,
  },
  timeColumn("Since", "120px", "desktop", (one) => one.metadata.created_at),
];

export function Organizations() {
  const organizations = useKind("organizations");
  const [making, setMaking] = useState(false);
  const create = makes("New organization", () => setMaking(true));
  if (isAbsent(organizations)) {
    return (
      <EmptyState icon="user" title="This controller has no organizations">
        <p>All objects are the platform's. A newer weir keeps the objects of organizations apart.</p>
      </EmptyState>
    );
  }
  return (
    <>
      <KindTable
        of={organizations}
        under="/settings/organizations"
        empty={
          <EmptyState icon="user" title="All objects are the platform's" action={create}>
            <p>
              An organization has objects of its own, apart from everybody else's, with members, quotas, and a
              way to sign in by its own provider of identities.
            </p>
          </EmptyState>
        }
        search="Search name"
        textOf={(one) => `${one.metadata.name} ${one.spec?.display_name}`}
        label="Organizations"
        columns={columns}
        rowHeight={52}
      >
        {create}
      </KindTable>
      {making && <NewOrganization onClose={() => setMaking(false)} />}
    </>
  );
}

function NewOrganization({ onClose }: { onClose: () => void }) {
  const { text, some, of } = useTexts();
  const sent = useSubmit();
  const onSubmit = async () => {
    const name = text("name").trim();
    const body = { kind: "Organization", metadata: { name }, spec: { display_name: some("title") } };
    const done = await sent.submit(async () =>
      learn(await request<Organization>("POST", "/v1/organizations", { body })),
    );
    if (done) navigate(`/settings/organizations/${name}`);
  };
  return (
    <FormDialog title="New organization" onClose={onClose} sent={sent} verb="Make it" onSubmit={onSubmit}>
      <TextField
        label="Name"
        {...of("name")}
        required
        messages={messagesFor(sent.violations, "metadata.name")}
        help="a-z, 0-9 and -; it can't be changed later"
      />
      <TextField
        label="What people call it"
        {...of("title")}
        messages={messagesFor(sent.violations, "spec.display_name")}
      />
    </FormDialog>
  );
}
