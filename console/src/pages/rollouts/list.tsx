import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { nameColumn, timeColumn, whyColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { StatePill } from "../../ui/health";
import { PageHead } from "../../ui/page";
import { Commands, makes, Share } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import { rolloutState } from "../../ui/states";
import type { Column } from "../../ui/table";

type Rollout = Kinds["rollouts"];

// What it changes: "Service web".
export function subjectsOf(rollout: Rollout): string[] {
  const changes = (rollout.spec?.changes ?? []) as unknown as {
    kind?: string;
    metadata?: { name?: string };
  }[];
  const changed = Array.isArray(changes) ? changes.map((one) => `${one.kind} ${one.metadata?.name}`) : [];
  return [...changed, ...(rollout.spec?.deletions ?? []).map((one) => `${one.kind} ${one.name}, deleted`)];
}

const wavesOf = (one: Rollout) =>
  one.status?.waves?.length ?? one.spec?.progress?.waves?.length ?? one.spec?.waves?.length ?? 0;

const columns: Column<Rollout>[] = [
  nameColumn("minmax(0, 1fr)"),
  {
    key: "state",
    title: "State",
    width: "130px",
    sort: (one) => rolloutState(one).text,
    cell: (one) => <StatePill state={rolloutState(one)} />,
  },
  {
    key: "wave",
    title: "Wave",
    width: "90px",
    cell: (one) => (
      <span class="number">
        {one.status?.wave ?? 0} of {wavesOf(one)}
      </span>
    ),
  },
  {
    key: "edges",
    title: "Edges that have it",
    width: "150px",
    from: "tablet",
    cell: (one) => <Share text={one.status?.edges} what="edges have it" />,
  },
  {
    key: "what",
    title: "Changes",
    width: "minmax(0, 1.4fr)",
    from: "tablet",
    cell: (one) => subjectsOf(one).join(", "),
  },
  whyColumn("minmax(0, 2fr)", "desktop", (one) => one.status?.reason),
  timeColumn("Begun", "110px", "desktop", (one) => one.metadata.created_at),
];

export default function Rollouts() {
  const rollouts = useKind("rollouts");
  const create = makes("New rollout", "/rollouts/new");
  return (
    <>
      <PageHead
        title="Rollouts"
        lead="Changes that reach the edges in waves, and go back by themselves when a gate fails."
      >
        {create}
      </PageHead>
      <KindTable
        of={rollouts}
        under="/rollouts"
        empty={
          <EmptyState icon="waves" title="No rollout yet" action={create}>
            <p>
              Any change of load balancers, services and endpoints can go wave by wave: provider by provider,
              region by region. Each wave is watched for errors, latency and health before the next one
              begins.
            </p>
            <Commands
              commands={[
                "weir apply -f change.yaml --rollout web-2",
                "weir get rollouts -w",
                "weir delete rollout web-2   # takes it back",
              ]}
            />
          </EmptyState>
        }
        search="Search name, state or object"
        textOf={(one) =>
          [one.metadata.name, rolloutState(one).text, ...subjectsOf(one), one.status?.reason].join(" ")
        }
        label="Rollouts"
        columns={columns}
      />
    </>
  );
}
