// The graphs of whatever has traffic: rate, errors, latency; whole, or by endpoint or edge.
import { useMemo, useState } from "preact/hooks";
import { type Figures, timesOf, useMetrics } from "../api/metrics";
import { Graph, type Line } from "./graph";
import { Card } from "./page";
import { Skeleton } from "./skeleton";

type By = "" | "endpoint" | "edge";
const linesMax = 6;

function linesOf(figures: Figures, name: string, tone?: Line["tone"]): Line[] {
  const found = figures.series.filter((one) => one.name === name);
  return found.slice(0, linesMax).map((one) => ({
    name: Object.values(one.labels).filter(Boolean).join(" ") || name,
    values: one.values,
    tone: found.length === 1 ? tone : undefined,
  }));
}

export function Traffic({ of, split = ["endpoint", "edge"] }: { of: string; split?: By[] }) {
  const [by, setBy] = useState<By>("");
  const series = by ? ["requests", "errors", "p99"] : ["requests", "errors", "p50", "p90", "p99"];
  const metrics = useMetrics({ of, series, by: by || undefined });
  const graphs = useMemo(() => {
    if (metrics.state !== "here") return [];
    const { figures } = metrics;
    const latency: Line[] = by
      ? linesOf(figures, "p99")
      : ["p50", "p90", "p99"].flatMap((name) =>
          linesOf(figures, name).map((line) => ({ ...line, name, tone: undefined })),
        );
    return [
      { title: "Requests", unit: "/s", lines: linesOf(figures, "requests", "accent") },
      { title: "Errors", unit: "/s", lines: linesOf(figures, "errors", "bad") },
      { title: by ? "Latency, p99" : "Latency", unit: "ms", lines: latency },
    ];
  }, [metrics, by]);
  const choose = (
    <div class="segments" role="group" aria-label="Split by">
      {(["", ...split] as By[]).map((one) => (
        <button type="button" key={one} aria-pressed={by === one} onClick={() => setBy(one)}>
          {one === "" ? "Whole" : `By ${one}`}
        </button>
      ))}
    </div>
  );
  return (
    <Card title="Traffic" actions={metrics.state === "here" && choose}>
      {metrics.state === "waiting" && <Skeleton lines={3} height={40} />}
      {metrics.state === "absent" && (
        <p class="lead">
          This controller keeps no figures of its own yet. Its /metrics has them for Prometheus.
        </p>
      )}
      {metrics.state === "here" && (
        <div class="grid graphs">
          {graphs.map((one) => (
            <Graph key={one.title} {...one} times={timesOf(metrics.figures)} />
          ))}
        </div>
      )}
    </Card>
  );
}
