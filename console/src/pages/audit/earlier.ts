// What happened before that which the store has. The API lists events the oldest first, so that a list down to
// some of them would be all; a watch begins at any revision that is remembered, and is ended where the rest is
// known. Only what is older than that comes as a list.
import { useState } from "preact/hooks";
import { ApiError, request, sentenceOf } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import type { Collection } from "../../api/store";
import { readStream } from "../../api/stream";

type Event = Kinds["events"];

const revisionsAtOnce = 1_000;
const pageSize = 500;
const keptMax = 50_000;

export interface Earlier {
  events: readonly Event[];
  state: "" | "loading" | "done";
  problem: string;
  more: () => void;
}

export function useEarlier(kind: Collection<Event>): Earlier {
  const [earlier, setEarlier] = useState({ events: [] as readonly Event[], since: 0 });
  const [state, setState] = useState<Earlier["state"]>("");
  const [problem, setProblem] = useState("");
  const load = async () => {
    setState("loading");
    setProblem("");
    const until = earlier.since || kind.since;
    const from = Math.max(1, until - revisionsAtOnce);
    try {
      const found = until > 1 ? await between(from, until) : [];
      const events = found ? [...found, ...earlier.events] : await all();
      setEarlier({ events, since: from });
      setState(found && from > 1 ? "" : "done");
    } catch (error) {
      setProblem(sentenceOf(error));
      setState("");
    }
  };
  return { events: earlier.events, state, problem, more: () => void load() };
}

// null: no revision so old is remembered.
async function between(from: number, until: number): Promise<Event[] | null> {
  const found: Event[] = [];
  const ended = new AbortController();
  let gone = false;
  try {
    await readStream(
      "/v1/watch",
      { query: { kind: ["events"], from }, signal: ended.signal },
      ({ id, name, data }) => {
        gone ||= name === "gone";
        if (name === "added") found.push(JSON.parse(data) as Event);
        if (gone || Number(id) >= until) ended.abort();
      },
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 410) return null;
    throw error;
  }
  return gone ? null : found;
}

async function all(): Promise<Event[]> {
  const events: Event[] = [];
  let next: string | undefined;
  do {
    const query = { limit: pageSize, continue: next };
    const page: { items: Event[]; continue?: string } = await request("GET", "/v1/events", { query });
    events.push(...page.items);
    next = page.continue;
  } while (next && events.length < keptMax);
  return events;
}
