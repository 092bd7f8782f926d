// Of a certificate in PEM: until when it lasts, and for which names. Enough of DER (X.690) to find that.
export interface Certified {
  until: Date;
  names: string[];
}

interface Node {
  tag: number;
  body: Uint8Array;
}

function nodesOf(bytes: Uint8Array): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1]!;
    let head = 2;
    if (length & 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4) return nodes;
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
      head += size;
    }
    if (at + head + length > bytes.length) return nodes;
    nodes.push({ tag, body: bytes.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return nodes;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function timeOf({ tag, body }: Node): Date {
  const digits = text(body);
  const full = tag === 0x18 ? digits : (Number(digits.slice(0, 2)) < 50 ? "20" : "19") + digits;
  return new Date(full.replace(/^(....)(..)(..)(..)(..)(..).*$/, "$1-$2-$3T$4:$5:$6Z"));
}

const commonName = "550403";
const alternativeNames = "551d11";

// subjectAltName of the extensions: DNS names (tag 0x82).
function alternativesOf(extensions: Uint8Array): string[] {
  const list = nodesOf(extensions)[0]?.body ?? new Uint8Array();
  for (const extension of nodesOf(list)) {
    const parts = nodesOf(extension.body);
    if (hex(parts[0]?.body ?? new Uint8Array()) !== alternativeNames) continue;
    const names = nodesOf(nodesOf(parts.at(-1)!.body)[0]?.body ?? new Uint8Array());
    return names.filter((one) => one.tag === 0x82).map((one) => text(one.body));
  }
  return [];
}

function commonNameOf(subject: Uint8Array): string[] {
  for (const set of nodesOf(subject)) {
    const [name, value] = nodesOf(nodesOf(set.body)[0]?.body ?? new Uint8Array());
    if (name && value && hex(name.body) === commonName) return [text(value.body)];
  }
  return [];
}

export function readCertificate(pem: string | undefined): Certified | null {
  const base64 = pem?.match(/-----BEGIN CERTIFICATE-----([^-]+)-----END/)?.[1]?.replace(/\s/g, "");
  if (!base64) return null;
  try {
    const der = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const parts = nodesOf(nodesOf(nodesOf(der)[0]!.body)[0]!.body);
    const fields = parts[0]!.tag === 0xa0 ? parts.slice(1) : parts; // the version may be left out
    const until = timeOf(nodesOf(fields[3]!.body)[1]!);
    const extensions = fields.find((one) => one.tag === 0xa3);
    const names = extensions ? alternativesOf(extensions.body) : [];
    return { until, names: names.length > 0 ? names : commonNameOf(fields[4]!.body) };
  } catch {
    return null;
  }
}
