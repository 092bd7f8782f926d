import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

export type Tone = "good" | "warn" | "bad" | "idle" | "info";
const icons: Record<Tone, IconName> = { good: "check", warn: "warn", bad: "bad", idle: "dash", info: "info" };

// A state: its colour never says it alone.
export function Pill({
  tone,
  icon,
  children,
  title,
}: {
  tone: Tone;
  icon?: IconName;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`pill ${tone}`} title={title}>
      <Icon name={icon ?? icons[tone]} size={13} />
      {children}
    </span>
  );
}
