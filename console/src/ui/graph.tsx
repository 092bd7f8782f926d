// A graph over time: uPlot in the console's colours, with a legend that is text and a summary for screen
// readers.
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { themeVersion } from "./graph_theme";

export interface Line {
  name: string;
  values: (number | null)[];
  tone?: "good" | "warn" | "bad" | "accent"; // else one of the series' colours
}

interface GraphProps {
  title: string;
  unit: string;
  times: number[]; // seconds
  lines: Line[];
  height?: number;
}

const seriesColours = 6;
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// A custom property as the canvas wants it.
function colour(name: string): string {
  const probe = document.createElement("i");
  probe.className = `probe ${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const nameOf = (line: Line, index: number) => line.tone ?? `series-${index % seriesColours}`;

export function short(value: number | null | undefined, unit = ""): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text =
    size >= 1e9
      ? `${trim(value / 1e9)}G`
      : size >= 1e6
        ? `${trim(value / 1e6)}M`
        : size >= 1e3
          ? `${trim(value / 1e3)}k`
          : trim(value);
  return unit ? `${text} ${unit}` : text;
}
const trim = (value: number) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString();

const lastOf = (values: (number | null)[]) => values.findLast((value) => value !== null) ?? null;

// A line needs two: what is known between two gaps would not be seen.
function lonePoints(plot: uPlot, series: number): number[] {
  const values = plot.data[series]!;
  const isKnown = (i: number) => (values[i] ?? null) !== null;
  return [...values.keys()].filter((i) => isKnown(i) && !isKnown(i - 1) && !isKnown(i + 1));
}

export function Graph({ title, unit, times, lines, height = 160 }: GraphProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map((line) => `${line.name}/${line.tone ?? ""}`).join("|") + themeVersion.value;
  const data = useMemo(
    () => [times, ...lines.map((line) => line.values)] as uPlot.AlignedData,
    [times, lines],
  );
  useEffect(() => {
    const grid = { stroke: colour("grid"), width: 1 };
    const axis = {
      stroke: colour("faint"),
      grid,
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    const options: uPlot.Options = {
      width: host.current!.clientWidth || 300,
      height,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      padding: [8, 4, 0, 0],
      scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
      axes: [
        { ...axis, size: 26, values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)) },
        { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => short(tick)) },
      ],
      series: [
        {},
        ...lines.map((line, i) => ({
          label: line.name,
          stroke: colour(nameOf(line, i)),
          width: 1.5,
          fill: lines.length === 1 ? colour(`${nameOf(line, i)}-fill`) : undefined,
          points: { show: false, size: 4, filter: lonePoints },
          spanGaps: false,
        })),
      ],
    };
    const made = new uPlot(options, data, host.current!);
    plot.current = made;
    const observer = new ResizeObserver(([entry]) => {
      made.setSize({ width: Math.max(120, Math.floor(entry!.contentRect.width)), height });
    });
    observer.observe(host.current!);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, height]);
  useEffect(() => plot.current?.setData(data), [data]);
  const summary = lines.map((line) => `${line.name}: ${short(lastOf(line.values), unit)}`).join(", ");
  return (
    <figure class="graph">
      <figcaption>
        <b>{title}</b>
        <span class="graph-legend">
          {lines.map((line, i) => (
            <span key={line.name} class="graph-key">
              <i class={`swatch ${nameOf(line, i)}`} />
              {lines.length > 1 && line.name} <b class="number">{short(lastOf(line.values), unit)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={host} role="img" aria-label={`${title} over time; now ${summary || "nothing"}`} />
    </figure>
  );
}

// A graph the size of a word.
export function Spark({ values, label }: { values: (number | null)[]; label: string }) {
  const known = values.map((value) => value ?? 0);
  const max = Math.max(...known, 1e-9);
  const step = 100 / Math.max(1, known.length - 1);
  const points = known
    .map((value, i) => `${(i * step).toFixed(1)},${(23 - (value / max) * 21).toFixed(1)}`)
    .join(" ");
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points} />
    </svg>
  );
}
