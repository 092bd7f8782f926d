// The health of a service as each edge sees it: they may well not agree, and the quorum decides.
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "../../api/client";
import { Card } from "../../ui/page";
import { Pill, type Tone } from "../../ui/pill";
import { type Column, Table } from "../../ui/table";

interface Point {
  edge: string;
  attached: boolean;
  healthy: number;
  unhealthy: number;
  unknown: number;
  out: string[];
}
interface Answer {
  vantage_points: Point[];
  more: number;
}

const everyMs = 5_000;

// Null while it is on its way, and where nobody can tell.
function useVantage(service: string): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      try {
        const path = `/v1/services/${encodeURIComponent(service)}/health`;
        if (!document.hidden) setAnswer(await request<Answer>("GET", path, { signal: ended.signal }));
      } catch (error) {
        if (ended.signal.aborted || error instanceof ApiError) return;
      }
      timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [service]);
  return answer;
}

function stateOf({ attached, healthy, unhealthy }: Point): [Tone, string] {
  if (!attached) return ["idle", "does not report"];
  if (unhealthy > 0)
    return [healthy > 0 ? "warn" : "bad", `${unhealthy} of ${healthy + unhealthy} unhealthy`];
  return healthy > 0
    ? ["good", healthy === 1 ? "1 healthy" : `all ${healthy} healthy`]
    : ["idle", "not checked yet"];
}

const columns: Column<Point>[] = [
  {
    key: "edge",
    title: "Edge",
    sort: (one) => one.edge,
    cell: (one) => <a href={`/edges/${one.edge}`}>{one.edge}</a>,
  },
  {
    key: "state",
    title: "Finds",
    width: "180px",
    sort: (one) => one.unhealthy,
    cell: (one) => <Pill tone={stateOf(one)[0]}>{stateOf(one)[1]}</Pill>,
  },
  {
    key: "out",
    title: "Unhealthy for it",
    width: "minmax(0, 2fr)",
    from: "tablet",
    cell: (one) => <code title={one.out.join(", ")}>{one.out.join(", ")}</code>,
  },
];

const boxedFrom = 8; // edges; beyond, the list scrolls by itself

export function Vantage({ service }: { service: string }) {
  const answer = useVantage(service);
  if (!answer || answer.vantage_points.length === 0) return null;
  const points = answer.vantage_points;
  return (
    <Card
      title="As each edge sees it"
      class="flush"
      actions={answer.more > 0 && <span class="faint">and {answer.more} more edges</span>}
    >
      <Table
        label="Health by edge"
        columns={columns}
        rows={points}
        keyOf={(one) => one.edge}
        sortBy="edge"
        rowHeight={44}
        height={points.length > boxedFrom ? 360 : undefined}
      />
    </Card>
  );
}
