// Server-sent events (WHATWG HTML, section 9.2) by fetch, which can carry a token where EventSource can't.
import { type Asked, AwayError, send } from "./client";
import { heardNothing } from "./presence";

export interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

const silenceMs = 40_000; // the controller says something every 15 s
const retryMs = [500, 1000, 2000, 4000, 8000];

// Calls back for each event until the stream ends or the signal is aborted. Throws as send() does, or
// AwayError when it broke.
export const readStream = (
  path: string,
  asked: Asked & { signal: AbortSignal },
  onEvent: (event: StreamEvent) => void,
): Promise<void> =>
  readText(path, { ...asked, accept: "text/event-stream" }, silenceMs, eventParser(onEvent));

// The same with text as it comes, in pieces; who says nothing for so long has gone.
export async function readText(
  path: string,
  asked: Asked & { signal: AbortSignal },
  silentMs: number,
  onText: (piece: string) => void,
): Promise<void> {
  const broken = new AbortController();
  const stop = () => broken.abort();
  asked.signal.addEventListener("abort", stop);
  let silence = setTimeout(stop, silentMs);
  try {
    const response = await send("GET", path, { ...asked, signal: broken.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(stop, silentMs);
      onText(value);
    }
  } catch (error) {
    if (asked.signal.aborted) return;
    if (error instanceof TypeError || broken.signal.aborted) {
      heardNothing();
      throw new AwayError();
    }
    throw error;
  } finally {
    clearTimeout(silence);
    asked.signal.removeEventListener("abort", stop);
  }
}

// Takes text in pieces; an id without an event is passed on as one without a name.
export function eventParser(onEvent: (event: StreamEvent) => void): (text: string) => void {
  let rest = "";
  let event: StreamEvent = { id: "", name: "", data: "" };
  const line = (text: string) => {
    if (text === "") {
      if (event.id || event.name || event.data) onEvent(event);
      event = { id: "", name: "", data: "" };
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "id") event.id = value;
    else if (field === "event") event.name = value;
    else if (field === "data") event.data += (event.data ? "\n" : "") + value;
  };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n/);
    rest = lines.pop()!;
    for (const one of lines) line(one);
  };
}

export function delayBefore(attempt: number): number {
  const base = retryMs[Math.min(attempt, retryMs.length - 1)]!;
  return base * (0.75 + Math.random() / 2); // not all consoles at once
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}

// A stream that is begun again whenever it ends, as long as a component wants it; while the tab is hidden it
// rests, because a browser has six connections for all tabs of a controller.
export function follow(
  run: (signal: AbortSignal) => Promise<void>,
  onRefused: (error: unknown) => void = () => undefined,
): () => void {
  const ended = new AbortController();
  let current: AbortController | null = null;
  const loop = async () => {
    const mine = new AbortController();
    current = mine;
    for (let attempt = 0; !mine.signal.aborted;) {
      const began = Date.now();
      try {
        await run(mine.signal);
      } catch (error) {
        if (!(error instanceof AwayError)) {
          onRefused(error);
          if (mine.signal.aborted) return;
        }
      }
      attempt = Date.now() - began > 10_000 ? 0 : attempt + 1;
      if (!mine.signal.aborted) await pause(delayBefore(attempt), mine.signal);
    }
  };
  const onVisibility = () => {
    current?.abort();
    if (!document.hidden) void loop();
  };
  document.addEventListener("visibilitychange", onVisibility);
  ended.signal.addEventListener("abort", () => {
    document.removeEventListener("visibilitychange", onVisibility);
    current?.abort();
  });
  if (!document.hidden) void loop();
  return () => ended.abort();
}
