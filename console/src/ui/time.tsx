// Times as people say them; one clock for all of them.
import { signal } from "@preact/signals";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5_000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

export function ago(at: number, from: number): string {
  const seconds = Math.round((at - from) / 1000);
  if (Math.abs(seconds) < 10) return "just now";
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

export function Time({ at }: { at: string | undefined }) {
  if (!at) return <span class="faint">never</span>;
  const moment = Date.parse(at);
  return (
    <time dateTime={at} title={full.format(moment)}>
      {ago(Math.min(moment, now.value), now.value)}
    </time>
  );
}
