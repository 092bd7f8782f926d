// What people do on the pages of tunnels, workloads, rollouts, names, explain, audit and settings.
import assert from "node:assert/strict";
import { join } from "node:path";
import { api, close, open, settled, shots } from "./harness.mjs";
import { violationsOf } from "./pages.mjs";

const shot = (page, name) => page.screenshot({ path: join(shots, `${name}-desktop-light.png`) });
const wrongAt = (page, label) =>
  page
    .locator(".field.wrong", { has: page.getByLabel(label) })
    .getByRole("alert")
    .waitFor();

const answered = (one, i) => ({
  request_id: `r-${i}`,
  time: "2026-01-02T03:04:05Z",
  method: "GET",
  path: `/things/${i}`,
  status: one,
  duration_ms: 1.5,
  bytes_sent: 812,
  peer: "192.0.2.7",
});

// A tunnel and its log as the API tells them: no test of a browser brings an origin.
async function withTunnel(page, hasLog) {
  const spec = { service: "web", instance: "laptop", edge: "fra-1", via: "SSH", client: "192.0.2.9:4711" };
  const tunnel = { kind: "Tunnel", metadata: { name: "laptop", revision: 1 }, spec };
  await page.route(/\/v1\/tunnels\?/, (route) => route.fulfill({ json: { items: [tunnel], revision: 1 } }));
  if (!hasLog) return;
  const lines = [200, 404, 502].map((one, i) => `data: ${JSON.stringify(answered(one, i))}\n\n`);
  await page.route(/\/tunnels\/laptop\/requests\?/, (route) =>
    route.fulfill({ contentType: "text/event-stream", body: lines.join("") }),
  );
  const headers = [{ name: "User-Agent", value: "curl/8" }];
  await page.route(/\/requests\/r-2$/, (route) =>
    route.fulfill({ json: { ...answered(502, 2), request: { headers }, response: { body: "bad gateway" } } }),
  );
}

export const moreFlowTests = {
  async "a tunnel without a log says where to look"(browser) {
    const page = await open(browser, { quiet: [404] });
    await withTunnel(page, false);
    await page.goto(new URL("/tunnels/laptop", page.url()).href);
    await page.getByLabel("X-Request-Id of an answer").fill("nobody-has-this");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("That request is not known any more").waitFor();
    await close(page);
  },

  async "a tunnel's requests as they happen: inspect and send again"(browser) {
    const page = await open(browser, { quiet: [404] });
    await withTunnel(page, true);
    let sent = 0;
    await page.route(/\/requests\/r-2\/replay$/, (route) => {
      sent++;
      return route.fulfill({ json: {} });
    });
    await page.goto(new URL("/tunnels/laptop", page.url()).href);
    await page.getByRole("button", { name: "GET /things/2" }).first().click();
    await page.getByText("bad gateway").waitFor();
    await page.getByText("curl/8").waitFor();
    await shot(page, "tunnel-request");
    assert.deepEqual(await violationsOf(page), []);
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("Sent again").waitFor();
    assert.equal(sent, 1);
    await close(page);
  },

  async "follow what a workload writes"(browser) {
    const page = await open(browser, { quiet: [404] });
    const line = (i) =>
      JSON.stringify({ instance: `hello-all-fra-${i % 3}`, text: `line ${i}`, time: "2026-01-02T03:04:05Z" });
    const body = Array.from({ length: 3000 }, (_, i) => line(i) + "\n").join("");
    await page.route(/\/v1\/workloads\/hello\/logs/, (route) =>
      route.fulfill({ contentType: "application/x-ndjson", body }),
    );
    await page.goto(new URL("/workloads/hello", page.url()).href);
    await page.getByRole("button", { name: "Follow", exact: true }).click();
    await page.getByText("line 2999").waitFor();
    assert.ok((await page.locator(".log-line").count()) < 100, "only what can be seen is drawn");
    await page.getByLabel("Lines with").fill("line 17 ");
    await page.getByLabel("Lines with").fill("line 1717");
    await page.getByText("1 lines").waitFor();
    await shot(page, "workload-logs");
    await close(page);
  },

  async "scale a workload by a form, with its plan"(browser) {
    const page = await open(browser, { path: "/workloads/hello/scale", quiet: [404, 422, 400] });
    await page.getByLabel("Instances in each city").fill("many");
    await page.getByRole("button", { name: "Review changes" }).click();
    await wrongAt(page, "Instances in each city");
    await page.getByLabel("Instances in each city").fill("4");
    await page.getByRole("button", { name: "Review changes" }).click();
    await page.getByText("spec.targets").first().waitFor();
    await page.getByRole("button", { name: "Scale", exact: true }).click();
    await page.getByRole("heading", { name: "hello", exact: true }).waitFor();
    const { spec } = await api("GET", "/v1/workloads/hello");
    assert.equal(spec.targets[0].min_replicas, 4);
    await close(page);
  },

  async "stop a rollout, and take it back"(browser) {
    const page = await open(browser, { path: "/rollouts/web-2", quiet: [404] });
    await page.getByRole("button", { name: "Go on" }).waitFor(); // it was made paused
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("heading", { name: "Rollouts" }).waitFor();
    assert.equal((await api("GET", "/v1/rollouts")).items.length, 0);
    await close(page);
  },

  async "make a record set: what is wrong stands beside its field"(browser) {
    const page = await open(browser, { path: "/recordsets/new?zone=example.com", quiet: [404, 422, 400] });
    await page.getByLabel("Name", { exact: true }).fill("made");
    await page.getByLabel("Object *").fill("made.example.com");
    await page.getByLabel("Values").fill("not an address");
    await page.getByRole("button", { name: "Review changes" }).click();
    await wrongAt(page, "Values");
    await page.getByLabel("Values").fill("192.0.2.7");
    await page.getByRole("button", { name: "Review changes" }).click();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "made.example.com" }).waitFor();
    await page.locator("main").getByRole("link", { name: "Explain" }).click();
    await page.getByText("is in the zone example.com").waitFor();
    await shot(page, "explain-name");
    await close(page);
  },

  async "explain a request that nobody has sent"(browser) {
    const page = await open(browser, { path: "/explain?request=", quiet: [404, 400] });
    await page.getByLabel("Address").fill("http://web.weir.localhost/api/x");
    await page.getByRole("button", { name: "Explain", exact: true }).click();
    await page.getByText("taken", { exact: true }).waitFor();
    assert.match(page.url(), /request=GET\+http/);
    await shot(page, "explain-request");
    assert.deepEqual(await violationsOf(page), []);
    await close(page);
  },

  async "the audit shows a change field by field"(browser) {
    await api(
      "PATCH",
      "/v1/services/shop",
      { spec: { connect_timeout: "7s" } },
      "application/merge-patch+json",
    );
    const page = await open(browser, { path: "/audit?q=shop&kind=Service", quiet: [404] });
    await page.getByRole("button", { name: "shop" }).first().click();
    const diff = page.getByRole("dialog").locator(".diff");
    await diff.getByText("spec.connect_timeout").waitFor();
    await diff.getByText("7s").waitFor();
    await shot(page, "audit-change");
    assert.deepEqual(await violationsOf(page), []);
    await close(page);
  },

  async "the audit goes back step by step, without a list of all"(browser) {
    const { revision } = await api("GET", "/v1/events?limit=1");
    const page = await open(browser, { quiet: [404] });
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    // It begins 300 revisions before the newest: as if there were that many more.
    await page.route(/\/v1\/events\?limit=1$/, (route) =>
      route.fulfill({ json: { items: [], revision: revision + 300 } }),
    );
    await page.goto(new URL("/audit?kind=Node", page.url()).href);
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    const node = page.getByRole("button", { name: /fra-1/ });
    assert.equal(await node.count(), 0);
    await page.getByRole("button", { name: "Earlier ones" }).first().click();
    await node.first().waitFor();
    await page.getByRole("button", { name: "Earlier ones" }).waitFor({ state: "detached" });
    await page.goto(new URL("/audit", page.url()).href);
    await page.getByRole("button", { name: "Earlier ones" }).first().click();
    await page.waitForFunction(() => document.querySelectorAll(".table-body .row").length > 5);
    const times = await page.locator(".table-body time").evaluateAll((all) => all.map((one) => one.dateTime));
    assert.deepEqual(times, times.toSorted().reverse(), "the newest first");
    assert.deepEqual(
      asked.filter((url) => url.includes("/v1/events?") && !url.endsWith("limit=1")),
      [],
    );
    await close(page);
  },

  async "after a jump in a long list each row is its own, and so is the focus"(browser) {
    const { revision } = await api("GET", "/v1/services?limit=1"); // what the watch goes on from
    const page = await open(browser, { quiet: [404] });
    const items = Array.from({ length: 400 }, (_, i) => ({
      kind: "Service",
      metadata: { name: `s-${String(i).padStart(3, "0")}`, revision: 1 },
      spec: {},
    }));
    await page.route(/\/v1\/services\?/, (route) => route.fulfill({ json: { items, revision } }));
    await page.goto(new URL("/services", page.url()).href);
    const named = (i) => page.getByRole("link", { name: items[i].metadata.name, exact: true });
    const rows = () =>
      page.locator(".table-body .row").evaluateAll((all) =>
        all.map((row) => {
          const link = row.querySelector("a");
          return [Number(row.ariaRowIndex) - 2, link.textContent, link.getAttribute("href")];
        }),
      );
    const check = async (there) => {
      await named(there).waitFor();
      const seen = await rows();
      assert.ok(seen.length < 60, `${seen.length} rows`);
      for (const [index, name, href] of seen) {
        assert.equal(name, items[index].metadata.name);
        assert.equal(href, `/services/${name}`);
      }
    };
    await check(0);
    await page.evaluate(() => {
      for (const row of document.querySelectorAll(".table-body .row")) row.kept = true;
    });
    await page.keyboard.press("End");
    await check(399);
    const kept = await page.evaluate(() =>
      [...document.querySelectorAll(".table-body .row")].some((row) => row.kept),
    );
    assert.ok(kept, "elements are taken over");
    await page.keyboard.press("Home");
    await check(0);
    // The element that has the focus becomes nobody else's.
    await named(2).focus();
    await page.mouse.move(700, 500);
    await page.mouse.wheel(0, 10_000);
    await named(210).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
    await check(210);
    await close(page);
  },

  async "make a token, which is shown once, and revoke it"(browser) {
    const page = await open(browser, { path: "/settings/tokens", quiet: [404, 422, 400] });
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByLabel("Name *").fill("Not A Name");
    await page.getByRole("button", { name: "Make it" }).click();
    await wrongAt(page, "Name *");
    await page.getByLabel("Name *").fill("robot");
    await page.getByRole("button", { name: "Make it" }).click();
    const secret = await page.getByRole("dialog").locator("code").first().textContent();
    assert.match(secret, /^weir_/);
    await page.getByRole("button", { name: "I have it" }).click();
    assert.ok(!(await page.content()).includes(secret));
    await page.getByRole("button", { name: "Revoke robot" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke robot" }).click();
    await page.getByText("robot is revoked.").waitFor();
    await close(page);
  },

  async "write a secret, which is never shown"(browser) {
    const page = await open(browser, { path: "/settings/secrets", quiet: [404] });
    await page.getByRole("button", { name: "New secret" }).click();
    await page.getByLabel("Name *").fill("hidden");
    await page.getByLabel("Key").fill("token");
    await page.getByLabel("Value").fill("open-sesame");
    await page.getByRole("button", { name: "Write", exact: true }).click();
    await page.getByText("Secret hidden is written.").waitFor();
    await settled(page);
    assert.ok(!(await page.content()).includes("open-sesame"));
    await close(page);
  },

  async "any object as YAML, edited with a plan"(browser) {
    const page = await open(browser, { path: "/objects/services/api/edit", quiet: [404, 422, 400] });
    await page.getByLabel("Connect timeout").fill("soon");
    await page.getByRole("button", { name: "Review changes" }).click();
    await wrongAt(page, "Connect timeout");
    await page.getByLabel("Connect timeout").fill("3s");
    await page.getByRole("button", { name: "Review changes" }).click();
    await page.getByText("spec.connect_timeout").waitFor();
    await page.getByRole("button", { name: "Apply", exact: true }).click();
    await page.getByRole("heading", { name: "api", exact: true }).waitFor();
    await close(page);
  },
};
