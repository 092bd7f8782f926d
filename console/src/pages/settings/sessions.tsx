// Who is signed in: browsers and devices. Whoever may see a session may end it.
import { useEffect, useState } from "preact/hooks";
import { ApiError, request, remove as removeObject, sentenceOf } from "../../api/client";
import type { Schema } from "../../api/kinds";
import { session } from "../../api/session";
import { timeColumn, Two } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { Icon } from "../../ui/icon";
import { Pill } from "../../ui/pill";
import { Skeleton } from "../../ui/skeleton";
import { type Column, Table } from "../../ui/table";
import { toast } from "../../ui/toast";

type Session = Schema<"Session">;

const refreshMs = 10_000;

// "Firefox on Linux", as far as it can be told.
export function browserOf(agent: string | undefined): string {
  if (!agent) return "unknown";
  const browser = agent.match(/(Firefox|Edg|OPR|Chrome|Safari|curl|weir)[/ ]/)?.[1];
  const system = agent.match(/(Android|iPhone|iPad|Windows|Mac OS X|Linux)/)?.[1];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  const name = browser && (names[browser] ?? browser);
  return name ? `${name}${system ? ` on ${names[system] ?? system}` : ""}` : agent.slice(0, 40);
}

const methods: Record<string, string> = {
  password: "by password",
  openid: "by OpenID Connect",
  device: "a device",
  token: "by a token",
};

export function Sessions() {
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const [problem, setProblem] = useState("");
  const load = async (signal?: AbortSignal) => {
    try {
      const page = await request<{ items: Session[] }>("GET", "/v1/sessions", { signal });
      setSessions(page.items);
    } catch (error) {
      if (!signal?.aborted && error instanceof ApiError)
        setProblem(error.status === 404 ? "absent" : sentenceOf(error));
    }
  };
  useEffect(() => {
    const ended = new AbortController();
    void load(ended.signal);
    const timer = setInterval(() => document.hidden || void load(ended.signal), refreshMs);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, []);
  const mine = (session.value as { session?: string } | null)?.session;
  const onEnd = async (one: Session) => {
    const own = one.metadata.name === mine;
    const done = await confirm({
      title: own ? "End the session of this browser?" : "End this session?",
      body: (
        <p>
          {own
            ? "You are signed out here."
            : `${browserOf(one.spec?.user_agent)} from ${one.spec?.remote_address} is signed out at once.`}
        </p>
      ),
      confirm: "End it",
      dangerous: true,
      act: () => removeObject("sessions" as "tokens", one.metadata.name),
    });
    if (!done) return;
    toast("The session has ended.");
    await load();
  };
  if (problem === "absent" || (sessions && sessions.length === 0)) {
    return (
      <EmptyState icon="user" title="Nobody is signed in by a session">
        <p>
          You are here by a token, which is sent with each request. Browsers and devices of people who sign in
          show here, and can be ended.
        </p>
      </EmptyState>
    );
  }
  if (problem)
    return (
      <EmptyState icon="key" title="This is not for you to see">
        {problem}
      </EmptyState>
    );
  if (!sessions) return <Skeleton lines={4} height={44} />;
  const columns: Column<Session>[] = [
    {
      key: "who",
      title: "Who",
      width: "minmax(0, 1fr)",
      sort: (one) => one.spec?.user ?? "",
      cell: (one) => (
        <Two note={methods[one.spec?.method ?? "password"]}>{one.spec?.user || one.spec?.token}</Two>
      ),
    },
    {
      key: "where",
      title: "Where",
      width: "minmax(0, 1.5fr)",
      cell: (one) => (
        <span class="two">
          <span>{one.spec?.device || browserOf(one.spec?.user_agent)}</span>
          <small>{one.spec?.remote_address}</small>
        </span>
      ),
    },
    {
      key: "here",
      title: "",
      width: "130px",
      from: "tablet",
      cell: (one) => one.metadata.name === mine && <Pill tone="good">this browser</Pill>,
    },
    timeColumn("Seen", "110px", "tablet", (one) => one.status?.last_seen_at),
    timeColumn("Began", "110px", "desktop", (one) => one.metadata.created_at),
    {
      key: "end",
      title: "",
      width: "96px",
      align: "end",
      cell: (one) => (
        <button type="button" class="quiet" onClick={() => void onEnd(one)}>
          <Icon name="out" size={14} /> End
        </button>
      ),
    },
  ];
  return (
    <Table
      label="Sessions"
      columns={columns}
      rows={sessions}
      keyOf={(one) => one.metadata.name}
      sortBy="seen"
      rowHeight={54}
    />
  );
}
