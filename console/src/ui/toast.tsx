// Short news in the corner, read out by screen readers; errors stay until they are closed.
import { signal } from "@preact/signals";
import { sentenceOf } from "../api/client";
import { Icon } from "./icon";

interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
}
const shownMs = 5_000;
const toastsMax = 4;
const toasts = signal<Toast[]>([]);
let last = 0;

const close = (id: number) => (toasts.value = toasts.value.filter((one) => one.id !== id));

export function toast(text: string, tone: Toast["tone"] = "good"): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, tone }].slice(-toastsMax);
  if (tone === "good") setTimeout(() => close(id), shownMs);
}

export const toastError = (error: unknown): void => toast(sentenceOf(error), "bad");

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast ${one.tone}`}>
          <Icon name={one.tone === "good" ? "check" : "bad"} />
          <span>{one.text}</span>
          <button class="quiet icon-only" onClick={() => close(one.id)} aria-label="Dismiss">
            <Icon name="cross" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
