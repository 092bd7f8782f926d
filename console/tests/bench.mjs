// How soon something is to be seen with 10,000 endpoints in the store: node console/tests/bench.mjs [--filled], in
// front of a weir that holds nothing else; WEIR_CONSOLE and WEIR_TOKEN say which. scroll.mjs: how lists scroll.
import { api, base, launch, token } from "./harness.mjs";

const services = 10;
const endpointsOfEach = 1_000;
const rounds = 5;
// Kilobits a second and milliseconds there and back, as browsers' developers call them.
const networks = { "4G": [9_000, 60], "slow 4G": [1_600, 150] };

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function fill() {
  const objects = [];
  for (let i = 0; i < services; i++) {
    const name = `pool-${i}`;
    const address = (k) => `10.${i}.${Math.floor(k / 250)}.${(k % 250) + 1}:8080`;
    const endpoints = Array.from({ length: endpointsOfEach }, (_, k) => ({ address: address(k) }));
    objects.push({ kind: "Service", metadata: { name }, spec: { endpoints } });
    const listeners = [{ protocol: "HTTP", hostnames: [`${name}.weir.localhost`] }];
    objects.push({
      kind: "LoadBalancer",
      metadata: { name },
      spec: { listeners, routes: [{ backends: [{ service: name }] }] },
    });
  }
  for (let i = 0; i < objects.length; i += 2)
    await api("POST", "/v1/apply", { objects: objects.slice(i, i + 2) });
}

async function visit(browser, path, [kilobits, latency]) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await context.addInitScript((text) => sessionStorage.setItem("weir.token", text), token);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const bytes = (kilobits * 1000) / 8;
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency,
    downloadThroughput: bytes,
    uploadThroughput: bytes / 4,
  });
  await page.goto(base + path, { waitUntil: "commit" });
  await page.waitForSelector("main h1");
  const shell = await page.evaluate(() => performance.now());
  await page.waitForFunction(() => !document.querySelector("main .skeleton"));
  const whole = await page.evaluate(() => performance.now());
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  await context.close();
  return { paint, shell, whole };
}

if (!process.argv.includes("--filled")) await fill();
const browser = await launch();
for (const [name, network] of Object.entries(networks)) {
  for (const path of ["/", "/services", "/loadbalancers"]) {
    const all = [];
    for (let i = 0; i < rounds; i++) all.push(await visit(browser, path, network));
    const of = (key) => `${median(all.map((one) => one[key])).toFixed(0)} ms`;
    console.log(
      `${name.padEnd(8)} ${path.padEnd(15)} first paint ${of("paint")}, heading ${of("shell")}, whole ${of("whole")}`,
    );
  }
}
await browser.close();
