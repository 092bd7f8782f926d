// Streams of JSON, one value a line (NDJSON): logs. A blank line says that the stream lives.
import type { Asked } from "./client";
import { readText } from "./stream";

const silenceMs = 60_000;

// Calls back for each line until the stream ends or the signal is aborted. Throws as readText() does.
export function readLines<T>(
  path: string,
  asked: Asked & { signal: AbortSignal },
  onLine: (line: T) => void,
): Promise<void> {
  let rest = "";
  return readText(
    path,
    { ...asked, accept: "application/x-ndjson, application/json" },
    silenceMs,
    (piece) => {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.trim()) onLine(JSON.parse(line) as T);
    },
  );
}
