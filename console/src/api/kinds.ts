// The kinds of the API, by their plural, as its description has them.
import type { components } from "#openapi";

type Schemas = components["schemas"];

export interface Kinds {
  loadbalancers: Schemas["LoadBalancer"];
  services: Schemas["Service"];
  endpoints: Schemas["Endpoint"];
  tunnels: Schemas["Tunnel"];
  certificates: Schemas["Certificate"];
  secrets: Schemas["Secret"];
  zones: Schemas["Zone"];
  recordsets: Schemas["RecordSet"];
  dnsproviders: Schemas["DnsProvider"];
  dnsweights: Schemas["DnsWeights"];
  dnsledgers: Schemas["DnsLedger"];
  edges: Schemas["Edge"];
  nodes: Schemas["Node"];
  workloads: Schemas["Workload"];
  instances: Schemas["Instance"];
  rollouts: Schemas["Rollout"];
  users: Schemas["User"];
  tokens: Schemas["Token"];
  organizations: Schemas["Organization"];
  events: Schemas["Event"];
}
export type Plural = keyof Kinds;
export type Schema<Name extends keyof Schemas> = Schemas[Name];

// What every object has, whatever its kind.
export interface AnyObject {
  kind: string;
  metadata: Schemas["Metadata"];
  spec?: unknown;
  status?: unknown;
}

export const kindNames: Record<Plural, string> = {
  loadbalancers: "LoadBalancer",
  services: "Service",
  endpoints: "Endpoint",
  tunnels: "Tunnel",
  certificates: "Certificate",
  secrets: "Secret",
  zones: "Zone",
  recordsets: "RecordSet",
  dnsproviders: "DnsProvider",
  dnsweights: "DnsWeights",
  dnsledgers: "DnsLedger",
  edges: "Edge",
  nodes: "Node",
  workloads: "Workload",
  instances: "Instance",
  rollouts: "Rollout",
  users: "User",
  tokens: "Token",
  organizations: "Organization",
  events: "Event",
};
const plurals = new Map(Object.entries(kindNames).map(([plural, kind]) => [kind, plural as Plural]));

export const pluralOf = (kind: string): Plural | undefined => plurals.get(kind);
