import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon";

// Nothing is here yet: what it would be, and how to get it.
export function EmptyState({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={26} />
      </span>
      <h2>{title}</h2>
      {children && <div class="empty-text">{children}</div>}
      {action && <div class="actions">{action}</div>}
    </div>
  );
}
