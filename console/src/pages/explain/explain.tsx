// Why a request was answered as it was, what would be done with one that nobody has sent, and why a name has
// the answer that it has. What is asked stands in the address, so that it can be passed on.
import { useEffect, useState } from "preact/hooks";
import { navigate, place } from "../../app/router";
import { ApiError, request, sentenceOf, type Violation } from "../../api/client";
import { EmptyState } from "../../ui/empty";
import { messagesFor, SelectField, TextField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { PageHead } from "../../ui/page";
import { Skeleton } from "../../ui/skeleton";
import { type DnsDecision, DnsPath } from "./dns_path";
import { type Decision, RequestPath } from "./request_path";

type Sort = "id" | "request" | "dns";
const sorts: [Sort, string][] = [
  ["id", "A request that came"],
  ["request", "A request that might come"],
  ["dns", "A name"],
];
const recordTypes = ["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "PTR", "CAA", "NS", "SVCB", "HTTPS", "SOA"];

const sortOf = (query: URLSearchParams): Sort =>
  query.has("dns") ? "dns" : query.has("request") ? "request" : "id";

type Answer =
  { is: "none" } | { is: "waiting" } | { is: "there"; value: unknown } | { is: "refused"; error: unknown };

function useAnswer(asked: string): [Answer, () => void] {
  const [answer, setAnswer] = useState<Answer>({ is: "none" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const query = new URLSearchParams(asked);
    if (!query.get(sortOf(query))) return setAnswer({ is: "none" });
    const ended = new AbortController();
    setAnswer((before) => (before.is === "there" ? before : { is: "waiting" }));
    request("GET", `/v1/explain?${query}`, { signal: ended.signal }).then(
      (value) => setAnswer({ is: "there", value }),
      (error) => !ended.signal.aborted && setAnswer({ is: "refused", error }),
    );
    return () => ended.abort();
  }, [asked, turn]);
  return [answer, () => setTurn(turn + 1)];
}

export default function Explain() {
  const { query } = place.value;
  const sort = sortOf(query);
  const [answer, again] = useAnswer(query.toString());
  const violations =
    answer.is === "refused" && answer.error instanceof ApiError ? answer.error.violations : [];
  return (
    <>
      <PageHead title="Explain" lead="Why weir decides as it does, step by step; nothing is sent." />
      <div class="segments wide-segments" role="group" aria-label="What to explain">
        {sorts.map(([one, title]) => (
          <button
            type="button"
            key={one}
            aria-pressed={sort === one}
            onClick={() => navigate(`/explain?${one}=`, { replace: true })}
          >
            {title}
          </button>
        ))}
      </div>
      <Ask key={query.toString()} sort={sort} query={query} violations={violations} again={again} />
      {answer.is === "waiting" && <Skeleton lines={6} height={44} />}
      {answer.is === "refused" && <Refused error={answer.error} sort={sort} />}
      {answer.is === "none" && <Teach sort={sort} />}
      {answer.is === "there" && sort === "dns" && <DnsPath decision={answer.value as DnsDecision} />}
      {answer.is === "there" && sort !== "dns" && (
        <RequestPath decision={answer.value as Decision} came={sort === "id"} />
      )}
    </>
  );
}

function Ask({
  sort,
  query,
  violations,
  again,
}: {
  sort: Sort;
  query: URLSearchParams;
  violations: readonly Violation[];
  again: () => void;
}) {
  const [first, rest] = splitRequest(query.get("request") ?? "");
  const [id, setId] = useState(query.get("id") ?? "");
  const [method, setMethod] = useState(first || "GET");
  const [url, setUrl] = useState(rest);
  const [headers, setHeaders] = useState(query.getAll("header").join("\n"));
  const [name, setName] = useState(query.get("dns") ?? "");
  const [type, setType] = useState(query.get("type") || "A");
  const [peer, setPeer] = useState(query.get("peer") ?? "");
  const onSubmit = (event: Event) => {
    event.preventDefault();
    const next = new URLSearchParams();
    if (sort === "id") next.set("id", id.trim());
    if (sort === "dns") {
      next.set("dns", name.trim());
      next.set("type", type);
    }
    if (sort === "request") {
      next.set("request", url.trim() ? `${method} ${url.trim()}` : "");
      for (const line of headers.split("\n")) if (line.trim()) next.append("header", line.trim());
    }
    if (peer.trim() && sort !== "id") next.set("peer", peer.trim());
    if (next.toString() === query.toString()) again();
    else navigate(`/explain?${next}`);
  };
  const from = (
    <TextField
      label="From"
      value={peer}
      placeholder="127.0.0.1"
      onInput={setPeer}
      messages={messagesFor(violations, "peer")}
      help={sort === "dns" ? "an address, or a network such as 198.51.100.0/24" : "the client's address"}
    />
  );
  return (
    <form class="card ask" onSubmit={onSubmit} noValidate>
      {sort === "id" && (
        <TextField
          label="X-Request-Id"
          value={id}
          onInput={setId}
          messages={messagesFor(violations, "id")}
          help="of any answer of weir, or of a line of the access log"
        />
      )}
      {sort === "request" && (
        <div class="fields ask-request">
          <SelectField
            label="Method"
            value={method}
            onInput={setMethod}
            options={["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]}
          />
          <TextField
            label="Address"
            value={url}
            placeholder="https://shop.example/basket"
            onInput={setUrl}
            messages={messagesFor(violations, "request")}
          />
          {from}
          <div class="field">
            <label for="ask-headers">Header fields</label>
            <textarea
              id="ask-headers"
              class="code"
              rows={2}
              value={headers}
              placeholder="Cookie: a=b"
              spellcheck={false}
              onInput={(event) => setHeaders(event.currentTarget.value)}
            />
            {messagesFor(violations, "header").map((one) => (
              <p class="wrong-text" role="alert">
                {one}
              </p>
            ))}
          </div>
        </div>
      )}
      {sort === "dns" && (
        <div class="fields">
          <TextField
            label="Name"
            value={name}
            placeholder="www.example.com"
            onInput={setName}
            messages={messagesFor(violations, "dns")}
          />
          <SelectField
            label="Type"
            value={type}
            options={recordTypes}
            onInput={setType}
            messages={messagesFor(violations, "type")}
          />
          {from}
        </div>
      )}
      <div class="actions end">
        <button type="submit" class="primary">
          <Icon name="explain" size={15} /> Explain
        </button>
      </div>
    </form>
  );
}

function splitRequest(text: string): [string, string] {
  const at = text.indexOf(" ");
  return at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + 1)];
}

function Refused({ error, sort }: { error: unknown; sort: Sort }) {
  const gone = error instanceof ApiError && error.status === 404 && sort === "id";
  return (
    <EmptyState icon="warn" title={gone ? "That request is not known any more" : "That can't be explained"}>
      <p>{sentenceOf(error)}</p>
      {gone && (
        <p>
          Each worker of an edge keeps its last 1024 requests. Try what would happen{" "}
          <a href="/explain?request=">with another like it</a>.
        </p>
      )}
    </EmptyState>
  );
}

function Teach({ sort }: { sort: Sort }) {
  const texts: Record<Sort, [string, string]> = {
    id: [
      "Paste the id of a request",
      "Every answer has the field X-Request-Id. It leads to the route, the filters, each try, and how long all took.",
    ],
    request: [
      "Think of a request",
      "Each route of the host is shown in its order, and why it takes the request or does not; then the filters, and which endpoints may be picked.",
    ],
    dns: [
      "Ask for a name",
      "Zone, record set and policy are shown, the places that the client is in, and each answer with its health and why it is given or not.",
    ],
  };
  const [title, text] = texts[sort];
  return (
    <EmptyState icon="explain" title={title}>
      <p>{text}</p>
    </EmptyState>
  );
}
