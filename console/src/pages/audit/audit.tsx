// Who changed what, when and from where; the newest first, and new ones as they happen.
import { useMemo, useState } from "preact/hooks";
import { place, setQuery } from "../../app/router";
import { type Kinds, pluralOf } from "../../api/kinds";
import { useKind } from "../../api/store";
import { CopyText } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { Refusal } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Facts, Loaded, PageHead } from "../../ui/page";
import { Pill, type Tone } from "../../ui/pill";
import { Search, searched } from "../../ui/search";
import { type Column, Table } from "../../ui/table";
import { now, Time } from "../../ui/time";
import { changesOf } from "./changes";
import { useEarlier } from "./earlier";

type Event = Kinds["events"];

const tones: Record<string, Tone> = {
  create: "good",
  enroll: "good",
  finish: "good",
  begin: "info",
  update: "info",
  renew: "idle",
  connect: "idle",
  rollback: "warn",
  withdraw: "warn",
  delete: "bad",
  refuse: "bad",
};
const verbTone = (event: Event): Tone => tones[event.spec?.verb ?? ""] ?? "idle";

const spans: [string, string, number][] = [
  ["", "any time", 0],
  ["1h", "the last hour", 3_600_000],
  ["24h", "the last day", 86_400_000],
  ["168h", "the last week", 604_800_000],
];

const columns: Column<Event>[] = [
  {
    key: "what",
    title: "What",
    width: "minmax(0, 2fr)",
    cell: (one) => (
      <span class="two">
        <b>{one.spec?.name}</b>
        <small title={one.spec?.reason}>
          {[one.spec?.kind, one.spec?.reason].filter(Boolean).join(": ")}
        </small>
      </span>
    ),
  },
  {
    key: "verb",
    title: "Done",
    width: "112px",
    cell: (one) => <Pill tone={verbTone(one)}>{one.spec?.verb}</Pill>,
  },
  { key: "who", title: "By", width: "minmax(0, 1fr)", from: "tablet", cell: (one) => one.spec?.actor },
  {
    key: "from",
    title: "From",
    width: "140px",
    from: "desktop",
    cell: (one) => <code>{one.spec?.remote_address}</code>,
  },
  {
    key: "revision",
    title: "Revision",
    width: "90px",
    align: "end",
    from: "desktop",
    cell: (one) => one.spec?.revision || "–",
  },
  { key: "when", title: "When", width: "112px", cell: (one) => <Time at={one.spec?.time} /> },
];

export default function Audit() {
  const events = useKind("events");
  const earlier = useEarlier(events);
  const [opened, setOpened] = useState<Event | null>(null);
  const { query } = place.value;
  const news = events.list.value;
  const all = useMemo(() => {
    const known = new Map([...earlier.events, ...news].map((one) => [one.metadata.name, one]));
    return [...known.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? 1 : -1));
  }, [earlier.events, news]);
  const kinds = [...new Set(all.map((one) => one.spec?.kind ?? ""))].sort();
  const actors = [...new Set(all.map((one) => one.spec?.actor ?? ""))].sort();
  const kind = query.get("kind") ?? "";
  const actor = query.get("actor") ?? "";
  const span = spans.find(([key]) => key === query.get("since"))?.[2] ?? 0;
  const since = span > 0 ? now.value - span : 0;
  const fitting = all.filter(
    (one) =>
      (!kind || one.spec?.kind === kind) &&
      (!actor || one.spec?.actor === actor) &&
      (!since || Date.parse(one.spec?.time ?? "") >= since),
  );
  const shown = searched(fitting, (one) =>
    [one.spec?.name, one.spec?.verb, one.spec?.actor, one.spec?.reason, one.spec?.remote_address].join(" "),
  );
  const select = (label: string, param: string, value: string, options: string[]) => (
    <select aria-label={label} value={value} onChange={(event) => setQuery(param, event.currentTarget.value)}>
      <option value="">{label}: all</option>
      {options.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </select>
  );
  const button = events.state.value === "ready" && earlier.state !== "done" && (
    <button type="button" disabled={earlier.state === "loading"} onClick={earlier.more}>
      <Icon name="clock" size={15} /> Earlier ones
    </button>
  );
  return (
    <>
      <PageHead title="Audit" lead="Who changed what, when and from where. Secrets are in none of it.">
        {button}
      </PageHead>
      <Refusal text={earlier.problem} />
      <Loaded of={[events]}>
        {() =>
          all.length === 0 ? (
            <EmptyState icon="audit" title="Nothing has changed lately" action={button}>
              <p>
                Every write of the API, every machine that is let in or refused, and every step of a rollout
                is a line here. In a terminal:
              </p>
              <CopyText text="weir get events -w" />
            </EmptyState>
          ) : (
            <>
              <div class="toolbar">
                <Search label="Search name, reason or address" />
                {select("Kind", "kind", kind, kinds)}
                {select("By", "actor", actor, actors)}
                <select
                  aria-label="Time"
                  value={query.get("since") ?? ""}
                  onChange={(event) => setQuery("since", event.currentTarget.value)}
                >
                  {spans.map(([key, title]) => (
                    <option key={key} value={key}>
                      {title}
                    </option>
                  ))}
                </select>
                <span class="count">
                  {shown.length} of {all.length}
                </span>
              </div>
              <Table
                label="Events, the newest first"
                columns={columns}
                rows={shown}
                keyOf={(one) => one.metadata.name}
                onRow={setOpened}
                rowHeight={52}
              />
            </>
          )
        }
      </Loaded>
      {opened && <Detail event={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

const plain = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function Detail({ event, onClose }: { event: Event; onClose: () => void }) {
  const { spec } = event;
  const changes = changesOf(spec?.before, spec?.after);
  const plural = pluralOf(spec?.kind ?? "");
  return (
    <Drawer title={`${spec?.verb} ${spec?.kind} ${spec?.name}`} onClose={onClose} wide>
      <div class="dialog-body stack">
        <Facts
          facts={[
            [
              "When",
              <>
                <Time at={spec?.time} /> <span class="faint">{spec?.time}</span>
              </>,
            ],
            ["By", spec?.actor],
            ["From", spec?.remote_address],
            ["Revision", spec?.revision || ""],
            [
              "Object",
              plural && spec?.verb !== "delete" ? (
                <a href={`/objects/${plural}/${spec?.name}`} onClick={onClose}>
                  {spec?.name}
                </a>
              ) : (
                ""
              ),
            ],
          ]}
        />
        {spec?.reason && <p class="lead">{spec.reason}</p>}
        <h3>
          {spec?.before && spec.after
            ? "What changed"
            : spec?.after
              ? "What was made"
              : spec?.before
                ? "What was there"
                : "It has no object"}
        </h3>
        {changes.length === 0 && spec?.before && <p class="lead">No field is different.</p>}
        {changes.length > 0 && (
          <dl class="diff">
            {changes.map((one) => (
              <div key={one.field}>
                <dt>{one.field}</dt>
                {one.before !== undefined && (
                  <dd class="before">
                    <span aria-label="before">−</span> {plain(one.before)}
                  </dd>
                )}
                {one.after !== undefined && (
                  <dd class="after">
                    <span aria-label="after">+</span> {plain(one.after)}
                  </dd>
                )}
              </div>
            ))}
          </dl>
        )}
      </div>
    </Drawer>
  );
}
