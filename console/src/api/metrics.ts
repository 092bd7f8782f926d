// Figures over time: asked once, then followed. A controller without them says 404, and the page says so.
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "./client";
import { follow, readStream } from "./stream";

export interface Series {
  name: string;
  labels: Record<string, string>;
  unit: string;
  values: (number | null)[];
}
export interface Figures {
  step: number;
  from: number; // seconds
  series: Series[];
}
export type MetricsState = { state: "waiting" } | { state: "absent" } | { state: "here"; figures: Figures };

const pointsMax = 720;

const keyOf = (one: Series) => one.name + JSON.stringify(one.labels);

// New points behind those that are there; a gap is null.
export function extend(before: Figures, more: Figures): Figures {
  const length = Math.max(...before.series.map((one) => one.values.length), 0);
  const at = Math.round((more.from - before.from) / before.step);
  const added = Math.max(...more.series.map((one) => one.values.length), 0);
  const total = Math.max(length, at + added);
  const cut = Math.max(0, total - pointsMax);
  const all = new Map(before.series.map((one) => [keyOf(one), one]));
  for (const one of more.series) if (!all.has(keyOf(one))) all.set(keyOf(one), { ...one, values: [] });
  const news = new Map(more.series.map((one) => [keyOf(one), one.values]));
  const series = [...all].map(([key, one]) => {
    const values = Array.from({ length: total }, (_, i) => one.values[i] ?? null);
    for (const [i, value] of (news.get(key) ?? []).entries()) if (at + i >= 0) values[at + i] = value;
    return { ...one, values: values.slice(cut) };
  });
  return { step: before.step, from: before.from + cut * before.step, series };
}

export interface Wanted {
  of: string; // "services/web", or "*"
  series: string[];
  by?: "endpoint" | "edge";
  from?: string;
  step?: string;
}

export function useMetrics({ of, series, by, from = "-30m", step = "10s" }: Wanted): MetricsState {
  const [state, setState] = useState<MetricsState>({ state: "waiting" });
  const names = series.join(",");
  useEffect(() => {
    setState({ state: "waiting" });
    let figures: Figures | null = null;
    const query = { of, series: names, by, from, step };
    const run = async (signal: AbortSignal) => {
      figures = await request<Figures>("GET", "/v1/metrics", { query, signal });
      setState({ state: "here", figures });
      await readStream(
        "/v1/metrics",
        { query: { ...query, watch: true, from: undefined }, signal },
        (event) => {
          if (!event.data) return;
          figures = extend(figures!, JSON.parse(event.data) as Figures);
          setState({ state: "here", figures });
        },
      );
    };
    let end = () => {};
    end = follow(run, (error) => {
      if (!(error instanceof ApiError) || figures) return;
      setState({ state: "absent" });
      end();
    });
    return () => end();
  }, [of, names, by, from, step]);
  return state;
}

export const timesOf = ({ from, step, series }: Figures): number[] =>
  Array.from({ length: Math.max(0, ...series.map((one) => one.values.length)) }, (_, i) => from + i * step);
