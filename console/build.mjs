// Builds the console into build/console: types from the API's description, the bundle, every file compressed,
// and all of it as one archive with an index that the program embeds (src/console).
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import openapiTypes, { astToString } from "openapi-typescript";
import { schemaModule } from "./tools/schema.mjs";
import { worldModule } from "./tools/world.mjs";

const gzipBytesMax = 250_000; // of everything: a phone on a slow network has it in a second or two
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "build", "console");
const site = join(out, "site");
const description = join(here, "..", "docs", "openapi.json");

const mediaTypes = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

// Modules that are made while building: `import schema from "virtual:schema"`.
const made = {
  name: "made",
  setup(plugin) {
    const modules = { "virtual:schema": () => schemaModule(description), "virtual:world": worldModule };
    plugin.onResolve({ filter: /^virtual:/ }, ({ path }) => ({ path, namespace: "made" }));
    plugin.onLoad({ filter: /.*/, namespace: "made" }, async ({ path }) => ({
      contents: await modules[path](),
      loader: "json",
    }));
  },
};

async function generateTypes() {
  const document = JSON.parse(await readFile(description, "utf8"));
  await writeFile(
    join(out, "openapi.d.ts"),
    astToString(await openapiTypes(document, { defaultNonNullable: false })),
  );
}

async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { main: "src/main.tsx", theme: "src/theme.ts" },
    outdir: join(site, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    assetNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    metafile: true,
    legalComments: "none",
    target: ["chrome123", "firefox121", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "file" },
    plugins: [made],
    logLevel: "warning",
  });
  return result.metafile.outputs;
}

async function writePage(outputs) {
  const names = Object.keys(outputs).map((path) => relative(site, join(here, path)).replaceAll("\\", "/"));
  const entry = (source) => names[Object.values(outputs).findIndex((output) => output.entryPoint === source)];
  const main = Object.values(outputs).find((output) => output.entryPoint === "src/main.tsx");
  const first = main.imports.filter((one) => one.kind === "import-statement").map((one) => one.path);
  const icon = await readFile(join(here, "src", "icon.svg"));
  const iconName = `assets/icon-${hashOf(icon).slice(0, 8)}.svg`;
  await writeFile(join(site, iconName), icon);
  let page = await readFile(join(here, "src", "index.html"), "utf8");
  const put = { theme: entry("src/theme.ts"), script: entry("src/main.tsx"), icon: iconName };
  put.style = relative(site, join(here, main.cssBundle));
  for (const [name, path] of Object.entries(put)) page = page.replaceAll(`{${name}}`, `/${path}`);
  const preloads = first.map(
    (path) => `<link rel="modulepreload" href="/${relative(site, join(here, path))}">`,
  );
  page = page.replace("<!--preloads-->", preloads.join(""));
  await writeFile(join(site, "index.html"), page.replace(/\n\s*/g, "\n"));
}

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map((one) => (one.isDirectory() ? filesBelow(join(folder, one.name)) : [join(folder, one.name)])),
  );
  return found.flat().sort();
}

// A compressed form that is hardly smaller than the file is none.
const worth = (form, plain) => (form.length < plain.length * 0.95 ? form : Buffer.alloc(0));

async function pack() {
  const parts = [];
  const lines = [];
  const sizes = { files: {}, gzip_bytes: 0 };
  let offset = 0;
  const add = (bytes) => {
    parts.push(bytes);
    offset += bytes.length;
    return `{${offset - bytes.length}, ${bytes.length}}`;
  };
  for (const file of await filesBelow(site)) {
    const path = "/" + relative(site, file);
    const plain = await readFile(file);
    const gzip = worth(gzipSync(plain, { level: 9 }), plain);
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length, [constants.BROTLI_PARAM_QUALITY]: 11 };
    const brotli = worth(brotliCompressSync(plain, { params }), plain);
    const fields = [path, mediaTypes[extname(path)], hashOf(plain).slice(0, 20)].map((text) =>
      JSON.stringify(text),
    );
    lines.push(`    {${fields.join(", ")}, ${add(plain)}, ${add(gzip)}, ${add(brotli)}},`);
    sizes.files[path] = { plain: plain.length, gzip: gzip.length || plain.length, brotli: brotli.length };
    sizes.gzip_bytes += gzip.length || plain.length;
  }
  const archive = Buffer.concat(parts);
  const index = `// Made by console/build.mjs: what is in archive.bin. sha256 ${hashOf(archive)}
constexpr Packed kPacked[] = {
${lines.join("\n")}
};
constexpr unsigned char kArchive[] = {
#embed "archive.bin"
};
`;
  await replace("archive.bin", archive);
  await replace("console_archive.inc", index);
  await writeFile(join(out, "sizes.json"), JSON.stringify(sizes, null, 1) + "\n");
  return sizes.gzip_bytes;
}

// Leaves a file alone that is so already: what is compiled from it is not compiled anew.
async function replace(name, content) {
  const path = join(out, name);
  const before = await readFile(path).catch(() => null);
  if (before?.equals(Buffer.from(content))) return;
  await writeFile(path + ".new", content);
  await rename(path + ".new", path);
}

await mkdir(out, { recursive: true });
await rm(site, { recursive: true, force: true });
await mkdir(join(site, "assets"), { recursive: true });
await generateTypes();
await writePage(await bundle());
const bytes = await pack();
console.error(`console: ${(bytes / 1000).toFixed(1)} kB gzipped, of ${gzipBytesMax / 1000} kB`);
if (bytes > gzipBytesMax) {
  console.error("console: too large; build/console/sizes.json says where it is");
  process.exit(1);
}
