// The keyboard: "/" searches, "g" and a letter goes to a page, Ctrl-K opens the palette, "?" lists all that.
import { signal } from "@preact/signals";
import { navigate } from "./router";
import { routes } from "./routes";

export const overlay = signal<"" | "palette" | "keys" | "menu">("");

const chordMs = 1_200;
let chordAt = 0;

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function onKey(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    overlay.value = overlay.value === "palette" ? "" : "palette";
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (Date.now() - chordAt < chordMs) {
    chordAt = 0;
    const to = routes.find((one) => one.nav?.key === event.key);
    if (to) {
      event.preventDefault();
      navigate(to.path);
    }
    return;
  }
  if (event.key === "g") chordAt = Date.now();
  else if (event.key === "?") overlay.value = "keys";
  else if (event.key === "/") {
    event.preventDefault();
    const search = document.querySelector<HTMLInputElement>("main input[type=search]");
    if (search) search.focus();
    else overlay.value = "palette";
  }
}
