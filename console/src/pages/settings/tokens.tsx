// Keys of programs and machines: made with just what they need, shown once, and revoked.
import { useState } from "preact/hooks";
import { remove, request } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { timeColumn, Two } from "../../ui/columns";
import { CopyText } from "../../ui/copy";
import { confirm, Drawer } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { Field, messagesFor, SelectField, TextField } from "../../ui/field";
import { FormDialog, useTexts } from "../../ui/form";
import { Icon } from "../../ui/icon";
import { Commands, makes } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { KindTable } from "../../ui/searched_table";
import { useSubmit } from "../../ui/submit";
import type { Column } from "../../ui/table";
import { now } from "../../ui/time";
import { toast } from "../../ui/toast";

type Token = Kinds["tokens"];

const uses: [string, string][] = [
  ["viewer", "read everything (viewer)"],
  ["editor", "read and write (editor)"],
  ["admin", "also say who else may (admin)"],
  ["owner", "everything (owner)"],
  ["join", "let machines in (join)"],
  ["tunnel", "bring origins of a user (tunnel)"],
  ["member", "join services by endpoints (member)"],
];
const lives: [string, string][] = [
  ["", "for ever"],
  ["1", "a day"],
  ["7", "a week"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "a year"],
];
const dayMs = 86_400_000;

function whatOf({ spec }: Token): string {
  if (spec?.role === "join")
    return `${spec.join?.role ?? "edge"}s, ${spec.used ?? 0} of ${spec.uses ?? 1} let in`;
  if (spec?.role === "tunnel") return `origins of ${spec.user}`;
  if (spec?.role === "member") return (spec.services ?? []).join(", ");
  return (
    [spec?.user && `as ${spec.user}`, (spec?.scopes ?? []).join(", ")].filter(Boolean).join(": ") ||
    "all that its role may"
  );
}

const hasExpired = (token: Token) =>
  token.spec?.expires_at !== undefined && Date.parse(token.spec.expires_at) < now.value;

async function onRevoke(token: Token): Promise<void> {
  const { name } = token.metadata;
  const done = await confirm({
    title: `Revoke ${name}?`,
    body: (
      <p>
        Whatever uses it is refused from then on. What came in by it as a tunnel ends; machines that it let in
        stay.
      </p>
    ),
    confirm: `Revoke ${name}`,
    dangerous: true,
    act: () => remove("tokens", name),
  });
  if (done) toast(`${name} is revoked.`);
}

const columns: Column<Token>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.2fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={one.spec?.description}>{one.metadata.name}</Two>,
  },
  {
    key: "role",
    title: "Role",
    width: "100px",
    sort: (one) => one.spec?.role ?? "",
    cell: (one) => (
      <Pill tone="idle" icon="key">
        {one.spec?.role ?? "viewer"}
      </Pill>
    ),
  },
  {
    key: "what",
    title: "For",
    width: "minmax(0, 1.5fr)",
    from: "tablet",
    cell: (one) => (
      <span class="muted" title={whatOf(one)}>
        {whatOf(one)}
      </span>
    ),
  },
  {
    key: "expires",
    title: "Expires",
    width: "130px",
    from: "tablet",
    sort: (one) => one.spec?.expires_at ?? "9",
    cell: (one) =>
      hasExpired(one) ? (
        <Pill tone="bad">expired</Pill>
      ) : one.spec?.expires_at ? (
        <Until at={one.spec.expires_at} />
      ) : (
        <span class="faint">never</span>
      ),
  },
  timeColumn("Made", "120px", "desktop", (one) => one.metadata.created_at),
  {
    key: "do",
    title: "",
    width: "136px",
    align: "end",
    cell: (one) =>
      mayWrite.value && (
        <button
          type="button"
          class="quiet"
          onClick={() => void onRevoke(one)}
          aria-label={`Revoke ${one.metadata.name}`}
        >
          <Icon name="trash" size={14} /> Revoke
        </button>
      ),
  },
];

export function Until({ at }: { at: string }) {
  const days = Math.round((Date.parse(at) - now.value) / dayMs);
  return (
    <time dateTime={at} title={at}>
      {days >= 2 ? `in ${days} days` : days >= 1 ? "tomorrow" : "within a day"}
    </time>
  );
}

export function Tokens() {
  const tokens = useKind("tokens");
  const [making, setMaking] = useState(false);
  const create = makes("New token", () => setMaking(true));
  return (
    <>
      <KindTable
        of={tokens}
        empty={
          <EmptyState icon="key" title="No token yet" action={create}>
            <p>Programs and machines use the API by tokens, each with a role, its scopes and an end.</p>
            <Commands
              commands={[
                "weir token create laptop --for ada",
                "weir token create fra --join edge --city fra",
              ]}
            />
          </EmptyState>
        }
        search="Search name, role or use"
        textOf={(one) => [one.metadata.name, one.spec?.description, one.spec?.role, whatOf(one)].join(" ")}
        label="Tokens"
        columns={columns}
        rowHeight={52}
      >
        {create}
      </KindTable>
      {making && <NewToken onClose={() => setMaking(false)} />}
    </>
  );
}

interface Made {
  token: Token;
  secret: string;
}

function commandOf({ token, secret }: Made): string {
  const { spec } = token;
  if (spec?.role === "join")
    return `weir ${spec.join?.role ?? "edge"} --controller ${location.origin} --join-token ${secret}`;
  if (spec?.role === "tunnel") return `WEIR_TUNNEL_TOKEN=${secret} weir connect --port 8000 --name hello`;
  if (spec?.role === "member")
    return `WEIR_TOKEN=${secret} weir join ${spec.services?.[0] ?? "web"} --port 8000`;
  return `WEIR_API=${location.origin} WEIR_TOKEN=${secret} weir get services`;
}

function NewToken({ onClose }: { onClose: () => void }) {
  const users = useKind("users");
  const services = useKind("services");
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [days, setDays] = useState("90");
  const { text, some, words, of } = useTexts({ uses: "1", "join.role": "edge" });
  const [made, setMade] = useState<Made | null>(null);
  const sent = useSubmit();
  const people = !["join", "tunnel", "member"].includes(role);
  const onSubmit = () => {
    const spec = {
      role,
      description: some("description"),
      expires_at: days ? new Date(Date.now() + Number(days) * dayMs).toISOString() : undefined,
      user: people || role === "tunnel" ? some("user") : undefined,
      scopes: people && words("scopes").length > 0 ? words("scopes") : undefined,
      services: role === "member" ? words("services") : undefined,
      uses: role === "join" ? Number(text("uses")) || text("uses") : undefined,
      join:
        role === "join"
          ? {
              role: some("join.role"),
              name: some("join.name"),
              provider: some("provider"),
              region: some("region"),
              city: some("city"),
            }
          : undefined,
    };
    void sent.submit(async () => {
      const token = await request<Token & { secret: string }>("POST", "/v1/tokens", {
        body: { kind: "Token", metadata: { name: name.trim() }, spec },
      });
      const { secret, ...known } = token;
      learn(known);
      setMade({ token: known as Token, secret });
    });
  };
  const wrong = (field: string) => messagesFor(sent.violations, field, true);
  if (made) {
    return (
      <Drawer title={`${made.token.metadata.name} is made`} onClose={onClose}>
        <div class="dialog-body stack">
          <p class="problem calm" role="status">
            <Icon name="key" size={16} />{" "}
            <span>This is its text. It is shown this once, and kept nowhere.</span>
          </p>
          <CopyText text={made.secret} />
          <h3>Use it</h3>
          <CopyText text={commandOf(made)} />
          <div class="actions end">
            <button type="button" class="primary" onClick={onClose}>
              I have it
            </button>
          </div>
        </div>
      </Drawer>
    );
  }
  return (
    <FormDialog title="New token" drawer onClose={onClose} sent={sent} verb="Make it" onSubmit={onSubmit}>
      <div class="fields">
        <TextField
          label="Name"
          value={name}
          onInput={setName}
          required
          messages={wrong("metadata.name")}
          help="a-z, 0-9 and -"
        />
        <TextField label="What it is for" {...of("description")} messages={wrong("spec.description")} />
        <SelectField
          label="It may"
          value={role}
          options={uses}
          onInput={setRole}
          messages={wrong("spec.role")}
        />
        <SelectField
          label="It lasts"
          value={days}
          options={lives}
          onInput={setDays}
          messages={wrong("spec.expires_at")}
        />
        {(people || role === "tunnel") && (
          <SelectField
            label={people ? "Whose it is" : "Origins of"}
            {...of("user")}
            messages={wrong("spec.user")}
            required={!people}
            options={[
              ["", people ? "nobody's" : "choose a user"],
              ...users.list.value.map((one): [string, string] => [one.metadata.name, one.metadata.name]),
            ]}
            help={people ? "then it never may more than that user" : undefined}
          />
        )}
        {role === "join" && (
          <>
            <SelectField
              label="A machine becomes"
              {...of("join.role")}
              options={[
                ["edge", "an edge"],
                ["node", "a node"],
              ]}
            />
            <TextField
              label="How many"
              {...of("uses")}
              messages={wrong("spec.uses")}
              help="machines that it lets in"
            />
            <TextField
              label="Name of the machine"
              {...of("join.name")}
              messages={wrong("spec.join.name")}
              placeholder="any that is new"
            />
            <TextField
              label="Provider"
              {...of("provider")}
              messages={wrong("spec.join.provider")}
              placeholder="as it says"
            />
            <TextField
              label="Region"
              {...of("region")}
              messages={wrong("spec.join.region")}
              placeholder="as it says"
            />
            <TextField
              label="City"
              {...of("city")}
              messages={wrong("spec.join.city")}
              placeholder="as it says"
            />
          </>
        )}
        {role === "member" && (
          <TextField
            label="Services"
            {...of("services")}
            messages={wrong("spec.services")}
            required
            placeholder={services.list.value[0]?.metadata.name ?? "web"}
            help="that endpoints join and leave by it"
          />
        )}
      </div>
      {people && (
        <Field
          label="Scopes"
          messages={wrong("spec.scopes")}
          help="such as services:write *:read, one a line; none: all that its role may"
        >
          {(field) => (
            <textarea
              {...field}
              class="code"
              rows={3}
              value={text("scopes")}
              spellcheck={false}
              onInput={(event) => of("scopes").onInput(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
    </FormDialog>
  );
}
