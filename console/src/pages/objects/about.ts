// Where the objects of a kind are looked at best, and which kinds are written by clients.
import type { Plural } from "../../api/kinds";

const pages: Partial<Record<Plural, string>> = {
  loadbalancers: "/loadbalancers",
  services: "/services",
  tunnels: "/tunnels",
  workloads: "/workloads",
  edges: "/edges",
  nodes: "/nodes",
  rollouts: "/rollouts",
  zones: "/zones",
  recordsets: "/recordsets",
  dnsproviders: "/dnsproviders",
};

export const pageOf = (plural: Plural, name: string): string | undefined =>
  pages[plural] && `${pages[plural]}/${encodeURIComponent(name)}`;

const readOnly = new Set<Plural>(["events", "instances", "tunnels", "dnsweights", "dnsledgers"]);
export const isWritten = (plural: Plural): boolean => !readOnly.has(plural);

export const about: Record<Plural, string> = {
  loadbalancers: "listeners for clients, and routes to services",
  services: "pools of endpoints",
  endpoints: "what joined a service by itself",
  tunnels: "live ways to origins that came by themselves",
  certificates: "chains and keys that listeners name",
  secrets: "texts that are written and never shown",
  zones: "domains that are answered for",
  recordsets: "records of one name and type",
  dnsproviders: "somebody else's name servers",
  dnsweights: "weights that were computed from load and price",
  dnsledgers: "records that weir has made at providers",
  edges: "machines that carry traffic",
  nodes: "machines that run workloads",
  workloads: "containers, and how many run where",
  instances: "containers that were placed on nodes",
  rollouts: "changes that go in waves",
  users: "accounts of people",
  tokens: "keys of programs and machines",
  organizations: "whose objects are apart from everybody else's",
  events: "lines of the audit",
};
