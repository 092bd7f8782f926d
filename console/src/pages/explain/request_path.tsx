// The way of a request through weir, as it went or as it would go.
import { Card } from "../../ui/page";
import { bytes, lower } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { Time } from "../../ui/time";
import { statusTone } from "../tunnels/requests";
import { Step } from "./steps";

interface Endpoint {
  endpoint: string;
  weight: number;
  priority: number;
  health: string;
  may_be_picked: boolean;
  why_not: string | null;
}
interface Backend {
  service: string;
  weight: number;
  balance: string;
  endpoints: Endpoint[];
}
interface Try {
  endpoint: string;
  outcome: string;
  detail: string | null;
  status: number | null;
  connection: string;
  ms: number;
}
export interface Decision {
  request_id?: string;
  time?: string;
  method: string;
  scheme: string;
  host: string;
  path: string;
  peer?: string;
  listener: string | null;
  load_balancer: string | null;
  route: string | null;
  filter?: string | null;
  service?: string | null;
  reason: string | null;
  candidates?: { route: string; hostname: string; match: string; taken: boolean; why_not: string | null }[];
  filters?: { filter: string; outcome: string }[];
  answer?: { filter: string; status: number; reason: string; location?: string } | null;
  sent_host?: string | null;
  sent_path?: string | null;
  backends?: Backend[];
  tries?: Try[];
  tries_made?: number;
  ended?: boolean;
  status?: number | null;
  flags?: { flag: string; means: string }[];
  bytes_received?: number;
  bytes_sent?: number;
  head_ms?: number | null;
  upstream_ms?: number | null;
  duration_ms?: number;
  service_now?: Backend | null;
}

export function RequestPath({ decision, came }: { decision: Decision; came: boolean }) {
  const { method, scheme, host, path } = decision;
  return (
    <Card
      title={
        <code class="asked">
          {method} {scheme}://{host}
          {path}
        </code>
      }
      actions={
        came &&
        decision.time && (
          <span class="faint">
            <Time at={decision.time} />
          </span>
        )
      }
    >
      <ol class="path">
        <Step
          tone={decision.listener ? "good" : "bad"}
          icon="right"
          title={decision.listener ? `Listener: ${decision.listener}` : "No listener takes it"}
          outcome={decision.peer ? `came from ${decision.peer}` : undefined}
        />
        <RouteStep decision={decision} />
        {decision.filters && decision.filters.length > 0 && <FiltersStep decision={decision} />}
        {decision.answer && (
          <Step
            tone={statusTone(decision.answer.status)}
            icon="right"
            title={`Answered by the edge with ${decision.answer.status}`}
            outcome={[lower(decision.answer.reason), decision.answer.location].filter(Boolean).join(": ")}
          />
        )}
        {(decision.sent_host || decision.sent_path) && (
          <Step
            tone="info"
            icon="edit"
            title="Rewritten"
            outcome={`sent on as ${decision.sent_host ?? host}${decision.sent_path ?? path}`}
          />
        )}
        {(decision.backends ?? []).map((one) => (
          <BackendStep key={one.service} backend={one} all={decision.backends!} />
        ))}
        {decision.tries && <TriesStep decision={decision} />}
        {came && <EndStep decision={decision} />}
        {decision.service_now && (
          <BackendStep backend={decision.service_now} all={[decision.service_now]} now />
        )}
      </ol>
    </Card>
  );
}

function RouteStep({ decision }: { decision: Decision }) {
  const candidates = decision.candidates ?? [];
  const name = decision.load_balancer;
  const title = decision.route ? (
    <>
      Route {decision.route} of <a href={`/loadbalancers/${name}`}>{name}</a>
    </>
  ) : name ? (
    <>
      No route of <a href={`/loadbalancers/${name}`}>{name}</a> takes it
    </>
  ) : (
    "No load balancer has this host"
  );
  return (
    <Step
      tone={decision.route ? "good" : "bad"}
      icon="split"
      title={title}
      outcome={decision.route ? undefined : decision.reason?.replaceAll("_", " ")}
    >
      {candidates.length > 0 && (
        <ul class="decisions">
          {candidates.map((one) => (
            <li key={one.route + one.hostname}>
              <Pill tone={one.taken ? "good" : "idle"} icon={one.taken ? "check" : "dash"}>
                {one.taken ? "taken" : "not taken"}
              </Pill>
              <span>
                <code>{one.match}</code> <span class="faint">{one.route}</span>
              </span>
              <span class="muted">{one.why_not}</span>
            </li>
          ))}
        </ul>
      )}
    </Step>
  );
}

function FiltersStep({ decision }: { decision: Decision }) {
  const answers = decision.answer !== null && decision.answer !== undefined;
  return (
    <Step
      tone={answers ? "warn" : "good"}
      icon="settings"
      title={answers ? `The filter ${lower(decision.answer!.filter)} answers` : "The filters let it through"}
    >
      <ul class="decisions">
        {decision.filters!.map((one) => (
          <li key={one.filter}>
            <Pill
              tone={
                one.outcome === "answers" ? "warn" : one.outcome.startsWith("is not asked") ? "idle" : "good"
              }
            >
              {lower(one.filter)}
            </Pill>
            <span class="muted">{one.outcome}</span>
          </li>
        ))}
      </ul>
    </Step>
  );
}

function BackendStep({ backend, all, now }: { backend: Backend; all: Backend[]; now?: boolean }) {
  const total = all.reduce((sum, one) => sum + one.weight, 0);
  const usable = backend.endpoints.filter((one) => one.may_be_picked).length;
  const part =
    all.length > 1 && total > 0 ? `${Math.round((100 * backend.weight) / total)} % of the requests; ` : "";
  return (
    <Step
      tone={usable > 0 ? (now ? "info" : "good") : "bad"}
      icon="pool"
      title={
        <>
          {now ? "As it is now: " : ""}
          <a href={`/services/${backend.service}`}>{backend.service}</a>
        </>
      }
      outcome={`${part}${usable} of ${backend.endpoints.length} endpoints may be picked, by ${lower(backend.balance)}`}
    >
      <ul class="decisions">
        {backend.endpoints.map((one) => (
          <li key={one.endpoint}>
            <Pill tone={one.may_be_picked ? "good" : one.health === "healthy" ? "warn" : "bad"}>
              {one.health}
            </Pill>
            <span>
              <code>{one.endpoint}</code>{" "}
              <span class="faint">
                weight {one.weight}
                {one.priority > 0 ? `, priority ${one.priority}` : ""}
              </span>
            </span>
            <span class="muted">{one.why_not}</span>
          </li>
        ))}
      </ul>
    </Step>
  );
}

function TriesStep({ decision }: { decision: Decision }) {
  const tries = decision.tries!;
  const made = decision.tries_made ?? tries.length;
  if (tries.length === 0) {
    const by = decision.filter
      ? `the filter ${lower(decision.filter)} answered`
      : (decision.reason?.replaceAll("_", " ") ?? "weir answered by itself");
    return (
      <Step tone={decision.filter ? "info" : "warn"} icon="dash" title="No endpoint was tried" outcome={by} />
    );
  }
  const [last] = tries.slice(-1);
  return (
    <Step
      tone={last!.status ? "good" : "bad"}
      icon="pool"
      title={
        <>
          {made === 1 ? "One try" : `${made} tries`} at{" "}
          <a href={`/services/${decision.service}`}>{decision.service}</a>
        </>
      }
    >
      <ul class="decisions">
        {tries.map((one, i) => (
          <li key={i}>
            <Pill tone={one.status ? statusTone(one.status) : "bad"}>{one.status ?? one.outcome}</Pill>
            <span>
              <code>{one.endpoint}</code>{" "}
              <span class="faint">
                {one.connection === "none" ? "no connection" : `${one.connection} connection`}, {one.ms} ms
              </span>
            </span>
            <span class="muted">{one.detail ?? (one.status ? "" : one.outcome)}</span>
          </li>
        ))}
      </ul>
    </Step>
  );
}

function EndStep({ decision }: { decision: Decision }) {
  const { status, ended, flags = [] } = decision;
  const title = !ended ? "Under way" : status ? `Answered with ${status}` : "Not answered";
  const took = [
    decision.head_ms != null && `head after ${decision.head_ms} ms`,
    decision.duration_ms != null && `all after ${decision.duration_ms} ms`,
    `${bytes(decision.bytes_received)} in`,
    `${bytes(decision.bytes_sent)} out`,
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <Step
      tone={!ended ? "info" : statusTone(status ?? 0)}
      icon={status && status < 500 ? "check" : ended ? "bad" : "clock"}
      title={title}
      outcome={took}
    >
      {(flags.length > 0 || decision.reason) && (
        <ul class="decisions">
          {decision.reason && (
            <li>
              <Pill tone="warn">{decision.reason.replaceAll("_", " ")}</Pill>
              <span class="muted">the reason that the answer carried</span>
            </li>
          )}
          {flags.map((one) => (
            <li key={one.flag}>
              <Pill tone="warn">{one.flag}</Pill>
              <span class="muted">{one.means}</span>
            </li>
          ))}
        </ul>
      )}
    </Step>
  );
}
