import { useMemo } from "preact/hooks";
import type { PageProps } from "../../app/routes";
import { patch } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { nameOf, whyColumn } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { endpointState, serviceState, StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { linksTo, lower, YamlOf } from "../../ui/parts";
import { Search, searched } from "../../ui/search";
import { type Column, Table } from "../../ui/table";
import { Time } from "../../ui/time";
import { toast } from "../../ui/toast";
import { Traffic } from "../../ui/traffic";
import { Vantage } from "./vantage";

type Service = Kinds["services"];

// One address of the pool, wherever it came from.
interface Member {
  address: string;
  status: Schema<"EndpointStatus"> | undefined;
  from: "static" | "joined" | "pool";
  index: number; // among the static ones
  joined?: Kinds["endpoints"];
  weight: number;
}

const tableMin = 12; // fewer rows need no search

export default function ServicePage({ params }: PageProps) {
  return (
    <ObjectPage plural="services" name={params.name!} title="service">
      {(service) => <Detail service={service} />}
    </ObjectPage>
  );
}

function membersOf(service: Service, endpoints: readonly Kinds["endpoints"][]): Member[] {
  const statuses = new Map(
    (service.status?.endpoints ?? []).map((one) => [one.name || one.address || "", one]),
  );
  const members: Member[] = (service.spec?.endpoints ?? []).map((one, index) => {
    const status = statuses.get(one.address);
    statuses.delete(one.address);
    return { address: one.address, status, from: "static", index, weight: one.weight ?? 1 };
  });
  for (const joined of endpoints) {
    if (joined.spec?.service !== service.metadata.name) continue;
    const address = joined.spec.address ?? "";
    const status = (joined.status as Schema<"EndpointStatus"> | undefined)?.health
      ? joined.status
      : statuses.get(address);
    statuses.delete(address);
    const weight = joined.spec.weight ?? 1;
    members.push({
      address: address || `tunnel ${joined.metadata.name}`,
      status,
      from: "joined",
      index: -1,
      joined,
      weight,
    });
  }
  for (const [address, status] of statuses)
    members.push({ address, status, from: "pool", index: -1, weight: 1 });
  return members;
}

async function setWeight(service: Service, member: Member, weight: number): Promise<void> {
  if (member.joined) {
    learn(await patch("endpoints", member.joined.metadata.name, { spec: { weight } }));
    return;
  }
  // A merge replaces lists whole: those that are there, with one weight changed.
  const endpoints = (service.spec?.endpoints ?? []).map((one, i) =>
    i === member.index ? { ...one, weight } : one,
  );
  const precondition = { revision: service.metadata.revision };
  learn(await patch("services", service.metadata.name, { metadata: precondition, spec: { endpoints } }));
}

function Detail({ service }: { service: Service }) {
  const endpoints = useKind("endpoints");
  const balancers = useKind("loadbalancers");
  const { name } = service.metadata;
  const joined = endpoints.list.value;
  const members = useMemo(() => membersOf(service, joined), [service, joined]);
  const users = balancers.list.value.filter((one) =>
    one.spec?.routes?.some((route) => route.backends?.some((backend) => backend.service === name)),
  );
  const onDelete = () =>
    confirmDelete(
      "services",
      service,
      <>
        Its {members.length} endpoints get no more requests. What joined by itself would have to join again.
      </>,
    );
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/services", label: "Services" }}
        pill={<StatePill state={serviceState(service)} />}
      >
        <Writes edit={`/services/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Endpoints service={service} members={members} />
        {service.spec?.health_check && <Vantage service={name} />}
        <Traffic of={`services/${name}`} />
        <Card title="About">
          <Facts
            facts={[
              [
                "Used by",
                users.length === 0 ? "no load balancer" : linksTo("/loadbalancers", users.map(nameOf)),
              ],
              ["Protocol", service.spec?.protocol ?? "HTTP"],
              ["Balance", lower(service.spec?.balance ?? "ROUND_ROBIN")],
              ["Health check", checkOf(service)],
              ["Applied", service.status?.applied ? `${service.status.applied} edges` : "not reported"],
              ["Changed", <Time at={service.metadata.updated_at} />],
            ]}
          />
          <YamlOf object={service} />
        </Card>
      </div>
    </>
  );
}

function checkOf(service: Service): string {
  const check = service.spec?.health_check;
  if (!check) return "none: every endpoint serves";
  const how = check.http ? `HTTP ${check.http.path ?? "/"}` : check.grpc ? "gRPC" : "TCP";
  return `${how}, every ${check.interval ?? "5s"}`;
}

function Endpoints({ service, members }: { service: Service; members: Member[] }) {
  const change = async (member: Member, weight: number) => {
    const verb = weight === 0 ? "Drain" : "Enable";
    const done = await confirm({
      title: `${verb} ${member.address}?`,
      body:
        weight === 0 ? (
          <p>It gets no new requests. Those under way, and open connections, go on to their end.</p>
        ) : (
          <p>It gets requests again, with weight {weight}, as soon as it is healthy.</p>
        ),
      confirm: `${verb} it`,
      act: () => setWeight(service, member, weight),
    });
    if (done) toast(`${member.address} is ${weight === 0 ? "drained" : "enabled"}.`);
  };
  const columns: Column<Member>[] = [
    {
      key: "address",
      title: "Endpoint",
      width: "minmax(0, 1.4fr)",
      sort: (one) => one.address,
      cell: (one) => (
        <span class="two">
          <code>{one.address}</code>
          {one.joined && <small>{one.joined.spec?.instance ?? one.joined.metadata.name}</small>}
        </span>
      ),
    },
    {
      key: "health",
      title: "Health",
      width: "160px",
      sort: (one) => endpointState(one.status, one.weight).tone,
      cell: (one) => <StatePill state={endpointState(one.status, one.weight)} />,
    },
    whyColumn("minmax(0, 2fr)", "tablet", (one) => one.status?.reason),
    {
      key: "since",
      title: "Since",
      from: "tablet",
      width: "110px",
      sort: (one) => one.status?.since ?? "",
      cell: (one) => (one.status?.since ? <Time at={one.status.since} /> : null),
    },
    {
      key: "weight",
      title: "Weight",
      from: "desktop",
      width: "80px",
      align: "end",
      sort: (one) => one.weight,
      cell: (one) => one.weight,
    },
    {
      key: "do",
      title: "",
      width: "128px",
      align: "end",
      cell: (one) =>
        mayWrite.value &&
        one.from !== "pool" && (
          <button type="button" class="quiet" onClick={() => void change(one, one.weight === 0 ? 1 : 0)}>
            <Icon name={one.weight === 0 ? "play" : "pause"} size={14} />{" "}
            {one.weight === 0 ? "Enable" : "Drain"}
          </button>
        ),
    },
  ];
  if (members.length === 0) {
    return (
      <Card title="Endpoints">
        <EmptyState icon="pool" title="Nobody answers for it yet">
          <p>
            Add addresses by <a href={`/services/${service.metadata.name}/edit`}>editing it</a>, or on an
            origin run <code>weir join {service.metadata.name} --port 8080</code>.
          </p>
        </EmptyState>
      </Card>
    );
  }
  const shown = searched(
    members,
    (one) =>
      `${one.address} ${one.joined?.metadata.name ?? ""} ${endpointState(one.status, one.weight).text} ${one.status?.reason ?? ""}`,
  );
  return (
    <Card title="Endpoints" class="flush" actions={<span class="faint">{members.length}</span>}>
      {members.length >= tableMin && (
        <div class="toolbar inset">
          <Search label="Search endpoints" />
        </div>
      )}
      <Table
        label="Endpoints"
        columns={columns}
        rows={shown}
        keyOf={(one) => `${one.from}/${one.index}/${one.address}`}
        sortBy="address"
        rowHeight={52}
      />
    </Card>
  );
}
