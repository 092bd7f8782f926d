// The machines: edges, those of them that answer DNS, and nodes.
import { place } from "../../app/router";
import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { stateColumn, timeColumn, Two, whyColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { parseShare } from "../../ui/health";
import { Loaded, PageHead } from "../../ui/page";
import { Commands, placeOf, Share, Tabs } from "../../ui/parts";
import { KindTable, SearchedTable } from "../../ui/searched_table";
import { edgeState, nodeState } from "../../ui/states";
import type { Column } from "../../ui/table";

type Edge = Kinds["edges"];
type Node = Kinds["nodes"];

export const answersDns = (edge: Edge): boolean => (edge.spec?.capabilities ?? []).includes("dns");

const edgeColumns: Column<Edge>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.2fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={placeOf(one.spec)}>{one.metadata.name}</Two>,
  },
  stateColumn("130px", edgeState),
  {
    key: "revision",
    title: "Revision",
    width: "90px",
    align: "end",
    from: "tablet",
    sort: (one) => one.status?.applied_revision ?? 0,
    cell: (one) => one.status?.applied_revision ?? "–",
  },
  timeColumn("Took it up", "130px", "desktop", (one) => one.status?.applied_at),
  {
    key: "connections",
    title: "Clients",
    width: "90px",
    align: "end",
    from: "tablet",
    sort: (one) => one.status?.connections ?? 0,
    cell: (one) => one.status?.connections ?? "–",
  },
  {
    key: "healthy",
    title: "Finds healthy",
    width: "140px",
    from: "tablet",
    sort: (one) => ratio(one.status?.endpoints),
    cell: (one) => <Share text={one.status?.endpoints} what="endpoints are healthy, as it finds" />,
  },
  {
    key: "version",
    title: "Version",
    width: "90px",
    from: "desktop",
    sort: (one) => one.spec?.version ?? "",
    cell: (one) => one.spec?.version,
  },
  {
    key: "address",
    title: "Address",
    width: "minmax(0, 1fr)",
    from: "desktop",
    cell: (one) => <code>{one.spec?.address}</code>,
  },
  timeColumn("Since", "130px", "desktop", (one) => one.status?.since),
];

const ratio = (text: string | undefined) => {
  const share = parseShare(text);
  return share && share[1] > 0 ? share[0] / share[1] : 2;
};

const nodeColumns: Column<Node>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.2fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={placeOf(one.spec)}>{one.metadata.name}</Two>,
  },
  stateColumn("130px", nodeState),
  {
    key: "instances",
    title: "Instances",
    width: "120px",
    from: "tablet",
    cell: (one) => one.status?.instances ?? "–",
  },
  {
    key: "cpu",
    title: "CPU set aside",
    width: "140px",
    from: "tablet",
    cell: (one) => one.status?.cpu ?? "–",
  },
  {
    key: "memory",
    title: "Memory set aside",
    width: "160px",
    from: "desktop",
    cell: (one) => one.status?.memory ?? "–",
  },
  { key: "version", title: "Version", width: "90px", from: "desktop", cell: (one) => one.spec?.version },
  whyColumn("minmax(0, 1.5fr)", "tablet", (one) => one.status?.reason),
];

export default function Machines() {
  const edges = useKind("edges");
  const nodes = useKind("nodes");
  const all = edges.list.value;
  const dns = all.filter(answersDns);
  const show = place.value.path;
  return (
    <>
      <PageHead
        title="Edges"
        lead="The machines that carry traffic, answer names and run workloads; each goes on as it was last told when no controller is there."
      />
      <Tabs
        label="Machines"
        tabs={[
          { href: "/edges", title: "Edges", count: edges.size },
          { href: "/nameservers", title: "Name servers", count: dns.length },
          { href: "/nodes", title: "Nodes", count: nodes.size },
        ]}
      />
      {show === "/nodes" ? (
        <Nodes />
      ) : (
        <Loaded of={[edges]}>
          {() => <Edges shown={show === "/nameservers" ? dns : all} dns={show === "/nameservers"} />}
        </Loaded>
      )}
    </>
  );
}

function Edges({ shown, dns }: { shown: readonly Edge[]; dns: boolean }) {
  if (shown.length === 0) {
    return dns ? (
      <EmptyState icon="dns" title="No name server is attached">
        <p>
          A machine that answers for all zones and does nothing else; an edge does it beside its traffic with{" "}
          <code>--dns</code>.
        </p>
        <Commands
          commands={[
            "weir token create ns1 --join edge",
            "weir dns --controller https://weir.example:8480 --join-token weirjoin_… --dns 192.0.2.53:53",
          ]}
        />
      </EmptyState>
    ) : (
      <EmptyState icon="edge" title="No edge has joined yet">
        <p>An edge is a machine near your visitors. A token lets it in, once:</p>
        <Commands
          commands={[
            "weir token create fra --join edge --provider hetzner --region fsn1 --city fra",
            "weir edge --controller https://weir.example:8480 --join-token weirjoin_… --public",
          ]}
        />
      </EmptyState>
    );
  }
  return (
    <SearchedTable
      search="Search name, place, version or state"
      textOf={(one) =>
        [
          one.metadata.name,
          placeOf(one.spec),
          one.spec?.address,
          one.spec?.version,
          edgeState(one).text,
        ].join(" ")
      }
      label={dns ? "Name servers" : "Edges"}
      columns={edgeColumns}
      rows={shown}
      keyOf={(one) => one.metadata.name}
      hrefOf={(one) => `/edges/${one.metadata.name}`}
      sortBy="name"
      rowHeight={54}
    />
  );
}

function Nodes() {
  return (
    <KindTable
      of={useKind("nodes")}
      under="/nodes"
      empty={
        <EmptyState icon="box" title="No node has joined yet">
          <p>
            A node is a machine with podman that runs the instances of workloads. A token lets it in, once:
          </p>
          <Commands
            commands={[
              "weir token create fra --join node --provider hetzner --region fsn1 --city fra",
              "weir node --controller https://weir.example:8480 --join-token weirjoin_… --address 192.0.2.10",
            ]}
          />
        </EmptyState>
      }
      search="Search name, place or state"
      textOf={(one) =>
        [one.metadata.name, placeOf(one.spec), nodeState(one).text, one.status?.reason].join(" ")
      }
      label="Nodes"
      columns={nodeColumns}
      rowHeight={54}
    />
  );
}
