// One organization: its members, its quotas, and how they sign in.
import { useState } from "preact/hooks";
import type { PageProps } from "../../app/routes";
import { patch } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { navigate } from "../../app/router";
import { Two } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { Field, messagesFor, Refusal, SelectField, TextField } from "../../ui/field";
import { useTexts } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { askAndDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, PageHead } from "../../ui/page";
import { YamlOf } from "../../ui/parts";
import { useSubmit } from "../../ui/submit";
import { type Column, Table } from "../../ui/table";
import { toast, toastError } from "../../ui/toast";
import { roles } from "./users";

type Organization = Kinds["organizations"];
type Member = Schema<"OrganizationMember">;

export default function OrganizationPage({ params }: PageProps) {
  return (
    <ObjectPage plural="organizations" name={params.name!} title="organization">
      {(organization) => <Detail organization={organization} />}
    </ObjectPage>
  );
}

// A list is replaced whole, so that it is as this page has seen it, or refused.
const put = async ({ metadata }: Organization, spec: object) =>
  learn(await patch("organizations", metadata.name, { metadata: { revision: metadata.revision }, spec }));

function Detail({ organization }: { organization: Organization }) {
  const { name } = organization.metadata;
  const onDelete = async () => {
    const consequence = <>It has to own nothing any more. Its members keep their accounts.</>;
    if (await askAndDelete("organizations", organization, consequence)) navigate("/settings/organizations");
  };
  return (
    <>
      <PageHead
        title={organization.spec?.display_name || name}
        back={{ href: "/settings/organizations", label: "Organizations" }}
        lead={name}
      >
        <Writes edit={`/objects/organizations/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Members organization={organization} />
        <SignIn organization={organization} />
        <Quotas organization={organization} />
        <Card title="About">
          <YamlOf object={organization} />
        </Card>
      </div>
    </>
  );
}

function Members({ organization }: { organization: Organization }) {
  const users = useKind("users");
  const members = organization.spec?.members ?? [];
  const [user, setUser] = useState("");
  const [role, setRole] = useState("viewer");
  const { busy, problem, violations, submit } = useSubmit();
  const others = users.list.value
    .map((one) => one.metadata.name)
    .filter((one) => !members.some((member) => member.user === one));
  const onAdd = async (event: Event) => {
    event.preventDefault();
    const done = await submit(() => put(organization, { members: [...members, { user, role }] }));
    if (done) setUser("");
  };
  const onRole = (member: Member, next: string) =>
    put(organization, {
      members: members.map((one) => (one.user === member.user ? { ...one, role: next } : one)),
    }).catch(toastError);
  const onRemove = async (member: Member) => {
    const done = await confirm({
      title: `Take ${member.user} out?`,
      body: <p>It sees nothing of {organization.metadata.name} from then on. Its account stays.</p>,
      confirm: "Take out",
      dangerous: true,
      act: () => put(organization, { members: members.filter((one) => one.user !== member.user) }),
    });
    if (done) toast(`${member.user} is no member any more.`);
  };
  const columns: Column<Member>[] = [
    {
      key: "user",
      title: "Member",
      width: "minmax(0, 1.5fr)",
      sort: (one) => one.user,
      cell: (one) => <Two note={users.get(one.user)?.spec?.email}>{one.user}</Two>,
    },
    {
      key: "role",
      title: "May",
      width: "minmax(120px, 1fr)",
      cell: (one) =>
        mayWrite.value ? (
          <select
            key={one.user}
            aria-label={`Role of ${one.user}`}
            value={one.role ?? "viewer"}
            onChange={(event) => void onRole(one, event.currentTarget.value)}
          >
            {roles.map(([key]) => (
              <option key={key} value={key}>
                {key}
              </option>
            ))}
          </select>
        ) : (
          one.role
        ),
    },
    {
      key: "do",
      title: "",
      width: "130px",
      align: "end",
      cell: (one) =>
        mayWrite.value && (
          <button
            type="button"
            class="quiet"
            onClick={() => void onRemove(one)}
            aria-label={`Take out ${one.user}`}
          >
            <Icon name="trash" size={14} /> Take out
          </button>
        ),
    },
  ];
  const wrong = messagesFor(violations, "spec.members", true);
  return (
    <Card
      title="Members"
      class={members.length > 0 ? "flush" : ""}
      actions={<span class="faint number">{members.length}</span>}
    >
      {members.length > 0 ? (
        <Table
          label="Members"
          columns={columns}
          rows={members}
          keyOf={(one) => one.user}
          sortBy="user"
          rowHeight={54}
          height={members.length > 8 ? 440 : undefined}
        />
      ) : (
        <p class="lead">Nobody yet.</p>
      )}
      {mayWrite.value && (
        <form class={`by-id ${members.length > 0 ? "inset" : ""}`} onSubmit={onAdd} noValidate>
          {others.length > 0 ? (
            <SelectField
              label="Another member"
              value={user}
              options={[["", "choose an account"], ...others.map((one): [string, string] => [one, one])]}
              onInput={setUser}
              messages={wrong}
            />
          ) : (
            <TextField label="Another member" value={user} onInput={setUser} messages={wrong} />
          )}
          <SelectField label="May" value={role} options={roles} onInput={setRole} />
          <button disabled={busy || !user}>
            <Icon name="plus" size={15} /> Add
          </button>
        </form>
      )}
      <Refusal text={wrong.length === 0 && problem} />
    </Card>
  );
}

function SignIn({ organization }: { organization: Organization }) {
  const before = organization.spec?.sign_in;
  const [open, setOpen] = useState(before !== undefined);
  const { text, some, words, of } = useTexts({
    issuer: before?.issuer ?? "",
    client_id: before?.client_id ?? "",
    display_name: before?.display_name ?? "",
    domains: (before?.domains ?? []).join(" "),
    role: before?.role ?? "",
  });
  const { busy, problem, violations, submit } = useSubmit();
  const wrong = (field: string) => messagesFor(violations, `spec.sign_in.${field}`, true);
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    const domains = words("domains");
    const sign_in = {
      issuer: text("issuer").trim(),
      client_id: text("client_id").trim(),
      ...(some("client_secret") && { client_secret: some("client_secret") }),
      display_name: some("display_name") ?? null,
      domains: domains.length > 0 ? domains : null,
      role: some("role") ?? null,
    };
    if (await submit(() => put(organization, { sign_in }))) toast("Its members may sign in so.");
  };
  const onRemove = async () => {
    const done = await confirm({
      title: "No sign-in by OpenID Connect?",
      body: <p>Members who have no password can't sign in any more.</p>,
      confirm: "Take it away",
      dangerous: true,
      act: () => put(organization, { sign_in: null }),
    });
    if (done) setOpen(false);
  };
  if (!open) {
    return (
      <Card
        title="Sign-in by OpenID Connect"
        actions={
          mayWrite.value && (
            <button type="button" onClick={() => setOpen(true)}>
              Set up
            </button>
          )
        }
      >
        <p class="lead">
          Members sign in by password. With a provider of identities, they do by what they have there.
        </p>
      </Card>
    );
  }
  return (
    <Card title="Sign-in by OpenID Connect">
      <form class="stack small" onSubmit={onSubmit} noValidate>
        <div class="fields">
          <TextField
            label="Issuer"
            {...of("issuer")}
            required
            placeholder="https://id.example"
            messages={wrong("issuer")}
            help="the provider's address"
          />
          <TextField label="Client id" {...of("client_id")} required messages={wrong("client_id")} />
          <TextField
            label="Client secret"
            type="password"
            {...of("client_secret")}
            autocomplete="new-password"
            placeholder={before ? "as before" : ""}
            messages={wrong("client_secret")}
            help="written, and never shown"
          />
          <TextField label="On the button" {...of("display_name")} messages={wrong("display_name")} />
          <TextField
            label="Domains"
            {...of("domains")}
            placeholder="example.com"
            messages={wrong("domains")}
            help="whose addresses become members by signing in; none: only members may"
          />
          <SelectField
            label="They become"
            {...of("role")}
            options={[["", "viewer"], ...roles.slice(1)]}
            messages={wrong("role")}
          />
        </div>
        <Field label="Address to give to the provider" help="where it sends people back to">
          {(field) => (
            <input
              {...field}
              readOnly
              value={`${location.origin}/v1/session/oidc/${organization.metadata.name}/callback`}
            />
          )}
        </Field>
        <Refusal text={violations.length === 0 && problem} />
        {mayWrite.value && (
          <div class="actions">
            <button class="primary" disabled={busy}>
              Save
            </button>
            {before && (
              <button type="button" class="danger" onClick={() => void onRemove()}>
                Take it away
              </button>
            )}
          </div>
        )}
      </form>
    </Card>
  );
}

function Quotas({ organization }: { organization: Organization }) {
  const quotas = organization.spec?.quotas ?? [];
  return (
    <Card title="Quotas">
      {quotas.length === 0 ? (
        <p class="lead">It may have as many objects as it wants. The platform sets quotas by editing it.</p>
      ) : (
        <dl class="pairs">
          {quotas.map((one) => (
            <div key={one.kind}>
              <dt>{one.kind}</dt>
              <dd class="number">at most {one.max}</dd>
            </div>
          ))}
        </dl>
      )}
    </Card>
  );
}
