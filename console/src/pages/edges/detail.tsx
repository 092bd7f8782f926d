import type { PageProps } from "../../app/routes";
import { patch } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn } from "../../api/store";
import { whyColumn } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { labelsOf, placeOf, Problem, Share, YamlOf } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { drainsAnycast, edgeState } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { Time } from "../../ui/time";
import { toast } from "../../ui/toast";
import { Traffic } from "../../ui/traffic";

type Edge = Kinds["edges"];

export default function EdgePage({ params }: PageProps) {
  return (
    <ObjectPage plural="edges" name={params.name!} title="edge">
      {(edge) => <Detail edge={edge} />}
    </ObjectPage>
  );
}

async function onDrain(edge: Edge): Promise<void> {
  const { name } = edge.metadata;
  const drains = drainsAnycast(edge);
  const done = await confirm({
    title: drains ? `Announce the addresses of ${name} again?` : `Drain ${name}?`,
    body: drains ? (
      <p>The addresses that it shares come back as soon as they have been servable for a while.</p>
    ) : (
      <p>
        The addresses that it shares are announced with a longer path first, then withdrawn, unless no other
        edge announces them. Open connections go on. Names that lead to this edge alone still lead there.
      </p>
    ),
    confirm: drains ? "Announce again" : "Drain",
    act: async () =>
      learn(
        await patch("edges", name, { metadata: { annotations: { anycast: drains ? null : "withdraw" } } }),
      ),
  });
  if (done) toast(drains ? `${name} announces its addresses again.` : `${name} is drained.`);
}

async function onRevoke(edge: Edge): Promise<void> {
  const { name } = edge.metadata;
  const revoked = edge.spec?.revoked ?? false;
  const done = await confirm({
    title: revoked ? `Let ${name} in again?` : `Shut ${name} out?`,
    body: revoked ? (
      <p>Its certificate counts again, as long as it lasts. After a day away it needs a new join token.</p>
    ) : (
      <p>
        Its certificate counts no more, and it gets no other. It goes on serving as it was last told, and
        hears of no change.
      </p>
    ),
    confirm: revoked ? `Let ${name} in` : `Shut ${name} out`,
    dangerous: !revoked,
    act: async () => learn(await patch("edges", name, { spec: { revoked: !revoked } })),
  });
  if (done) toast(revoked ? `${name} is let in again.` : `${name} is shut out.`);
}

function Detail({ edge }: { edge: Edge }) {
  const { name } = edge.metadata;
  const { spec, status } = edge;
  const refused = status?.refused ?? [];
  const shared = status?.anycast ?? [];
  const revoked = spec?.revoked ?? false;
  const onDelete = () =>
    confirmDelete(
      "edges",
      edge,
      <>It is told nothing any more and gets no certificate. To come back it needs a new join token.</>,
    );
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/edges", label: "Edges" }}
        pill={<StatePill state={edgeState(edge)} />}
        lead={placeOf(spec)}
      >
        {mayWrite.value && (shared.length > 0 || drainsAnycast(edge)) && (
          <button type="button" onClick={() => void onDrain(edge)}>
            <Icon name={drainsAnycast(edge) ? "play" : "pause"} size={15} />{" "}
            {drainsAnycast(edge) ? "Announce again" : "Drain"}
          </button>
        )}
        {mayWrite.value && (
          <button type="button" class={revoked ? "" : "danger"} onClick={() => void onRevoke(edge)}>
            <Icon name="key" size={15} /> {revoked ? "Let in again" : "Shut out"}
          </button>
        )}
        <Writes onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        {refused.length > 0 && (
          <Problem>
            It could not take up {refused.length === 1 ? "one object" : `${refused.length} objects`}, and goes
            on with what was before.
          </Problem>
        )}
        <Card title="Now">
          <Facts
            facts={[
              ["Revision", status?.applied_revision ?? "not reported"],
              ["Took it up", <Time at={status?.applied_at} />],
              ["Clients", status?.connections ?? "not reported"],
              ["Finds healthy", <Share text={status?.endpoints} what="endpoints are healthy, as it finds" />],
              ["Version", spec?.version],
              [status?.attached ? "Attached since" : "Away since", <Time at={status?.since} />],
            ]}
          />
        </Card>
        {refused.length > 0 && <Refused refused={refused} />}
        <Traffic of={`edges/${name}`} split={[]} />
        <Shared shared={shared} />
        <Card title="About">
          <Facts
            facts={[
              ["Address", <code>{spec?.address}</code>],
              ["Can do", (spec?.capabilities ?? []).join(", ")],
              ["Labels", labelsOf(edge)],
              ["Joined", <Time at={edge.metadata.created_at} />],
            ]}
          />
          <YamlOf object={edge} />
        </Card>
      </div>
    </>
  );
}

const refusedColumns: Column<Schema<"RefusedObject">>[] = [
  { key: "object", title: "Object", width: "minmax(0, 1fr)", cell: (one) => <b>{one.object}</b> },
  {
    key: "why",
    title: "Why",
    width: "minmax(0, 3fr)",
    cell: (one) => <span title={one.reason}>{one.reason}</span>,
  },
];

function Refused({ refused }: { refused: Schema<"RefusedObject">[] }) {
  return (
    <Card title="Refused" class="flush">
      <Table
        label="Refused objects"
        columns={refusedColumns}
        rows={refused}
        keyOf={(one) => one.object ?? ""}
      />
    </Card>
  );
}

const routeTones = { announced: "good", prepended: "warn", withdrawn: "bad" } as const;
const sharedColumns: Column<Schema<"AnycastStatus">>[] = [
  { key: "network", title: "Network", width: "minmax(0, 1fr)", cell: (one) => <code>{one.network}</code> },
  {
    key: "route",
    title: "Route",
    width: "140px",
    cell: (one) => <Pill tone={routeTones[one.route as keyof typeof routeTones] ?? "idle"}>{one.route}</Pill>,
  },
  whyColumn("minmax(0, 2fr)", "tablet", (one) => one.reason),
];

function Shared({ shared }: { shared: Schema<"AnycastStatus">[] }) {
  if (shared.length === 0) {
    return (
      <Card title="Shared addresses">
        <p class="lead">
          It announces none. With <code>weir edge --anycast ADDRESS</code> and BIRD, several edges have one
          address, and each visitor comes to the nearest.
        </p>
      </Card>
    );
  }
  return (
    <Card title="Shared addresses" class="flush">
      <Table
        label="Shared addresses"
        columns={sharedColumns}
        rows={shared}
        keyOf={(one) => one.network ?? ""}
      />
    </Card>
  );
}
