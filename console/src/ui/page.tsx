// What every page has: its heading, what can be done, and its content; and what is shown while a kind's list is
// on its way or refused.
import type { ComponentChildren } from "preact";
import { sentenceOf } from "../api/client";
import type { AnyObject } from "../api/kinds";
import type { Collection } from "../api/store";
import { EmptyState } from "./empty";
import { Icon } from "./icon";
import { Skeleton } from "./skeleton";

export function PageHead({
  title,
  back,
  children,
  pill,
  lead,
}: {
  title: string;
  back?: { href: string; label: string };
  pill?: ComponentChildren;
  lead?: ComponentChildren; // one line below
  children?: ComponentChildren; // actions
}) {
  return (
    <header class="page-head">
      {back && (
        <a class="back" href={back.href}>
          <Icon name="left" size={14} />
          {back.label}
        </a>
      )}
      <div class="page-title">
        <h1 tabIndex={-1}>{title}</h1>
        {pill}
        {children && <div class="actions">{children}</div>}
      </div>
      {lead && <p class="lead">{lead}</p>}
    </header>
  );
}

export function Loaded({
  of,
  children,
  lines = 6,
}: {
  of: Collection<AnyObject>[] | Collection<never>[];
  children: () => ComponentChildren;
  lines?: number;
}) {
  for (const one of of as Collection<AnyObject>[]) {
    if (one.state.value === "refused") {
      return (
        <EmptyState icon="key" title="This is not for you to see">
          {sentenceOf(one.refusal.value)}
        </EmptyState>
      );
    }
    if (one.state.value === "waiting") return <Skeleton lines={lines} height={36} />;
  }
  return <>{children()}</>;
}

export function Card({
  title,
  children,
  actions,
  class: more = "",
}: {
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`card ${more}`}>
      {title && (
        <header class="card-head">
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

// Names and values.
export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
