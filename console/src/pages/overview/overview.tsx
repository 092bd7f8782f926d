// How it all is: where it runs, what it carries, what needs somebody, and what changed lately.
import { useMemo } from "preact/hooks";
import type { Kinds } from "../../api/kinds";
import { type MetricsState, timesOf, useMetrics } from "../../api/metrics";
import { useKind } from "../../api/store";
import { Graph, short, Spark } from "../../ui/graph";
import { balancerState, serviceState, type State, StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { Card, Loaded, PageHead } from "../../ui/page";
import { Pill } from "../../ui/pill";
import { Skeleton } from "../../ui/skeleton";
import { GetStarted } from "../start/start";
import { Changes } from "./changes";
import { WorldMap } from "./map";
import { sitesOf } from "./sites";

export default function Overview() {
  const balancers = useKind("loadbalancers");
  const first = balancers.state.value === "ready" && balancers.size === 0;
  return (
    <Loaded of={[balancers]} lines={4}>
      {() => (first ? <Welcome /> : <Dashboard balancers={balancers.list.value} />)}
    </Loaded>
  );
}

function Welcome() {
  return (
    <>
      <PageHead
        title="Welcome to weir"
        lead="Nothing is published yet. In a minute, something of yours has a public URL."
      />
      <GetStarted />
    </>
  );
}

interface Problem {
  title: string;
  href: string;
  state: State;
}

function problemsOf(
  balancers: readonly Kinds["loadbalancers"][],
  services: readonly Kinds["services"][],
  edges: readonly Kinds["edges"][],
): Problem[] {
  const found: Problem[] = [];
  for (const one of balancers) {
    const state = balancerState(one);
    if (state.tone === "bad" || state.tone === "warn") {
      found.push({
        title: `Load balancer ${one.metadata.name}`,
        href: `/loadbalancers/${one.metadata.name}`,
        state,
      });
    }
  }
  for (const one of services) {
    const state = serviceState(one);
    const why = state.why ?? one.status?.endpoints?.find((endpoint) => endpoint.reason)?.reason;
    if (state.tone === "bad" || state.tone === "warn") {
      found.push({
        title: `Service ${one.metadata.name}`,
        href: `/services/${one.metadata.name}`,
        state: { ...state, why },
      });
    }
  }
  for (const one of edges) {
    if (one.status?.attached || one.spec?.revoked) continue;
    const state: State = { tone: "bad", text: "does not report", why: "it serves what it had last" };
    found.push({ title: `Edge ${one.metadata.name}`, href: `/edges/${one.metadata.name}`, state });
  }
  return found.sort((a, b) => (a.state.tone === b.state.tone ? 0 : a.state.tone === "bad" ? -1 : 1));
}

const problemsMax = 6;

function Dashboard({ balancers }: { balancers: readonly Kinds["loadbalancers"][] }) {
  const [services, edges, nodes, tunnels] = [
    useKind("services"),
    useKind("edges"),
    useKind("nodes"),
    useKind("tunnels"),
  ];
  const total = useMetrics({ of: "*", series: ["requests", "errors", "p99"] });
  const byEdge = useMetrics({ of: "*", series: ["requests"], by: "edge", from: "-5m" });
  const rates = useMemo(() => ratesOf(byEdge), [byEdge]);
  const { sites, lost } = useMemo(
    () =>
      sitesOf({
        edges: edges.list.value,
        nodes: nodes.list.value,
        services: services.list.value,
        tunnels: tunnels.list.value,
        rates,
      }),
    [edges.list.value, nodes.list.value, services.list.value, tunnels.list.value, rates],
  );
  const problems = problemsOf(balancers, services.list.value, edges.list.value);
  const ready = services.state.value !== "waiting" && edges.state.value !== "waiting";
  const attached = edges.list.value.filter((one) => one.status?.attached).length;
  const serving = services.list.value.reduce((sum, one) => sum + (one.status?.serving ?? 0), 0);
  const endpoints = services.list.value.reduce((sum, one) => sum + (one.status?.total ?? 0), 0);
  return (
    <>
      <PageHead
        title="Overview"
        pill={
          ready &&
          (problems.length === 0 ? (
            <Pill tone="good">all is well</Pill>
          ) : (
            <Pill tone={problems[0]!.state.tone}>
              {problems.length === 1 ? "1 thing needs a look" : `${problems.length} things need a look`}
            </Pill>
          ))
        }
      >
        <a class="button" href="/start">
          <Icon name="plus" size={15} /> Public URL
        </a>
      </PageHead>
      <div class="stack">
        <div class="key-figures">
          <Traffic metrics={total} />
          <KeyFigure title="Edges" value={ready ? `${attached}` : "…"} of={edges.size} href="/edges" />
          <KeyFigure
            title="Endpoints serving"
            value={ready ? short(serving) : "…"}
            of={endpoints}
            href="/services"
          />
          <KeyFigure title="Load balancers" value={String(balancers.length)} href="/loadbalancers" />
          <KeyFigure
            title="Tunnels"
            value={tunnels.state.value === "waiting" ? "…" : String(tunnels.size)}
            href="/tunnels"
          />
        </div>
        <div class="grid two-one overview">
          <Card class="map-card">
            {ready ? <WorldMap sites={sites} /> : <Skeleton lines={1} height={320} />}
            {lost.length > 0 && (
              <p class="help">
                Not on the map:{" "}
                {lost
                  .slice(0, 5)
                  .map((one) => one.name)
                  .join(", ")}
                {lost.length > 5 && ` and ${lost.length - 5} more`}. Start them with --city or --region to see
                them there.
              </p>
            )}
          </Card>
          <Card title="Needs a look">
            {!ready && <Skeleton lines={3} />}
            {ready && problems.length === 0 && (
              <p class="all-well">
                <Icon name="check" size={18} /> Every edge reports, and every service serves.
              </p>
            )}
            <ul class="lines">
              {problems.slice(0, problemsMax).map((one) => (
                <li key={one.href} class="problem-line">
                  <a href={one.href}>{one.title}</a>
                  <StatePill state={one.state} />
                  {one.state.why && <small class="muted">{one.state.why}</small>}
                </li>
              ))}
            </ul>
            {problems.length > problemsMax && <p class="faint">and {problems.length - problemsMax} more</p>}
          </Card>
        </div>
        {total.state === "here" && (
          <Card>
            <div class="grid graphs">
              <Graph
                title="Requests"
                unit="/s"
                times={timesOf(total.figures)}
                lines={lineOf(total, "requests", "accent")}
                height={130}
              />
              <Graph
                title="Errors"
                unit="/s"
                times={timesOf(total.figures)}
                lines={lineOf(total, "errors", "bad")}
                height={130}
              />
              <Graph
                title="Latency, p99"
                unit="ms"
                times={timesOf(total.figures)}
                lines={lineOf(total, "p99", "accent")}
                height={130}
              />
            </div>
          </Card>
        )}
        <Changes />
      </div>
    </>
  );
}

function ratesOf(metrics: MetricsState): Map<string, number> {
  if (metrics.state !== "here") return new Map();
  return new Map(
    metrics.figures.series.map((one) => [
      one.labels.edge ?? "",
      one.values.findLast((value) => value !== null) ?? 0,
    ]),
  );
}

function lineOf(metrics: MetricsState & { state: "here" }, name: string, tone: "accent" | "bad") {
  return metrics.figures.series
    .filter((one) => one.name === name)
    .slice(0, 1)
    .map((one) => ({ name, values: one.values, tone }));
}

const sparkPoints = 60;

function Traffic({ metrics }: { metrics: MetricsState }) {
  if (metrics.state !== "here") return null;
  const values = metrics.figures.series.find((one) => one.name === "requests")?.values ?? [];
  const now = values.findLast((value) => value !== null) ?? null;
  return (
    <div class="key-figure">
      <span>Requests</span>
      <b class="number">
        {short(now)}
        <small>/s</small>
      </b>
      <Spark values={values.slice(-sparkPoints)} label="Requests a second, the last ten minutes" />
    </div>
  );
}

function KeyFigure({ title, value, of, href }: { title: string; value: string; of?: number; href: string }) {
  return (
    <a class="key-figure" href={href}>
      <span>{title}</span>
      <b class="number">
        {value}
        {of !== undefined && <small> of {short(of)}</small>}
      </b>
    </a>
  );
}
