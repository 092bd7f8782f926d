// A text area for YAML with colours, line numbers and the place of what is wrong. Tab leaves it: two blanks
// come by themselves after a line that opens something.
import { useMemo, useRef } from "preact/hooks";
import type { Parsed } from "./yaml";

const token =
  /(#.*$)|^(\s*(?:- )*)([\w./"'-]+)(:)(?=\s|$)|("(?:[^"\\]|\\.)*"|'[^']*')|\b(true|false|null|-?\d+(?:\.\d+)?)\b|([[\]{},]|^\s*-(?=\s))/gm;

function coloured(text: string) {
  const parts = [];
  let last = 0;
  const put = (kind: string, piece: string) => parts.push(<span class={kind}>{piece}</span>);
  for (const match of text.matchAll(token)) {
    parts.push(text.slice(last, match.index));
    const [all, comment, indent, key, colon, quoted, plain, mark] = match;
    if (comment) put("y-comment", comment);
    else if (key) {
      parts.push(indent);
      put("y-key", key);
      put("y-mark", colon!);
    } else if (quoted) put("y-text", quoted);
    else if (plain) put("y-value", plain);
    else if (mark) put("y-mark", mark);
    else parts.push(all);
    last = match.index + all.length;
  }
  parts.push(text.slice(last), "\n");
  return parts;
}

function onEnter(event: KeyboardEvent): void {
  if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
  const area = event.currentTarget as HTMLTextAreaElement;
  const line = area.value.slice(0, area.selectionStart).split("\n").pop()!;
  const indent = line.match(/^\s*/)![0] + (/[:]\s*$/.test(line) ? "  " : "");
  event.preventDefault();
  document.execCommand("insertText", false, `\n${indent}`); // so that undo knows it
}

export function YamlEditor({
  text,
  error,
  onInput,
  label = "YAML",
  readOnly,
}: {
  text: string;
  error?: Parsed["error"];
  onInput?: (text: string) => void;
  label?: string;
  readOnly?: boolean;
}) {
  const colours = useRef<HTMLPreElement>(null);
  const numbers = useRef<HTMLPreElement>(null);
  const highlighted = useMemo(() => coloured(text), [text]);
  const lines = text.split("\n").length;
  const onScroll = (event: Event) => {
    const { scrollTop, scrollLeft } = event.currentTarget as HTMLElement;
    colours.current!.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
    numbers.current!.style.transform = `translateY(${-scrollTop}px)`;
  };
  return (
    <div class="yaml">
      <div class="yaml-box">
        <div class="yaml-numbers" aria-hidden="true">
          <pre ref={numbers}>
            {Array.from({ length: lines }, (_, i) => (
              <span class={error?.line === i + 1 ? "wrong" : ""}>
                {i + 1}
                {"\n"}
              </span>
            ))}
          </pre>
        </div>
        <div class="yaml-text">
          <pre ref={colours} aria-hidden="true">
            {highlighted}
          </pre>
          <textarea
            aria-label={label}
            aria-invalid={error ? true : undefined}
            value={text}
            spellcheck={false}
            autocapitalize="off"
            autocomplete="off"
            wrap="off"
            readOnly={readOnly}
            onScroll={onScroll}
            onKeyDown={readOnly ? undefined : onEnter}
            onInput={(event) => onInput?.(event.currentTarget.value)}
          />
        </div>
      </div>
      {error && (
        <p class="wrong-text" role="alert">
          Line {error.line}: {error.message}
        </p>
      )}
    </div>
  );
}
