// How lists of 10,000 scroll: node console/tests/scroll.mjs [--filled], in front of a weir that holds nothing else;
// WEIR_CONSOLE and WEIR_TOKEN say which. On a machine that does something else tasks are long by the clock, and need
// some more CPU time, too: whether it does is tried before and after each list.
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { api, base, close, launch, open, sizes } from "./harness.mjs";

const many = 10_000;
const objectsOfApply = 500;
const scrollMs = 3_000;
const taskMsMax = 50; // by the clock; what takes longer is felt
const busyTaskMsMax = 100; // of CPU, however busy the machine is: caches are shared
const lostMax = 0.2; // of the time that it wants to compute, in which others ran: a quiet machine
const probeMs = 100;
const frameMs = 1000 / 60;
const rowsMax = 60; // in the page: those of a screen, and some

const named = (kind, name, spec) => ({ kind, metadata: { name }, spec });
const number = (i) => String(i).padStart(5, "0");
const addressOf = (i) => `10.${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}:8080`;

async function fill() {
  const objects = [named("Service", "joined", {})];
  for (let i = 1; i < many; i++)
    objects.push(named("Service", `service-${number(i)}`, { endpoints: [{ address: addressOf(i) }] }));
  for (let i = 0; i < many; i++)
    objects.push(named("Endpoint", `joined-${number(i)}`, { service: "joined", address: addressOf(i) }));
  for (let at = 0; at < objects.length; at += objectsOfApply)
    await api("POST", "/v1/apply", { objects: objects.slice(at, at + objectsOfApply) });
}

// Within the page: the times between frames, what the browser calls long, and frames that show a gap where
// rows should be.
function record() {
  const seen = (window.seen = { frames: [], tasks: [], gaps: 0 });
  let last = 0;
  const frame = (now) => {
    if (last > 0) seen.frames.push(now - last);
    last = now;
    const body = document.querySelector(".table-body");
    if (body) {
      const { top, bottom } = body.getBoundingClientRect();
      for (const y of [innerHeight / 4, innerHeight / 2, innerHeight - 4])
        if (y > top + 1 && y < bottom - 1 && !document.elementFromPoint(innerWidth / 2, y)?.closest(".row"))
          seen.gaps++;
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tasks.push(duration);
  }).observe({ type: "longtask" });
}

// By wheel and by keys, down and up again.
async function scroll(page) {
  const end = performance.now() + scrollMs;
  await page.mouse.move(700, 600);
  for (let i = 0; performance.now() < end; i++) {
    await page.mouse.wheel(0, i % 100 < 60 ? 700 : -500);
    await page.waitForTimeout(frameMs);
  }
  for (const key of ["PageDown", "PageUp", "End", "Home"]) {
    for (let i = 0; i < 10; i++) {
      await page.keyboard.press(key);
      await page.waitForTimeout(2 * frameMs);
    }
  }
}

// CPU time of the tasks of the page's main thread, in milliseconds.
function tasksOf(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const mains = new Map(); // of processes
  for (const one of traceEvents)
    if (one.name === "thread_name" && one.args.name === "CrRendererMain") mains.set(one.pid, one.tid);
  return traceEvents
    .filter((one) => one.name === "ThreadControllerImpl::RunTask" && mains.get(one.pid) === one.tid)
    .map((one) => (one.tdur ?? 0) / 1000);
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

// The share of the time in which others ran though this process wanted to.
function lost() {
  const began = performance.now();
  const before = process.cpuUsage();
  while (performance.now() - began < probeMs);
  const { user, system } = process.cpuUsage(before);
  return 1 - (user + system) / 1000 / (performance.now() - began);
}

async function measure(browser, page) {
  await page.evaluate(record);
  await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
  await scroll(page);
  const tasks = tasksOf(await browser.stopTracing());
  const { frames, tasks: long, gaps } = await page.evaluate(() => window.seen);
  frames.sort((a, b) => a - b);
  assert.ok(frames.length > 50 && tasks.length > 50, "frames and tasks were seen");
  return {
    frames: frames.length,
    p50: at(frames, 0.5),
    p95: at(frames, 0.95),
    max: frames.at(-1),
    dropped: frames.reduce((all, one) => all + Math.max(0, Math.round(one / frameMs) - 1), 0),
    long: Math.max(0, ...long),
    cpu: Math.max(...tasks),
    cpuOfFrame: tasks.reduce((all, one) => all + one, 0) / frames.length,
    gaps,
  };
}

function tell(name, seen) {
  const ms = (value) => `${value.toFixed(1)} ms`;
  console.log(
    `${name.padEnd(18)} frames: ${seen.frames}, p50 ${ms(seen.p50)}, p95 ${ms(seen.p95)}, max ${ms(seen.max)}, ` +
      `${seen.dropped} dropped, ${seen.gaps} with gaps; CPU of a frame ${ms(seen.cpuOfFrame)}; ` +
      `longest task ${ms(seen.cpu)} of CPU, ${seen.long ? ms(seen.long) : "under 50 ms"} by the clock`,
  );
}

async function measureEmpty(browser) {
  const page = await browser.newPage({ viewport: sizes.desktop });
  await page.setContent('<body style="margin: 0"><div style="height: 480000px"></div>');
  const seen = await measure(browser, page);
  await page.close();
  return seen;
}

async function measureList(browser, path, rows) {
  const page = await open(browser, { path, quiet: [404], reducedMotion: "no-preference" });
  await page.waitForFunction(
    (wanted) => Number(document.querySelector('[role="table"]')?.getAttribute("aria-rowcount")) > wanted,
    rows,
    { timeout: 120_000 },
  );
  const seen = await measure(browser, page);
  seen.rows = await page.evaluate(() => document.querySelectorAll(".table-body .row").length);
  await close(page);
  return seen;
}

if (!process.argv.includes("--filled")) await fill();
const browser = await launch();
const load = () => loadavg()[0].toFixed(1);
console.log(`${base}, load of the machine ${load()}`);
const floor = await measureEmpty(browser);
tell("an empty page", floor);
const wrong = [];
for (const path of ["/services", "/objects/services", "/services/joined"]) {
  const before = lost();
  const seen = await measureList(browser, path, many);
  tell(path, seen);
  const allowed = taskMsMax + floor.long;
  const busy = Math.max(before, lost());
  const quiet = busy < lostMax;
  if (!quiet)
    console.log(
      `${" ".repeat(18)} others had ${(100 * busy).toFixed(0)} % of the machine: CPU time alone is judged`,
    );
  if (quiet && seen.long > allowed) wrong.push(`${path}: a task took ${seen.long.toFixed(1)} ms`);
  if (seen.cpu > busyTaskMsMax) wrong.push(`${path}: a task took ${seen.cpu.toFixed(1)} ms of CPU`);
  if (seen.gaps > 0) wrong.push(`${path}: rows were missing in ${seen.gaps} frames`);
  if (seen.rows > rowsMax) wrong.push(`${path}: ${seen.rows} rows in the page`);
}
console.log(`load of the machine ${load()}`);
await browser.close();
assert.deepEqual(wrong, []);
