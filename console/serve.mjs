// The built console in front of a controller that runs: `npm run dev`, then WEIR_API says where that is.
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const site = join(dirname(fileURLToPath(import.meta.url)), "..", "build", "console", "site");
const api = new URL(process.env.WEIR_API ?? "http://127.0.0.1:8480");
const types = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" };

async function serve(asked, answer) {
  const path = new URL(asked.url, api).pathname;
  const wantsFront = path === "/" && !asked.headers.accept?.includes("text/html");
  if (wantsFront || /^\/(v1|metrics|healthz|readyz|openapi\.json)(\/|$)/.test(path)) {
    const options = { method: asked.method, headers: { ...asked.headers, host: api.host } };
    const onward = request(new URL(asked.url, api), options, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    onward.on("error", () => answer.writeHead(502).end());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
    return;
  }
  const file = path.startsWith("/assets/") ? path : "/index.html";
  const content = await compressed(file);
  const head = { "content-type": types[extname(file)] ?? "text/plain", "content-encoding": "br" };
  answer.writeHead(content ? 200 : 404, content ? head : {}).end(content);
}

// As the program sends them; browsers take Brotli from this machine, too.
async function compressed(file) {
  const plain = kept.has(file) ? null : await readFile(join(site, file)).catch(() => null);
  if (!plain) return kept.get(file);
  const bytes = brotliCompressSync(plain);
  if (file.startsWith("/assets/")) kept.set(file, bytes); // others change under their name
  return bytes;
}
const kept = new Map();

const port = Number(process.env.PORT ?? 8490);
createServer(serve).listen(port, "127.0.0.1", () =>
  console.error(`http://127.0.0.1:${port}/ in front of ${api}`),
);
