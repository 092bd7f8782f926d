// What changed lately, from the audit.
import type { Kinds } from "../../api/kinds";
import { pluralOf } from "../../api/kinds";
import { useKind } from "../../api/store";
import { Icon, type IconName } from "../../ui/icon";
import { Card } from "../../ui/page";
import { Skeleton } from "../../ui/skeleton";
import { Time } from "../../ui/time";
import { pageOf } from "../objects/about";

type Change = Kinds["events"];
const shownMax = 12;

const verbs: Record<string, { word: string; icon: IconName }> = {
  create: { word: "created", icon: "plus" },
  update: { word: "changed", icon: "edit" },
  delete: { word: "deleted", icon: "trash" },
  rollback: { word: "rolled back to revision", icon: "refresh" },
  enroll: { word: "let in", icon: "key" },
  renew: { word: "renewed the certificate of", icon: "key" },
  connect: { word: "connected", icon: "tunnel" },
};

// Changes of one transaction are one line.
function grouped(events: readonly Change[]): Change[][] {
  const newest = [...events].sort((a, b) => (b.metadata.name < a.metadata.name ? -1 : 1));
  const groups: Change[][] = [];
  for (const event of newest) {
    const last = groups.at(-1)?.[0];
    if (last && last.spec?.revision === event.spec?.revision && last.spec?.verb === event.spec?.verb)
      groups.at(-1)!.push(event);
    else groups.push([event]);
    if (groups.length > shownMax) break;
  }
  return groups.slice(0, shownMax);
}

export function Changes() {
  const events = useKind("events");
  const groups = grouped(events.list.value);
  return (
    <Card title="What changed lately" actions={<a href="/audit">Audit</a>}>
      {events.state.value === "waiting" && <Skeleton lines={4} />}
      {events.state.value === "ready" && groups.length === 0 && (
        <p class="lead">Nothing has changed lately.</p>
      )}
      <ul class="changes">
        {groups.map((group) => (
          <ChangeLine key={group[0]!.metadata.name} group={group} />
        ))}
      </ul>
    </Card>
  );
}

const namedMax = 3;

function ChangeLine({ group }: { group: Change[] }) {
  const spec = group[0]!.spec!;
  const verb = verbs[spec.verb ?? ""] ?? { word: spec.verb ?? "", icon: "info" as const };
  const names = group.slice(0, namedMax).map((one, i) => {
    const plural = pluralOf(one.spec?.kind ?? "");
    const text = `${one.spec?.kind} ${one.spec?.name}`;
    const name = one.spec?.name ?? "";
    const href = plural && (pageOf(plural, name) ?? `/objects/${plural}/${encodeURIComponent(name)}`);
    return (
      <>
        {i > 0 && ", "}
        {href && one.spec?.verb !== "delete" ? <a href={href}>{text}</a> : <b>{text}</b>}
      </>
    );
  });
  return (
    <li>
      <span class="change-icon">
        <Icon name={verb.icon} size={15} />
      </span>
      <span class="change-text">
        <span class="muted">{spec.actor}</span> {verb.word} {names}
        {group.length > namedMax && ` and ${group.length - namedMax} more`}
        {spec.reason && <small class="muted"> {spec.reason}</small>}
      </span>
      <span class="faint">
        <Time at={spec.time} />
      </span>
    </li>
  );
}
