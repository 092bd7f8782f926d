// Lines as they come, the newest at the bottom: only those that can be seen are drawn. It follows as long as
// its end is in view.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface LogLine {
  key: number;
  time: string;
  from: string; // which instance
  text: string;
  tone?: "bad" | "faint";
}

const lineHeight = 20;
const overscan = 12;

export function LogView({
  lines,
  label,
  height = 420,
}: {
  lines: readonly LogLine[];
  label: string;
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [top, setTop] = useState(0);
  const seen = Math.ceil(height / lineHeight) + 2 * overscan;
  const first = Math.max(0, Math.min(Math.floor(top / lineHeight) - overscan, lines.length - seen));
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  useEffect(() => setTop(box.current?.scrollTop ?? 0), [lines]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    atEnd.current = scrollTop + clientHeight > scrollHeight - 2 * lineHeight;
    setTop(scrollTop);
  };
  return (
    <div
      ref={box}
      class="log"
      role="log"
      aria-label={label}
      aria-live="off"
      tabIndex={0}
      onScroll={onScroll}
      style={{ height: `${height}px` }}
    >
      <div style={{ height: `${lines.length * lineHeight}px` }}>
        <div style={{ transform: `translateY(${first * lineHeight}px)` }}>
          {lines.slice(first, first + seen).map((line) => (
            <div key={line.key} class={`log-line ${line.tone ?? ""}`}>
              <time>{line.time.slice(11, 19)}</time> {line.from && <b>{line.from}</b>} {line.text}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
