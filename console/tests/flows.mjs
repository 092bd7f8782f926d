// What people do, from the click to what the controller has after it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { api, base, close, open, settled, shots, token } from "./harness.mjs";
import { violationsOf } from "./pages.mjs";

const yaml = "aside textarea";

export const flowTests = {
  async "sign in with a token, and out"(browser) {
    const page = await open(browser, { signedIn: false, quiet: [401, 404] });
    await page.screenshot({ path: join(shots, "login-desktop-light.png") });
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    const byToken = page.getByRole("button", { name: "Use an API token" });
    const field = page.getByLabel("API token");
    await byToken.or(field).first().waitFor();
    if (await byToken.isVisible()) await byToken.click();
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("Paste a token first.").waitFor();
    await field.fill("weir_wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    assert.deepEqual(await violationsOf(page), []);
    await page.screenshot({ path: join(shots, "login-refused-desktop-light.png") });
    await field.fill(token);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await close(page);
  },

  async "make a load balancer by the form, with its YAML and its plan"(browser) {
    const page = await open(browser, { path: "/loadbalancers/new", quiet: [404, 422, 400] });
    await page.getByLabel("Name *").fill("Bad Name");
    await page.getByLabel("Service *").selectOption("web");
    await page.getByRole("button", { name: "Review changes" }).click();
    const wrong = page.locator(".field.wrong", { has: page.getByLabel("Name *") });
    await wrong.getByRole("alert").waitFor();
    assert.equal(await page.getByLabel("Name *").getAttribute("aria-invalid"), "true");
    await page.screenshot({ path: join(shots, "form-refused-desktop-light.png") });

    await page.getByLabel("Name *").fill("made");
    await page.getByLabel("Host names").fill("made.weir.localhost");
    assert.match(
      await page.locator(yaml).inputValue(),
      /name: made[\s\S]*hostnames: \[made\.weir\.localhost\]/,
    );
    const written = (await page.locator(yaml).inputValue())
      .replace(/^spec:/m, "# a note that stays\nspec:")
      .replace("weight: 1", "weight: 7");
    await page.locator(yaml).fill(written);
    assert.equal(await page.getByLabel("Weight").first().inputValue(), "7");
    await page.getByLabel("Path prefix").first().fill("/shop");
    assert.match(await page.locator(yaml).inputValue(), /# a note that stays[\s\S]*path_prefix: \/shop/);

    await page.locator(yaml).fill(written.replace("kind:", "kind"));
    await page.getByText(/^Line \d+:/).waitFor();
    assert.ok(await page.getByRole("button", { name: "Review changes" }).isDisabled());
    await page.locator(yaml).fill(written);

    await page.getByRole("button", { name: "Review changes" }).click();
    const plan = page.getByRole("dialog", { name: "Review changes" });
    await plan.getByText("will be created").waitFor();
    await page.screenshot({ path: join(shots, "plan-desktop-light.png") });
    assert.deepEqual(await violationsOf(page), []);
    await plan.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "made" }).waitFor();
    const made = await api("GET", "/v1/loadbalancers/made");
    assert.equal(made.spec.routes[0].backends[0].weight, 7);

    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Weight").first().fill("3");
    await page.getByRole("button", { name: "Review changes" }).click();
    await plan.getByText("spec.routes[0].backends[0].weight").waitFor();
    await page.screenshot({ path: join(shots, "diff-desktop-light.png") });
    await plan.getByRole("button", { name: "Back" }).click();
    await page.getByRole("link", { name: "made" }).first().click();
    await page.getByRole("button", { name: "Delete" }).click();
    const confirmed = page.getByRole("dialog", { name: "Delete LoadBalancer made?" });
    await confirmed.getByRole("button", { name: "Delete made" }).click();
    await page.getByRole("heading", { name: "Load balancers" }).waitFor();
    const left = await api("GET", "/v1/loadbalancers");
    assert.ok(!left.items.some((one) => one.metadata.name === "made"));
    await close(page);
  },

  async "see why an endpoint is out, drain one and enable it again"(browser) {
    const page = await open(browser, { path: "/services/web", quiet: [404] });
    await page.getByText("unhealthy", { exact: true }).waitFor();
    await page
      .getByText(/cannot connect/)
      .first()
      .waitFor();
    const row = page
      .getByRole("row")
      .filter({ hasText: "healthy" })
      .filter({ hasNotText: "unhealthy" })
      .first();
    await row.getByRole("button", { name: "Drain" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("It gets no new requests.").waitFor();
    await dialog.getByRole("button", { name: "Drain it" }).click();
    await page.getByText("drained", { exact: true }).waitFor();
    const drained = (await api("GET", "/v1/services/web")).spec.endpoints;
    assert.equal(drained.filter((one) => one.weight === 0).length, 1);
    assert.equal(drained.length, 3);
    await page.getByRole("button", { name: "Enable" }).click();
    await dialog.getByRole("button", { name: "Enable it" }).click();
    await page.getByText("drained", { exact: true }).waitFor({ state: "detached" });
    assert.ok((await api("GET", "/v1/services/web")).spec.endpoints.every((one) => one.weight === 1));
    await close(page);
  },

  async "what others change is there without a reload"(browser) {
    const page = await open(browser, { path: "/services", quiet: [404] });
    await page.getByText("Search").or(page.getByRole("searchbox")).first().waitFor();
    const service = { kind: "Service", metadata: { name: "from-elsewhere" }, spec: { endpoints: [] } };
    await api("POST", "/v1/services", service);
    const began = performance.now();
    await page.getByRole("link", { name: "from-elsewhere" }).waitFor();
    assert.ok(performance.now() - began < 4_000, "by the watch, not by asking again");
    await api("DELETE", "/v1/services/from-elsewhere");
    await page.getByRole("link", { name: "from-elsewhere" }).waitFor({ state: "detached" });
    await close(page);
  },

  async "a controller that is away leaves the last picture"(browser) {
    const page = await open(browser, { path: "/services", quiet: [404] });
    await page.getByRole("link", { name: "web" }).waitFor();
    page.troubles = { push: () => undefined, length: 0 }; // requests fail now, which the browser's console tells
    await page.context().setOffline(true);
    await page.getByText("The controller has not answered since").waitFor();
    assert.ok(await page.getByRole("link", { name: "web" }).isVisible());
    await page.screenshot({ path: join(shots, "away-desktop-light.png") });
    await page.context().setOffline(false);
    await page.getByText("The controller has not answered since").waitFor({ state: "detached" });
    page.troubles = [];
    await close(page);
  },

  async "from nothing to a public URL"(browser) {
    const page = await open(browser, { path: "/start", quiet: [404, 422, 400] });
    await page.getByRole("radio", { name: /At an address/ }).click();
    await page.getByLabel("Name *").fill("guided");
    await page.getByLabel("Address *").fill("nowhere");
    await page.getByRole("button", { name: "Publish" }).click();
    await page
      .locator(".field.wrong", { has: page.getByLabel("Address *") })
      .getByRole("alert")
      .waitFor();
    await page.getByLabel("Address *").fill(process.env.WEIR_ORIGIN ?? "127.0.0.1:9301");
    const began = performance.now();
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("It is public.").waitFor();
    assert.ok(performance.now() - began < 60_000);
    await page.screenshot({ path: join(shots, "start-done-desktop-light.png") });
    const url = new URL(await page.getByRole("link", { name: "Open it" }).getAttribute("href"));
    const { status } = await visit(url);
    assert.equal(status, 200);
    await api("DELETE", "/v1/loadbalancers/guided");
    await api("DELETE", "/v1/services/guided");
    await close(page);
  },

  async "by keyboard alone"(browser) {
    const page = await open(browser, { path: "/services", quiet: [404] });
    await settled(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("/");
    await page.keyboard.type("media");
    await page.getByText(/^1 of /).waitFor();
    await page.keyboard.press("Tab"); // the table's first button, then on to the row
    for (let i = 0; i < 8 && !(await page.evaluate(() => document.activeElement.matches(".row-link"))); i++) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "media" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await page.getByRole("heading", { name: "Load balancers" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.locator('[role="combobox"]:focus').waitFor();
    await page.keyboard.type("shop serv");
    await page.getByRole("option", { name: "shop" }).waitFor(); // the palette asks for its objects as it opens
    await page.keyboard.press("Enter");
    await page.waitForURL("**/services/shop");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await close(page);
  },

  async "light, dark, and what was chosen last"(browser) {
    const page = await open(browser, { colorScheme: "light", quiet: [404] });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await settled(page);
    const light = await ground();
    const flip = page.getByRole("button", { name: /^Colours/ });
    await flip.click(); // from the system's to light
    await flip.click();
    assert.notEqual(await ground(), light);
    await page.reload();
    await settled(page);
    assert.notEqual(await ground(), light);
    await close(page);
  },

  async "nothing of it is too large"() {
    const text = await readFile(join(shots, "..", "console", "sizes.json"), "utf8");
    assert.ok(JSON.parse(text).gzip_bytes <= 250_000);
  },
};

// By the address of weir itself, whatever the resolver makes of *.localhost.
async function visit(url) {
  const { request } = await import("node:http");
  return new Promise((done, failed) => {
    const options = {
      host: new URL(base).hostname,
      port: url.port || 80,
      path: "/",
      headers: { Host: url.host },
    };
    request(options, (got) => (got.resume(), done({ status: got.statusCode })))
      .on("error", failed)
      .end();
  });
}
