// What the containers of a workload write, of all its instances or of one, as it is written.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentenceOf } from "../../api/client";
import { readLines } from "../../api/lines";
import { follow } from "../../api/stream";
import { Refusal } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { type LogLine, LogView } from "../../ui/log_view";
import { Card } from "../../ui/page";
import { CopyText } from "../../ui/copy";

const keptMax = 10_000;
const tail = 200;
const repeatsMax = 256; // after the stream broke, lines of the last second may come twice

interface Told {
  instance?: string;
  container?: string;
  stream?: string;
  text?: string;
  time?: string;
  notice?: string; // about an instance whose lines can't be had
}

function useLogs(workload: string, instance: string, on: boolean): [LogLine[], string, () => void] {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [problem, setProblem] = useState("");
  const count = useRef(0);
  useEffect(() => {
    setLines([]);
    setProblem("");
  }, [workload, instance]);
  useEffect(() => {
    if (!on) return;
    let fresh: LogLine[] = [];
    let queued = 0;
    let since = "";
    const recent = new Set<string>();
    const flush = () => {
      queued = 0;
      const news = fresh;
      fresh = [];
      setLines((before) => [...before, ...news].slice(-keptMax));
    };
    const take = (told: Told) => {
      const mark = JSON.stringify(told);
      if (told.time && recent.has(mark)) return;
      recent.add(mark);
      if (recent.size > repeatsMax) recent.delete(recent.values().next().value!);
      if (told.time) since = told.time;
      const tone = told.notice ? "faint" : told.stream === "stderr" ? "bad" : undefined;
      fresh.push({
        key: ++count.current,
        time: told.time ?? "",
        from: told.instance ?? "",
        text: told.notice ?? told.text ?? "",
        tone,
      });
      queued ||= requestAnimationFrame(flush);
    };
    const end = follow(
      async (signal) => {
        const query = {
          follow: true,
          timestamps: true,
          instance: instance || undefined,
          tail: since ? undefined : tail,
          since: since || undefined,
        };
        setProblem("");
        await readLines<Told>(`/v1/workloads/${workload}/logs`, { query, signal }, take);
      },
      (error) => {
        if (error instanceof ApiError) setProblem(sentenceOf(error));
      },
    );
    return () => {
      end();
      cancelAnimationFrame(queued);
      flush();
    };
  }, [workload, instance, on]);
  return [lines, problem, () => setLines([])];
}

export function Logs({ workload, instances }: { workload: string; instances: string[] }) {
  const [on, setOn] = useState(false);
  const [instance, setInstance] = useState("");
  const [words, setWords] = useState("");
  const [lines, problem, clear] = useLogs(workload, instance, on);
  const wanted = words.toLowerCase();
  const shown = wanted
    ? lines.filter((one) => `${one.from} ${one.text}`.toLowerCase().includes(wanted))
    : lines;
  const begun = on || lines.length > 0;
  return (
    <Card
      title="Logs"
      actions={
        <button
          type="button"
          class={begun ? "" : "primary"}
          aria-pressed={begun ? on : undefined}
          onClick={() => setOn(!on)}
        >
          <Icon name={on ? "pause" : "play"} size={14} />{" "}
          {on ? "Following" : begun ? "Follow again" : "Follow"}
        </button>
      }
    >
      {!begun && (
        <div class="commands">
          <p class="lead">
            The last {tail} lines of each instance, and then all that is written. In a terminal:
          </p>
          <CopyText text={`weir logs ${workload} -f --since 10m`} />
        </div>
      )}
      {begun && (
        <div class="toolbar">
          <select
            aria-label="Instance"
            value={instance}
            onChange={(event) => setInstance(event.currentTarget.value)}
          >
            <option value="">all instances</option>
            {instances.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
          <input
            type="search"
            aria-label="Lines with"
            placeholder="Lines with"
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
          <button type="button" class="quiet" onClick={clear}>
            Clear
          </button>
          <span class="count number">{shown.length} lines</span>
        </div>
      )}
      <Refusal text={problem} />
      {begun && <LogView lines={shown} label={`Logs of ${instance || workload}`} />}
      {begun && !problem && lines.length === 0 && (
        <p class="lead" role="status">
          Nothing has been written yet.
        </p>
      )}
    </Card>
  );
}
