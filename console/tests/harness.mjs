// A browser in front of a weir that runs: WEIR_CONSOLE says where, WEIR_TOKEN is an administrator's token.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const base = process.env.WEIR_CONSOLE ?? "http://127.0.0.1:8480";
export const token = process.env.WEIR_TOKEN ?? "";
export const shots = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "build", "console-shots");
export const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

const waitMs = 15_000; // machines of CI are slow; nothing waits longer than it has to

export async function launch() {
  await mkdir(shots, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// A page with somebody logged in, on which nothing may go wrong unseen. quiet: refusals that are part of the
// test, by their status.
export async function open(
  browser,
  { path = "/", size = "desktop", quiet = [], signedIn = true, ...more } = {},
) {
  const context = await browser.newContext({ viewport: sizes[size], reducedMotion: "reduce", ...more });
  context.setDefaultTimeout(waitMs);
  if (signedIn) await context.addInitScript((text) => sessionStorage.setItem("weir.token", text), token);
  const page = await context.newPage();
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(`${error.message} ${error.stack ?? ""}`));
  page.on("console", (message) => {
    const text = message.text();
    const expected = quiet.some((status) => text.includes(`status of ${status} `));
    if (message.type() === "error" && !expected) page.troubles.push(`${text} ${message.location().url}`);
  });
  await page.goto(base + path);
  return page;
}

export async function close(page) {
  assert.deepEqual(page.troubles, [], "the browser's console");
  await page.context().close();
}

export async function api(method, path, body, type = "application/json") {
  const response = await fetch(base + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": type, Accept: "application/json" },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return text ? JSON.parse(text) : undefined;
}

// Nothing is on its way any more: no skeleton, and the heading is there.
export async function settled(page) {
  await page.waitForSelector("main h1, main .empty h2");
  await page.waitForFunction(() => !document.querySelector("main .skeleton, .boot"));
}

// Runs tests one after the other, or those whose names contain one of the words.
export async function run(tests, words = []) {
  const browser = await launch();
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    const began = performance.now();
    try {
      await test(browser);
      console.log(`ok   ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}\n${error.stack ?? error}`);
      for (const context of browser.contexts()) {
        for (const page of context.pages()) {
          await page
            .screenshot({ path: join(shots, `failed-${name.replace(/\W+/g, "-")}.png`) })
            .catch(() => {});
          if (page.troubles?.length) console.log(`     console: ${page.troubles.join("\n     ")}`);
        }
      }
    }
    for (const context of browser.contexts()) await context.close().catch(() => {});
  }
  await browser.close();
  return failed;
}
