import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { changedColumn, nameColumn, stateColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { PageHead } from "../../ui/page";
import { Commands, makes, Share } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import { workloadState } from "../../ui/states";
import type { Column } from "../../ui/table";

type Workload = Kinds["workloads"];

const imagesOf = (one: Workload) =>
  (one.spec?.containers ?? []).map((container) => container.image).join(", ");
const citiesOf = (one: Workload) => [...new Set((one.status?.cities ?? []).map((city) => city.city))];

const columns: Column<Workload>[] = [
  nameColumn("minmax(0, 1.2fr)"),
  stateColumn("160px", workloadState),
  {
    key: "ready",
    title: "Ready",
    width: "130px",
    from: "tablet",
    cell: (one) => <Share text={one.status?.ready} what="instances are ready" />,
  },
  {
    key: "updated",
    title: "Updated",
    width: "130px",
    from: "desktop",
    cell: (one) => <Share text={one.status?.updated} what="instances run the wanted version" />,
  },
  {
    key: "cities",
    title: "Cities",
    from: "tablet",
    cell: (one) => citiesOf(one).join(", ") || <span class="faint">none</span>,
  },
  {
    key: "image",
    title: "Image",
    width: "minmax(0, 1.4fr)",
    from: "desktop",
    cell: (one) => <code>{imagesOf(one)}</code>,
  },
  changedColumn("120px"),
];

export default function Workloads() {
  const workloads = useKind("workloads");
  const create = makes("New workload", "/workloads/new");
  return (
    <>
      <PageHead title="Workloads" lead="Containers, and how many of them run in which city.">
        {create}
      </PageHead>
      <KindTable
        of={workloads}
        under="/workloads"
        empty={
          <EmptyState icon="box" title="No workload yet" action={create}>
            <p>
              A workload is a container, and how many of it each city shall have. Nodes run it; its ports
              become endpoints of services while they are ready. First let a machine with podman in as a node:
            </p>
            <Commands
              commands={[
                "weir token create fra --join node --city fra",
                "weir node --controller https://weir.example:8480 --join-token weirjoin_…",
              ]}
            />
          </EmptyState>
        }
        search="Search name, image or city"
        textOf={(one) =>
          [one.metadata.name, imagesOf(one), ...citiesOf(one), workloadState(one).text].join(" ")
        }
        label="Workloads"
        columns={columns}
      />
    </>
  );
}
