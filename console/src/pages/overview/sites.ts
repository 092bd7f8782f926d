// What stands where: edges, nodes and origins, put together by place.
import type { Kinds } from "../../api/kinds";
import { endpointState } from "../../ui/health";
import type { Tone } from "../../ui/pill";
import { type Spot, spotOf } from "./places";

export type Sort = "edge" | "node" | "origin";

export interface Thing {
  sort: Sort;
  name: string;
  tone: Tone;
  text: string; // its state, in words
  href: string;
}
export interface Site {
  spot: Spot;
  title: string;
  things: Thing[];
  tone: Tone;
  requests: number; // a second, of its edges
}

const worst: Tone[] = ["idle", "info", "good", "warn", "bad"];
export const worse = (a: Tone, b: Tone): Tone => (worst.indexOf(a) > worst.indexOf(b) ? a : b);

export interface Everything {
  edges: readonly Kinds["edges"][];
  nodes: readonly Kinds["nodes"][];
  services: readonly Kinds["services"][];
  tunnels: readonly Kinds["tunnels"][];
  rates: Map<string, number>; // of edges, by name
}

interface Located {
  thing: Thing;
  where: (string | undefined)[];
  rate: number;
}

function attached(status: { attached?: boolean } | undefined): { tone: Tone; text: string } {
  return status?.attached ? { tone: "good", text: "reports" } : { tone: "bad", text: "does not report" };
}

function located({ edges, nodes, services, tunnels, rates }: Everything): Located[] {
  const all: Located[] = [];
  for (const one of edges) {
    const { name } = one.metadata;
    const thing: Thing = { sort: "edge", name, href: `/edges/${name}`, ...attached(one.status) };
    all.push({ thing, where: [one.spec?.city, one.spec?.region, name], rate: rates.get(name) ?? 0 });
  }
  for (const one of nodes) {
    const { name } = one.metadata;
    const thing: Thing = { sort: "node", name, href: `/nodes/${name}`, ...attached(one.status) };
    all.push({ thing, where: [one.spec?.city, one.spec?.region, name], rate: 0 });
  }
  for (const service of services) {
    const { name } = service.metadata;
    const statuses = new Map((service.status?.endpoints ?? []).map((one) => [one.name || one.address, one]));
    for (const endpoint of service.spec?.endpoints ?? []) {
      if (!endpoint.zone) continue;
      const { tone, text } = endpointState(statuses.get(endpoint.address), endpoint.weight);
      const thing: Thing = {
        sort: "origin",
        name: `${name} ${endpoint.address}`,
        tone,
        text,
        href: `/services/${name}`,
      };
      all.push({ thing, where: [endpoint.zone], rate: 0 });
    }
  }
  for (const one of tunnels) {
    if (!one.spec?.zone) continue;
    const thing: Thing = {
      sort: "origin",
      name: `${one.spec.service} ${one.spec.instance}`,
      tone: "good",
      text: "connected",
      href: `/services/${one.spec.service}`,
    };
    all.push({ thing, where: [one.spec.zone], rate: 0 });
  }
  return all;
}

const titled = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function sitesOf(everything: Everything): { sites: Site[]; lost: Thing[] } {
  const sites = new Map<Spot, Site>();
  const lost: Thing[] = [];
  for (const { thing, where, rate } of located(everything)) {
    const spot = spotOf(...where);
    if (!spot) {
      lost.push(thing);
      continue;
    }
    const title = where.find((name) => name && spotOf(name) === spot) ?? spot.name;
    const site = sites.get(spot) ?? {
      spot,
      title: titled(title),
      things: [],
      tone: "idle" as Tone,
      requests: 0,
    };
    site.things.push(thing);
    site.tone = worse(site.tone, thing.tone);
    site.requests += rate;
    sites.set(spot, site);
  }
  return { sites: [...sites.values()], lost };
}
