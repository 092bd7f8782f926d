// The pages: one line each. `nav` puts it into the side bar, `key` is what follows "g" on the keyboard. The
// first pattern that matches wins.
import type { ComponentType } from "preact";
import type { IconName } from "../ui/icon";

export interface PageProps {
  params: Record<string, string>;
}
export interface Page {
  default: ComponentType<PageProps>;
}
export interface Route {
  path: string;
  title: string;
  load: () => Promise<Page>;
  // bottom: its short name there. also: it is current there, too.
  nav?: { icon: IconName; group: string; key?: string; bottom?: string; also?: string[] };
}

// prettier-ignore
export const routes: Route[] = [
  { path: "/", title: "Overview",
    load: () => import("../pages/overview/overview"),
    nav: { icon: "globe", group: "", key: "o", bottom: "Overview" } },
  { path: "/loadbalancers", title: "Load balancers",
    load: () => import("../pages/loadbalancers/list"),
    nav: { icon: "split", group: "Traffic", key: "l", bottom: "Balancers" } },
  { path: "/loadbalancers/new", title: "New load balancer",
    load: () => import("../pages/loadbalancers/edit") },
  { path: "/loadbalancers/:name", title: "Load balancer",
    load: () => import("../pages/loadbalancers/detail") },
  { path: "/loadbalancers/:name/edit", title: "Edit load balancer",
    load: () => import("../pages/loadbalancers/edit") },
  { path: "/services", title: "Services",
    load: () => import("../pages/services/list"),
    nav: { icon: "pool", group: "Traffic", key: "s", bottom: "Services" } },
  { path: "/services/new", title: "New service", load: () => import("../pages/services/edit") },
  { path: "/services/:name", title: "Service", load: () => import("../pages/services/detail") },
  { path: "/services/:name/edit", title: "Edit service", load: () => import("../pages/services/edit") },
  { path: "/start", title: "Get a public URL", load: () => import("../pages/start/start") },
  { path: "/tunnels", title: "Tunnels", load: () => import("../pages/tunnels/list"), nav: { icon: "tunnel", group: "Traffic", key: "t", bottom: "Tunnels" } },
  { path: "/tunnels/:name", title: "Tunnel", load: () => import("../pages/tunnels/detail") },
  { path: "/zones", title: "DNS and discovery", load: () => import("../pages/dns/list"),
    nav: { icon: "dns", group: "Traffic", key: "d", also: ["/recordsets", "/discovery", "/dnsproviders"] } },
  { path: "/recordsets", title: "Record sets", load: () => import("../pages/dns/list") },
  { path: "/discovery", title: "Discovery", load: () => import("../pages/dns/list") },
  { path: "/dnsproviders", title: "DNS providers", load: () => import("../pages/dns/list") },
  { path: "/zones/new", title: "New zone", load: () => import("../pages/dns/zone") },
  { path: "/zones/:name", title: "Zone", load: () => import("../pages/dns/zone") },
  { path: "/zones/:name/edit", title: "Edit zone", load: () => import("../pages/dns/zone") },
  { path: "/recordsets/new", title: "New record set", load: () => import("../pages/dns/recordset") },
  { path: "/recordsets/:name", title: "Record set", load: () => import("../pages/dns/recordset") },
  { path: "/recordsets/:name/edit", title: "Edit record set", load: () => import("../pages/dns/recordset") },
  { path: "/dnsproviders/:name", title: "DNS provider", load: () => import("../pages/dns/provider") },
  { path: "/workloads", title: "Workloads", load: () => import("../pages/workloads/list"), nav: { icon: "box", group: "Machines", key: "w" } },
  { path: "/workloads/new", title: "New workload", load: () => import("../pages/workloads/edit") },
  { path: "/workloads/:name", title: "Workload", load: () => import("../pages/workloads/detail") },
  { path: "/workloads/:name/edit", title: "Edit workload", load: () => import("../pages/workloads/edit") },
  { path: "/workloads/:name/scale", title: "Scale workload", load: () => import("../pages/workloads/scale") },
  { path: "/edges", title: "Edges", load: () => import("../pages/edges/list"),
    nav: { icon: "edge", group: "Machines", key: "e", also: ["/nameservers", "/nodes"] } },
  { path: "/nameservers", title: "Name servers", load: () => import("../pages/edges/list") },
  { path: "/nodes", title: "Nodes", load: () => import("../pages/edges/list") },
  { path: "/edges/:name", title: "Edge", load: () => import("../pages/edges/detail") },
  { path: "/nodes/:name", title: "Node", load: () => import("../pages/edges/node") },
  { path: "/rollouts", title: "Rollouts", load: () => import("../pages/rollouts/list"), nav: { icon: "waves", group: "Machines", key: "r" } },
  { path: "/rollouts/new", title: "New rollout", load: () => import("../pages/rollouts/edit") },
  { path: "/rollouts/:name", title: "Rollout", load: () => import("../pages/rollouts/detail") },
  { path: "/explain", title: "Explain", load: () => import("../pages/explain/explain"), nav: { icon: "explain", group: "Insight", key: "x" } },
  { path: "/audit", title: "Audit", load: () => import("../pages/audit/audit"), nav: { icon: "audit", group: "Insight", key: "a" } },
  { path: "/settings", title: "Settings", load: () => import("../pages/settings/settings"),
    nav: { icon: "settings", group: "Insight", key: ",", also: ["/objects"] } },
  { path: "/settings/organizations/:name", title: "Organization", load: () => import("../pages/settings/organization") },
  { path: "/settings/:section", title: "Settings", load: () => import("../pages/settings/settings") },
  { path: "/device", title: "Sign a device in", load: () => import("../pages/settings/device") },
  { path: "/objects", title: "All objects", load: () => import("../pages/objects/kinds") },
  { path: "/objects/:plural", title: "Objects", load: () => import("../pages/objects/list") },
  { path: "/objects/:plural/new", title: "New object", load: () => import("../pages/objects/object") },
  { path: "/objects/:plural/:name", title: "Object", load: () => import("../pages/objects/object") },
  { path: "/objects/:plural/:name/edit", title: "Edit object", load: () => import("../pages/objects/object") },
];
