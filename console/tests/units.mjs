// What can be tested without a browser: pure functions, bundled as they are for one.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { worldModule } from "../tools/world.mjs";

const source = join(dirname(fileURLToPath(import.meta.url)), "..", "src");

async function load() {
  const world = {
    name: "world",
    setup(plugin) {
      plugin.onResolve({ filter: /^virtual:world$/ }, ({ path }) => ({ path, namespace: "made" }));
      plugin.onLoad({ filter: /.*/, namespace: "made" }, async () => ({
        contents: await worldModule(),
        loader: "json",
      }));
    },
  };
  const contents = `export * from "./ui/yaml"; export * from "./ui/schema"; export { eventParser } from "./api/stream";
    export { extend } from "./api/metrics"; export { spotOf, project } from "./pages/overview/places";`;
  const options = {
    bundle: true,
    format: "esm",
    write: false,
    jsx: "automatic",
    jsxImportSource: "preact",
    plugins: [world],
  };
  const built = await build({ ...options, stdin: { contents, resolveDir: source, loader: "ts" } });
  return import(
    `data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`
  );
}

const modules = load();
const test = (check) => async () => check(await modules);

export const unitTests = {
  "yaml: a change keeps comments, order and what it does not touch": test(({ changeYaml, parseYaml }) => {
    const text =
      "# above\nkind: Service\nmetadata: {name: web}   # behind\nspec:\n  # within\n  balance: RANDOM\n  endpoints:\n  - {address: a:1}\n  - {address: b:1}\n";
    const value = parseYaml(text).value;
    value.spec.endpoints[1].weight = 3;
    value.spec.protocol = "TCP";
    const changed = changeYaml(text, value);
    for (const comment of ["# above", "# behind", "# within"]) assert.ok(changed.includes(comment), changed);
    assert.deepEqual(parseYaml(changed).value, value);
    assert.ok(changed.indexOf("balance") < changed.indexOf("endpoints"));
    value.spec.endpoints.shift();
    delete value.spec.balance;
    assert.deepEqual(parseYaml(changeYaml(changed, value)).value, value);
    value.spec.endpoints = "none";
    assert.deepEqual(parseYaml(changeYaml(changed, value)).value, value);
    assert.deepEqual(parseYaml(changeYaml("- not: [a map", value)).value, value);
  }),
  "yaml: what is wrong has its line": test(({ parseYaml }) => {
    const { error } = parseYaml("a: 1\nb: [1, 2\nc: 3\n");
    assert.ok(error.line >= 2 && error.message.length > 0);
  }),
  "forms: a field's place, and a value put there": test(({ fieldName, withValue, valueAt }) => {
    assert.equal(
      fieldName(["spec", "routes", 0, "backends", 12, "service"]),
      "spec.routes[0].backends[12].service",
    );
    const before = { spec: { list: [{ a: 1 }, { a: 2 }] } };
    assert.deepEqual(withValue(before, ["spec", "list", 1, "b", "c"], 5), {
      spec: { list: [{ a: 1 }, { a: 2, b: { c: 5 } }] },
    });
    assert.deepEqual(withValue(before, ["spec", "list", 0], undefined), { spec: { list: [{ a: 2 }] } });
    assert.deepEqual(withValue(before, ["spec", "list"], undefined), { spec: {} });
    assert.equal(valueAt(before, ["spec", "list", 1, "a"]), 2);
    assert.equal(valueAt(before, ["spec", "none", 1, "a"]), undefined);
    assert.deepEqual(before, { spec: { list: [{ a: 1 }, { a: 2 }] } });
  }),
  "streams: events in whatever pieces they come": test(({ eventParser }) => {
    const text =
      'retry: 1000\n\nid: 7\nevent: added\ndata: {"a":\ndata: 1}\n\n: keep-alive\nid: 9\n\nevent: deleted\r\ndata: x\r\n\r\n';
    const wanted = [
      { id: "7", name: "added", data: '{"a":\n1}' },
      { id: "9", name: "", data: "" },
      { id: "", name: "deleted", data: "x" },
    ];
    for (const size of [1, 2, 5, text.length]) {
      const seen = [];
      const parse = eventParser((event) => seen.push(event));
      for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
      assert.deepEqual(seen, wanted, `in pieces of ${size}`);
    }
  }),
  "figures: new points behind the old ones, gaps, and no more than are drawn": test(({ extend }) => {
    const series = (values, edge = "a") => ({ name: "requests", labels: { edge }, unit: "1/s", values });
    const before = { step: 10, from: 100, series: [series([1, 2])] };
    const after = extend(before, { step: 10, from: 140, series: [series([5]), series([7], "b")] });
    assert.deepEqual(
      after.series.map((one) => one.values),
      [
        [1, 2, null, null, 5],
        [null, null, null, null, 7],
      ],
    );
    const long = extend(
      { step: 10, from: 0, series: [series(Array(720).fill(1))] },
      { step: 10, from: 7200, series: [series([2])] },
    );
    assert.equal(long.from, 10);
    assert.equal(long.series[0].values.length, 720);
    assert.equal(long.series[0].values.at(-1), 2);
  }),
  "map: where places are": test(({ spotOf, project }) => {
    assert.equal(spotOf("Frankfurt").name, "frankfurt");
    assert.equal(spotOf(undefined, "fra-1").name, "frankfurt");
    assert.equal(spotOf("São Paulo").name, "saopaulo");
    assert.equal(spotOf("us-east-1a").name, "virginia");
    assert.equal(spotOf("us-east1").name, "southcarolina");
    assert.equal(spotOf("mars", ""), undefined);
    const [x, y] = project(spotOf("london"));
    const [east, south] = project(spotOf("sydney"));
    assert.ok(x > 400 && x < 520 && y > 20 && y < 120 && east > x && south > y);
  }),
};
