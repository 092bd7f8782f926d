// The request log of a tunnel as it happens; each request can be looked into and sent again. A controller
// without it says 404, and the card says how to look at single requests then.
import { useEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../../app/router";
import { ApiError, request, sentenceOf } from "../../api/client";
import { mayWrite } from "../../api/session";
import { follow, readStream } from "../../api/stream";
import { CopyText } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { Refusal, TextField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Card, Facts } from "../../ui/page";
import { bytes } from "../../ui/parts";
import { Pill, type Tone } from "../../ui/pill";
import { Skeleton } from "../../ui/skeleton";
import { type Column, Table } from "../../ui/table";
import { Time } from "../../ui/time";
import { toast } from "../../ui/toast";

const keptMax = 2_000;

// A line of the log, with the names that the access log has.
interface Line {
  request_id: string;
  time: string;
  method: string;
  host?: string;
  path: string;
  status: number;
  duration_ms?: number;
  bytes_received?: number;
  bytes_sent?: number;
  peer?: string;
}
interface Message {
  headers?: { name: string; value: string }[];
  body?: string; // as text; base64 when it is none
  base64?: boolean;
  truncated?: boolean;
}
interface Captured extends Line {
  request?: Message;
  response?: Message;
}
const keyOf = (one: Line) => one.request_id + one.time;

type State = { is: "waiting" } | { is: "absent" } | { is: "refused"; why: string } | { is: "here" };

const pathOf = (tunnel: string, id = "") =>
  `/v1/tunnels/${encodeURIComponent(tunnel)}/requests${id && `/${encodeURIComponent(id)}`}`;

export function statusTone(status: number): Tone {
  if (status === 0 || status >= 500) return "bad";
  if (status >= 400) return "warn";
  return status >= 300 ? "info" : "good";
}

function useLines(tunnel: string): [State, Line[], () => void, string] {
  const [state, setState] = useState<State>({ is: "waiting" });
  const [notice, setNotice] = useState("");
  const [lines, setLines] = useState<Line[]>([]);
  const fresh = useRef<Line[]>([]);
  useEffect(() => {
    let queued = 0;
    const flush = () => {
      queued = 0;
      const news = fresh.current.reverse();
      fresh.current = [];
      setLines((before) => {
        const known = new Set(before.map(keyOf)); // a stream that begins anew may tell some again
        return [...news.filter((one) => !known.has(keyOf(one))), ...before].slice(0, keptMax);
      });
    };
    let end = () => {};
    const run = async (signal: AbortSignal) => {
      const here = setTimeout(() => setState({ is: "here" }), 300); // a log that is quiet has sent nothing yet
      signal.addEventListener("abort", () => clearTimeout(here));
      try {
        await readStream(pathOf(tunnel), { query: { watch: true }, signal }, (event) => {
          if (!event.data) return;
          if (event.name === "notice") {
            setNotice((JSON.parse(event.data) as { notice: string }).notice);
            return;
          }
          fresh.current.push(JSON.parse(event.data) as Line);
          queued ||= requestAnimationFrame(flush);
        });
      } finally {
        clearTimeout(here);
      }
    };
    end = follow(run, (error) => {
      if (!(error instanceof ApiError)) return;
      const absent = error.status === 404 || error.status === 405;
      setState(absent ? { is: "absent" } : { is: "refused", why: sentenceOf(error) });
      end();
    });
    return () => {
      end();
      cancelAnimationFrame(queued);
    };
  }, [tunnel]);
  return [state, lines, () => setLines([]), notice];
}

const columns: Column<Line>[] = [
  {
    key: "request",
    title: "Request",
    width: "minmax(0, 3fr)",
    cell: (one) => (
      <code>
        {one.method} {one.path}
      </code>
    ),
  },
  {
    key: "status",
    title: "Status",
    width: "96px",
    cell: (one) => <Pill tone={statusTone(one.status)}>{one.status || "none"}</Pill>,
  },
  {
    key: "took",
    title: "Took",
    width: "90px",
    align: "end",
    cell: (one) => `${one.duration_ms?.toFixed(1) ?? "–"} ms`,
  },
  {
    key: "size",
    title: "Size",
    width: "90px",
    align: "end",
    from: "tablet",
    cell: (one) => bytes(one.bytes_sent),
  },
  { key: "peer", title: "Visitor", width: "150px", from: "desktop", cell: (one) => <code>{one.peer}</code> },
  { key: "time", title: "When", width: "120px", from: "tablet", cell: (one) => <Time at={one.time} /> },
];

export function Requests({ tunnel }: { tunnel: string }) {
  const [state, lines, clear, notice] = useLines(tunnel);
  const [opened, setOpened] = useState<Line | null>(null);
  if (state.is === "absent") return <ById />;
  return (
    <Card
      title="Requests"
      class={lines.length > 0 ? "flush" : ""}
      actions={
        lines.length > 0 && (
          <button type="button" class="quiet" onClick={clear}>
            Clear
          </button>
        )
      }
    >
      {state.is === "waiting" && <Skeleton lines={3} />}
      {state.is === "refused" && <p class="lead">{state.why}</p>}
      {state.is === "here" && lines.length === 0 && (
        <p class="lead" role="status">
          Listening. A visitor's next request shows here.
        </p>
      )}
      {notice && (
        <p class="lead" role="status">
          {notice}
        </p>
      )}
      {lines.length > 0 && (
        <Table
          label="Requests, the newest first"
          columns={columns}
          rows={lines}
          keyOf={keyOf}
          onRow={setOpened}
          rowHeight={40}
          height={Math.min(420, 38 + lines.length * 40)}
        />
      )}
      {opened && <Inspect tunnel={tunnel} line={opened} onClose={() => setOpened(null)} />}
    </Card>
  );
}

function ById() {
  const [id, setId] = useState("");
  const open = (event: Event) => {
    event.preventDefault();
    if (id.trim()) navigate(`/explain?id=${encodeURIComponent(id.trim())}`);
  };
  return (
    <Card title="Requests">
      <p class="lead">
        This controller keeps no log of single requests. Each answer carries <code>X-Request-Id</code>: with
        it, the last thousand of an edge can be looked at one by one.
      </p>
      <form class="by-id" onSubmit={open}>
        <TextField label="X-Request-Id of an answer" value={id} onInput={setId} />
        <button type="submit">
          <Icon name="explain" size={15} /> Explain
        </button>
      </form>
    </Card>
  );
}

function Inspect({ tunnel, line, onClose }: { tunnel: string; line: Line; onClose: () => void }) {
  const [captured, setCaptured] = useState<Captured | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const ended = new AbortController();
    request<Captured>("GET", pathOf(tunnel, line.request_id), { signal: ended.signal }).then(
      setCaptured,
      (error) => {
        if (!ended.signal.aborted) setProblem(sentenceOf(error));
      },
    );
    return () => ended.abort();
  }, [line]);
  const replay = async () => {
    setBusy(true);
    try {
      await request("POST", `${pathOf(tunnel, line.request_id)}/replay`);
      toast("Sent again; its answer is the next line of the log.");
      onClose();
    } catch (error) {
      setProblem(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <Drawer title={`${line.method} ${line.path}`} onClose={onClose} wide>
      <div class="dialog-body stack">
        <div class="actions">
          <Pill tone={statusTone(line.status)}>{line.status || "not answered"}</Pill>
          {mayWrite.value && (
            <button type="button" disabled={busy} onClick={replay}>
              <Icon name="refresh" size={15} /> Send again
            </button>
          )}
          <a class="button" href={`/explain?id=${encodeURIComponent(line.request_id)}`}>
            <Icon name="explain" size={15} /> Explain
          </a>
        </div>
        <Refusal text={problem} />
        <Facts
          facts={[
            ["When", <Time at={line.time} />],
            ["Took", `${line.duration_ms?.toFixed(1) ?? "–"} ms`],
            ["Host", line.host],
            ["Visitor", line.peer],
            ["Came in", bytes(line.bytes_received)],
            ["Went out", bytes(line.bytes_sent)],
          ]}
        />
        <CopyText text={line.request_id} label="Copy the id" />
        {!captured && !problem && <Skeleton lines={5} />}
        {captured && <MessageOf title="Request" message={captured.request} />}
        {captured && <MessageOf title="Answer" message={captured.response} />}
      </div>
    </Drawer>
  );
}

function MessageOf({ title, message }: { title: string; message: Message | undefined }) {
  if (!message) return null;
  return (
    <section class="message">
      <h3>{title}</h3>
      <dl class="head-fields">
        {(message.headers ?? []).map((one, i) => (
          <div key={i}>
            <dt>{one.name}</dt>
            <dd>{one.value}</dd>
          </div>
        ))}
      </dl>
      {message.body && (
        <pre class="code-block" tabIndex={0}>
          {message.base64 ? "(not text) " : ""}
          {message.body}
          {message.truncated ? "\n…" : ""}
        </pre>
      )}
    </section>
  );
}
