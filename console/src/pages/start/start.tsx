// From nothing to a public URL: what is to be published, how it is reached, and then watching until it is.
import { useMemo, useState } from "preact/hooks";
import { ApiError, apply, sentenceOf, type Violation } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import { session } from "../../api/session";
import { useKind } from "../../api/store";
import { CopyText } from "../../ui/copy";
import { messagesFor, TextField } from "../../ui/field";
import { balancerState, serviceState, StatePill, urlsOf } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { Card, PageHead } from "../../ui/page";

type Way = "tunnel" | "address";

export default function Start() {
  return (
    <>
      <PageHead
        title="Get a public URL"
        lead="Publish something that runs anywhere: on this machine, behind NAT, or at an address of its own."
      />
      <GetStarted />
    </>
  );
}

const words = ["river", "brook", "heron", "otter", "reed", "delta", "tide", "ford", "mill", "lake"];
const someName = () =>
  `${words[Math.floor(Math.random() * words.length)]}-${Math.floor(Math.random() * 900 + 100)}`;

export function GetStarted() {
  const [way, setWay] = useState<Way>("tunnel");
  const [name, setName] = useState(someName);
  const [watching, setWatching] = useState(false);
  const choose = (next: Way) => {
    setWay(next);
    setWatching(next === "tunnel");
  };
  return (
    <div class="start">
      <div class="ways" role="radiogroup" aria-label="Where it runs">
        <WayCard
          way="tunnel"
          chosen={way}
          choose={choose}
          icon="tunnel"
          title="On my laptop, or behind NAT"
          text="It dials out; no port is opened. With ssh, which is there already, or weir connect."
        />
        <WayCard
          way="address"
          chosen={way}
          choose={choose}
          icon="pool"
          title="At an address"
          text="weir reaches it by host and port: a VM, a container, another cloud."
        />
      </div>
      {way === "tunnel" ? (
        <Tunnel name={name} setName={setName} />
      ) : (
        <Address name={name} setName={setName} onDone={() => setWatching(true)} />
      )}
      {(watching || way === "tunnel") && <Watching name={name} way={way} />}
    </div>
  );
}

function WayCard({
  way,
  chosen,
  choose,
  icon,
  title,
  text,
}: {
  way: Way;
  chosen: Way;
  choose: (way: Way) => void;
  icon: "tunnel" | "pool";
  title: string;
  text: string;
}) {
  return (
    <button type="button" class="way" role="radio" aria-checked={way === chosen} onClick={() => choose(way)}>
      <Icon name={icon} size={22} />
      <span>
        <b>{title}</b>
        <small>{text}</small>
      </span>
    </button>
  );
}

interface NameProps {
  name: string;
  setName: (name: string) => void;
}

const domainOf = () => session.value?.domain || "weir.localhost";
const plainName = (text: string) => text.toLowerCase().replace(/[^a-z0-9-]/g, "");

function Tunnel({ name, setName }: NameProps) {
  const [port, setPort] = useState("8000");
  const host = location.hostname;
  return (
    <Card title="1. Run this where it runs">
      <div class="stack small">
        <div class="fields">
          <TextField
            label="Name"
            value={name}
            onInput={(text) => setName(plainName(text))}
            help={`it becomes ${name || "NAME"}.${domainOf()}`}
          />
          <TextField
            label="Its local port"
            value={port}
            onInput={(text) => setPort(text.replace(/\D/g, ""))}
            help="what you open on localhost"
          />
        </div>
        <div class="stack small">
          <p class="muted">With ssh, nothing to install:</p>
          <CopyText
            text={`ssh -N -R ${name || "NAME"}:80:localhost:${port || "8000"} -p 2222 anyone@${host}`}
          />
          <p class="muted">Or with weir, which keeps several edges connected and comes back by itself:</p>
          <CopyText text={`weir connect --port ${port || "8000"} --name ${name || "NAME"}`} />
        </div>
        <p class="help">
          Nothing to publish at hand? <code>python3 -m http.server {port || "8000"}</code> serves the folder
          you are in. A weir that listens beyond this machine wants a key of your account.
        </p>
      </div>
    </Card>
  );
}

function objectsFor(
  name: string,
  address: string,
  path: string,
): [Kinds["services"], Kinds["loadbalancers"]] {
  const metadata = { name };
  return [
    {
      kind: "Service",
      metadata,
      spec: { endpoints: [{ address }], ...(path && { health_check: { http: { path } } }) },
    },
    {
      kind: "LoadBalancer",
      metadata,
      spec: {
        listeners: [{ protocol: "HTTP", hostnames: [`${name}.${domainOf()}`] }],
        routes: [{ match: { path_prefix: "/" }, backends: [{ service: name }] }],
      },
    },
  ] as [Kinds["services"], Kinds["loadbalancers"]];
}

function Address({ name, setName, onDone }: NameProps & { onDone: () => void }) {
  const [address, setAddress] = useState("");
  const [path, setPath] = useState("/");
  const [violations, setViolations] = useState<Violation[]>([]);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    setViolations([]);
    try {
      await apply(objectsFor(name, address.trim(), path.trim()));
      onDone();
    } catch (error) {
      const found = error instanceof ApiError ? error.violations : [];
      setViolations(found.map((one) => ({ ...one, field: one.field.replace(/^(objects)?\[\d+\]\.?/, "") })));
      setProblem(found.length > 0 ? "" : sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const known = ["metadata.name", "spec.endpoints[0].address", "spec.health_check.http.path"];
  const others = violations.filter((one) => !known.includes(one.field));
  return (
    <Card title="1. Say where it is">
      <form class="stack small" onSubmit={submit} noValidate>
        <div class="fields">
          <TextField
            label="Name"
            value={name}
            onInput={(text) => setName(plainName(text))}
            required
            messages={messagesFor(violations, "metadata.name")}
            help={`it becomes ${name || "NAME"}.${domainOf()}`}
          />
          <TextField
            label="Address"
            value={address}
            onInput={setAddress}
            placeholder="10.0.0.5:8080"
            required
            messages={messagesFor(violations, "spec.endpoints[0].address")}
            help="host:port, as the edges reach it"
          />
          <TextField
            label="Health check"
            value={path}
            onInput={setPath}
            placeholder="none"
            messages={messagesFor(violations, "spec.health_check.http.path")}
            help="a path that answers 2xx or 3xx; empty: no check"
          />
        </div>
        {(problem || others.length > 0) && (
          <p class="problem" role="alert">
            <Icon name="warn" size={15} />{" "}
            {problem || others.map((one) => `${one.field}: ${one.message}`).join("; ")}
          </p>
        )}
        <div class="actions end">
          <button class="primary" disabled={busy || !name || !address}>
            Publish
          </button>
        </div>
      </form>
    </Card>
  );
}

function Step({
  done,
  wrong,
  children,
}: {
  done: boolean;
  wrong?: boolean;
  children: preact.ComponentChildren;
}) {
  return (
    <li class={done ? "done" : wrong ? "wrong" : ""}>
      <span class="step-mark">
        <Icon name={done ? "check" : wrong ? "warn" : "clock"} size={15} />
      </span>
      <span>{children}</span>
    </li>
  );
}

function Watching({ name, way }: { name: string; way: Way }) {
  const [services, balancers] = [useKind("services"), useKind("loadbalancers")];
  const service = services.get(name);
  const balancer = balancers.get(name);
  const state = service && serviceState(service);
  const serves = (service?.status?.serving ?? 0) > 0;
  const live = balancer ? balancerState(balancer).tone === "good" : false;
  const url = useMemo(() => (balancer ? urlsOf(balancer)[0] : undefined), [balancer]);
  const reason = service?.status?.endpoints?.find((one) => one.reason)?.reason;
  const done = serves && live && url;
  return (
    <Card title="2. Watch it come up" class={done ? "celebrate" : ""}>
      <ol class="steps" aria-live="polite">
        <Step done={service !== undefined}>
          {service ? (
            <>
              The service <a href={`/services/${name}`}>{name}</a> is there.
            </>
          ) : way === "tunnel" ? (
            "Waiting for the tunnel to come in."
          ) : (
            "Waiting for the service."
          )}
        </Step>
        <Step done={serves} wrong={state?.tone === "bad"}>
          {serves ? (
            "Its origin answers."
          ) : reason ? (
            <>Its origin does not answer yet: {reason}.</>
          ) : (
            "Waiting for its origin to answer."
          )}{" "}
          {state && !serves && <StatePill state={state} />}
        </Step>
        <Step done={live}>{live ? "The edges have it." : "Waiting for the edges to have it."}</Step>
      </ol>
      {done && (
        <div class="done-url">
          <p>
            <b>It is public.</b> Anybody who reaches an edge reaches it:
          </p>
          <CopyText text={url} />
          <div class="actions">
            <a class="button primary" href={url} target="_blank" rel="noopener noreferrer">
              <Icon name="external" size={15} /> Open it
            </a>
            <a class="button" href={`/loadbalancers/${name}`}>
              Its traffic
            </a>
          </div>
        </div>
      )}
    </Card>
  );
}
