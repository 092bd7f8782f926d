// Light, dark, or as the system has it.
import { signal } from "@preact/signals";
import { themeChanged } from "../ui/graph_theme";
import { Icon } from "../ui/icon";

type Theme = "system" | "light" | "dark";
const order: Theme[] = ["system", "light", "dark"];
const names: Record<Theme, string> = { system: "as the system", light: "light", dark: "dark" };
const icons = { system: "screen", light: "sun", dark: "moon" } as const;

export const chosen = signal<Theme>(
  (document.documentElement.dataset.theme as Theme | undefined) ?? "system",
);

export function setTheme(theme: Theme): void {
  chosen.value = theme;
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("weir.theme", theme);
  } catch {
    // storage is off: until the next load
  }
  themeChanged();
}

export function ThemeSwitch() {
  const next = order[(order.indexOf(chosen.value) + 1) % order.length]!;
  const label = `Colours: ${names[chosen.value]}. Change to ${names[next]}`;
  return (
    <button
      type="button"
      class="quiet icon-only"
      onClick={() => setTheme(next)}
      aria-label={label}
      title={label}
    >
      <Icon name={icons[chosen.value]} />
    </button>
  );
}
