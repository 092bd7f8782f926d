// What the statuses of kinds say, in one pill each.
import type { Kinds, Schema } from "../api/kinds";
import { Pill, type Tone } from "./pill";

export interface State {
  tone: Tone;
  text: string;
  why?: string;
}

export const StatePill = ({ state }: { state: State }) => (
  <Pill tone={state.tone} title={state.why}>
    {state.text}
  </Pill>
);

export function serviceState(service: Kinds["services"]): State {
  const { serving = 0, total = 0, refused = [] } = service.status ?? {};
  if (!service.status) return { tone: "idle", text: "not reported" };
  if (refused.length > 0) return { tone: "warn", text: "refused", why: refused[0]!.reason };
  if (total === 0) return { tone: "idle", text: "no endpoints" };
  if (serving === 0) return { tone: "bad", text: "none serves" };
  if (serving < total) return { tone: "warn", text: `${serving} of ${total} serve` };
  return { tone: "good", text: total === 1 ? "1 serves" : `all ${total} serve` };
}

const healths: Record<NonNullable<Schema<"EndpointStatus">["health"]>, State> = {
  HEALTHY: { tone: "good", text: "healthy" },
  UNHEALTHY: { tone: "bad", text: "unhealthy" },
  EJECTED: { tone: "warn", text: "ejected" },
  UNKNOWN: { tone: "idle", text: "not checked yet" },
  UNCHECKED: { tone: "info", text: "serves, unchecked" },
};

export function endpointState(status: Schema<"EndpointStatus"> | undefined, weight = 1): State {
  if (!status?.health) return { tone: "idle", text: "not reported" };
  const state = healths[status.health];
  if (weight === 0) return { tone: "idle", text: "drained", why: "its weight is 0: it gets no new requests" };
  return { ...state, why: status.reason };
}

// The applied/all of a status: "3/4".
export function parseShare(text: string | undefined): [number, number] | null {
  const found = text?.match(/^(\d+)\/(\d+)$/);
  return found ? [Number(found[1]), Number(found[2])] : null;
}

export function balancerState(balancer: Kinds["loadbalancers"]): State {
  const { refused = [], listeners = [], applied } = balancer.status ?? {};
  if (!balancer.status) return { tone: "idle", text: "not reported" };
  if (refused.length > 0)
    return { tone: "bad", text: "refused", why: `${refused[0]!.edge}: ${refused[0]!.reason}` };
  const deaf = listeners.find((one) => !one.listening);
  if (deaf) return { tone: "bad", text: "not listening", why: deaf.reason };
  const share = parseShare(applied);
  if (share && share[0] < share[1]) return { tone: "warn", text: `on ${share[0]} of ${share[1]} edges` };
  return { tone: "good", text: "live" };
}

// Where clients reach it, as far as the listeners tell.
export function urlsOf(balancer: Kinds["loadbalancers"]): string[] {
  return (balancer.spec?.listeners ?? []).flatMap((listener, i) => {
    const address = balancer.status?.listeners?.[i]?.address ?? "";
    const port = listener.port ?? Number(address.split(":").pop() || 0);
    if (listener.protocol === "TCP" || listener.protocol === "TLS")
      return port ? [`${listener.protocol.toLowerCase()}://${address || `:${port}`}`] : [];
    const scheme = listener.protocol.toLowerCase();
    const usual = port === 0 || port === (scheme === "https" ? 443 : 80);
    return (listener.hostnames ?? []).map((host) => `${scheme}://${host}${usual ? "" : `:${port}`}/`);
  });
}
