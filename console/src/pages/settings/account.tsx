// One's own account: its name, its password and its SSH keys, which people change by themselves.
import { useEffect, useState } from "preact/hooks";
import { ApiError, request, sentenceOf } from "../../api/client";
import { session } from "../../api/session";
import { EmptyState } from "../../ui/empty";
import { messagesFor, Refusal, TextField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Card, Facts } from "../../ui/page";
import { Skeleton } from "../../ui/skeleton";
import { useSubmit } from "../../ui/submit";
import { toast } from "../../ui/toast";

interface Own {
  name: string;
  email: string;
  display_name: string;
  has_password: boolean;
  ssh_keys: string[];
  providers: string[];
}
type State = { is: "waiting" } | { is: "none"; why: string } | { is: "there"; own: Own };
type Changed = (own: Own) => void;

const path = "/v1/session/user";
const change = (fields: object) =>
  request<Own>("PATCH", path, { body: fields, type: "application/merge-patch+json" });

export function Account() {
  const [state, setState] = useState<State>({ is: "waiting" });
  useEffect(() => {
    const who = session.value;
    if (!who?.user || who.token) return setState({ is: "none", why: "" }); // a token is nobody's account
    const ended = new AbortController();
    request<Own>("GET", path, { signal: ended.signal }).then(
      (own) => setState({ is: "there", own }),
      (error) => {
        if (ended.signal.aborted) return;
        setState({
          is: "none",
          why: error instanceof ApiError && error.status !== 404 ? sentenceOf(error) : "",
        });
      },
    );
    return () => ended.abort();
  }, []);
  if (state.is === "waiting") return <Skeleton lines={4} height={60} />;
  if (state.is === "none") return <NoAccount why={state.why} />;
  const { own } = state;
  const changed: Changed = (next) => setState({ is: "there", own: next });
  return (
    <div class="stack">
      <Profile own={own} changed={changed} />
      <Keys own={own} changed={changed} />
      {own.has_password && <Password changed={changed} />}
    </div>
  );
}

function NoAccount({ why }: { why: string }) {
  const who = session.value;
  return (
    <div class="stack">
      <Card title="You">
        <Facts
          facts={[
            ["Signed in", who?.user || "by a token of the API"],
            ["Role", who?.role],
            ["Organization", who?.organization || "the platform"],
            ["weir", who?.version],
          ]}
        />
      </Card>
      <EmptyState
        icon="user"
        title="A token is nobody's account"
        action={
          <a class="button" href="/settings/people">
            To the accounts
          </a>
        }
      >
        <p>
          {why ||
            "People have accounts, with a name, a password and SSH keys that they change here themselves."}{" "}
          Make one under People, and sign in by it.
        </p>
      </EmptyState>
    </div>
  );
}

function Profile({ own, changed }: { own: Own; changed: Changed }) {
  const [name, setName] = useState(own.display_name);
  const { busy, problem, violations, submit } = useSubmit();
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (await submit(async () => changed(await change({ display_name: name }))))
      toast("Your name is changed.");
  };
  return (
    <Card title="You">
      <form class="stack small" onSubmit={onSubmit} noValidate>
        <Facts
          facts={[
            ["Account", own.name],
            ["E-mail", own.email],
            ["Role", session.value?.role],
            [
              "Organizations",
              (session.value?.organizations ?? []).map((one) => `${one.name} (${one.role})`).join(", "),
            ],
            ["Signs in by", own.providers.join(", ")],
          ]}
        />
        <div class="fields">
          <TextField
            label="Name"
            value={name}
            onInput={setName}
            autocomplete="name"
            messages={messagesFor(violations, "display_name")}
            help="what others see"
          />
        </div>
        <Refusal text={violations.length === 0 && problem} />
        <div class="actions">
          <button class="primary" disabled={busy || name === own.display_name}>
            Save
          </button>
        </div>
      </form>
    </Card>
  );
}

// "ssh-ed25519 AAAA... ada@laptop": what people tell their keys apart by.
const partsOf = (line: string): [type: string, comment: string, end: string] => {
  const words = line.split(/\s+/);
  const at = words.findIndex((word) => /^(ssh-|ecdsa-|sk-)/.test(word));
  return [words[at] ?? "key", words.slice(at + 2).join(" "), (words[at + 1] ?? "").slice(-12)];
};

function Keys({ own, changed }: { own: Own; changed: Changed }) {
  const [line, setLine] = useState("");
  const { busy, problem, violations, submit } = useSubmit();
  const put = (keys: string[]) => submit(async () => changed(await change({ ssh_keys: keys })));
  const onAdd = async (event: Event) => {
    event.preventDefault();
    if (!line.trim()) return;
    if (!(await put([...own.ssh_keys, line.trim()]))) return;
    setLine("");
    toast("The key lets you in at every edge.");
  };
  const wrong = messagesFor(violations, "ssh_keys", true);
  return (
    <Card title="SSH keys">
      <div class="stack small">
        <p class="lead">
          Whoever has one of them opens tunnels as you: <code>ssh -R hello:80:localhost:8000</code>.
        </p>
        {own.ssh_keys.length > 0 && (
          <ul class="lines">
            {own.ssh_keys.map((one, i) => {
              const [type, comment, end] = partsOf(one);
              return (
                <li key={one}>
                  <span>
                    <Icon name="key" size={15} /> <b>{comment || type}</b>{" "}
                    <code class="faint">
                      {type} …{end}
                    </code>
                  </span>
                  <button
                    type="button"
                    class="quiet"
                    disabled={busy}
                    aria-label={`Remove the key ${comment || end}`}
                    onClick={() => void put(own.ssh_keys.filter((_, at) => at !== i))}
                  >
                    <Icon name="trash" size={14} /> Remove
                  </button>
                </li>
              );
            })}
          </ul>
        )}
        <form class="by-id" onSubmit={onAdd} noValidate>
          <TextField
            label="Another key"
            value={line}
            onInput={setLine}
            placeholder="ssh-ed25519 AAAA… you@laptop"
            messages={wrong}
            help="a line of ~/.ssh/id_ed25519.pub"
          />
          <button disabled={busy}>
            <Icon name="plus" size={15} /> Add
          </button>
        </form>
        <Refusal text={wrong.length === 0 && problem} />
      </div>
    </Card>
  );
}

function Password({ changed }: { changed: Changed }) {
  const [before, setBefore] = useState("");
  const [next, setNext] = useState("");
  const { busy, problem, violations, submit } = useSubmit();
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    const done = await submit(async () => changed(await change({ password: next, old_password: before })));
    if (!done) return;
    setBefore("");
    setNext("");
    toast("Your password is changed; all other sessions have ended.");
  };
  return (
    <Card title="Password">
      <form class="stack small" onSubmit={onSubmit} noValidate>
        <div class="fields">
          <TextField
            label="Now"
            type="password"
            value={before}
            onInput={setBefore}
            autocomplete="current-password"
            messages={messagesFor(violations, "old_password")}
          />
          <TextField
            label="New"
            type="password"
            value={next}
            onInput={setNext}
            autocomplete="new-password"
            messages={[...messagesFor(violations, "password"), ...messagesFor(violations, "spec.password")]}
            help="8 characters or more"
          />
        </div>
        <Refusal text={violations.length === 0 && problem} />
        <p class="help">All your other sessions end by it.</p>
        <div class="actions">
          <button class="primary" disabled={busy || !before || !next}>
            Change the password
          </button>
        </div>
      </form>
    </Card>
  );
}
