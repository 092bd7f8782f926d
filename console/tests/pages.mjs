// Every page: light and dark, desktop and phone. A picture of each, nothing wider than the screen, and nothing
// that axe finds serious. A new page is a line here.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { close, open, settled, shots, sizes } from "./harness.mjs";

export const pages = {
  overview: "/",
  loadbalancers: "/loadbalancers",
  loadbalancer: "/loadbalancers/web",
  "loadbalancer-new": "/loadbalancers/new",
  "loadbalancer-edit": "/loadbalancers/web/edit",
  services: "/services",
  service: "/services/web",
  "service-edit": "/services/web/edit",
  start: "/start",
  tunnels: "/tunnels",
  zones: "/zones",
  zone: "/zones/example.com",
  "zone-edit": "/zones/example.com/edit",
  recordsets: "/recordsets",
  recordset: "/recordsets/www.example.com",
  "recordset-edit": "/recordsets/www.example.com/edit",
  "recordset-new": "/recordsets/new?zone=example.com",
  discovery: "/discovery",
  dnsprovider: "/dnsproviders/pdns",
  workloads: "/workloads",
  workload: "/workloads/hello",
  "workload-edit": "/workloads/hello/edit",
  "workload-scale": "/workloads/hello/scale",
  edges: "/edges",
  nodes: "/nodes",
  node: "/nodes/fra-1",
  rollouts: "/rollouts",
  rollout: "/rollouts/web-2",
  "rollout-new": "/rollouts/new",
  explain: "/explain?request=GET+http://web.weir.localhost/api/x",
  audit: "/audit",
  account: "/settings",
  tokens: "/settings/tokens",
  people: "/settings/people",
  organizations: "/settings/organizations",
  organization: "/settings/organizations/acme",
  certificates: "/settings/certificates",
  secrets: "/settings/secrets",
  appearance: "/settings/appearance",
  device: "/device",
  objects: "/objects",
  object: "/objects/services/web",
  "not-found": "/no/such/page",
};

// What axe is asked about once for each layout and each theme, though not for each of both.
const asked = new Set(["light-desktop", "dark-phone"]);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function violationsOf(page) {
  await page.evaluate(axe + ";0");
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    const short = (one) =>
      `${one.id} (${one.impact}): ${one.nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 160))
        .join(" | ")}`;
    return violations.filter((one) => one.impact === "serious" || one.impact === "critical").map(short);
  });
  return found;
}

async function look(page, name, path) {
  await page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
  await settled(page);
  for (const size of Object.keys(sizes)) {
    for (const theme of ["light", "dark"]) {
      await page.setViewportSize(sizes[size]);
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await settled(page);
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
      await page.screenshot({ path: join(shots, `${name}-${size}-${theme}.png`) });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} px wider than the ${size}`);
      if (!asked.has(`${theme}-${size}`)) continue;
      assert.deepEqual(await violationsOf(page), [], `${name}, ${theme}, ${size}`);
    }
  }
  await page.setViewportSize(sizes.desktop);
}

const looks = (part, parts) => async (browser) => {
  const page = await open(browser, { quiet: [404] });
  await settled(page);
  const mine = Object.entries(pages).filter((_, i) => i % parts === part);
  for (const [name, path] of mine) await look(page, name, path);
  await close(page);
};

export const pageTests = {
  // Two at a time, as CI has two processors.
  "every page, light and dark, desktop and phone": (browser) =>
    Promise.all([looks(0, 2)(browser), looks(1, 2)(browser)]),
};
