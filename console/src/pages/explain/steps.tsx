import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../../ui/icon";
import type { Tone } from "../../ui/pill";

// One step of a decision: what was looked at, what came of it, and the particulars below.
export function Step({
  tone,
  icon,
  title,
  outcome,
  children,
}: {
  tone: Tone;
  icon: IconName;
  title: ComponentChildren;
  outcome?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <li class={`path-step ${tone}`}>
      <span class="path-mark">
        <Icon name={icon} size={14} />
      </span>
      <div class="path-body">
        <b>{title}</b>
        {outcome && <span class="muted">{outcome}</span>}
        {children && <div class="path-more">{children}</div>}
      </div>
    </li>
  );
}
