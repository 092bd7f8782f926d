import { useState } from "preact/hooks";
import { Icon } from "./icon";

// A command or an address that is there to be copied.
export function CopyText({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // no permission: the text can be selected
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="copy-text">
      <code tabIndex={0}>{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`${label}: ${text}`}>
        <Icon name={copied ? "check" : "copy"} size={15} /> {copied ? "Copied" : label}
      </button>
    </div>
  );
}
