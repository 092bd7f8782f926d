// Names: zones, their record sets, what is found by DNS-SD, and the providers that zones are written to.
import { place } from "../../app/router";
import type { Kinds } from "../../api/kinds";
import { session } from "../../api/session";
import { useKind } from "../../api/store";
import { changedColumn, nameColumn, stateColumn, whyColumn } from "../../ui/columns";
import { CopyText } from "../../ui/copy";
import { EmptyState } from "../../ui/empty";
import { endpointState, serviceState, StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { Loaded, PageHead } from "../../ui/page";
import { Commands, lower, makes, Tabs } from "../../ui/parts";
import { Search, searched } from "../../ui/search";
import { KindTable, SearchedTable } from "../../ui/searched_table";
import { providerState, recordState, zoneState } from "../../ui/states";
import { type Column, Table } from "../../ui/table";

type Zone = Kinds["zones"];
type RecordSet = Kinds["recordsets"];
type Provider = Kinds["dnsproviders"];
type Service = Kinds["services"];

export default function Dns() {
  const zones = useKind("zones");
  const sets = useKind("recordsets");
  const providers = useKind("dnsproviders");
  const services = useKind("services");
  const found = services.list.value.filter((one) => one.spec?.discovery);
  const { path } = place.value;
  const create: Record<string, [string, string]> = {
    "/zones": ["/zones/new", "New zone"],
    "/recordsets": ["/recordsets/new", "New record set"],
    "/dnsproviders": ["/objects/dnsproviders/new", "New provider"],
  };
  const [href, title] = create[path] ?? [];
  return (
    <>
      <PageHead
        title="DNS and discovery"
        lead="Names whose answers follow health, weight and place; and services that find each other by them."
      >
        <a class="button" href="/explain?dns=">
          <Icon name="explain" size={15} /> Explain an answer
        </a>
        {href && title && makes(title, href)}
      </PageHead>
      <Tabs
        label="DNS"
        tabs={[
          { href: "/zones", title: "Zones", count: zones.size },
          { href: "/recordsets", title: "Record sets", count: sets.size },
          { href: "/discovery", title: "Discovery", count: found.length },
          { href: "/dnsproviders", title: "Providers", count: providers.size },
        ]}
      />
      {path === "/zones" && <Zones sets={sets.list.value} />}
      {path === "/recordsets" && <Loaded of={[sets]}>{() => <RecordSets sets={sets.list.value} />}</Loaded>}
      {path === "/discovery" && <Loaded of={[services]}>{() => <Discovery services={found} />}</Loaded>}
      {path === "/dnsproviders" && <Providers />}
    </>
  );
}

function Zones({ sets }: { sets: readonly RecordSet[] }) {
  const columns: Column<Zone>[] = [
    nameColumn("minmax(0, 1.4fr)", { title: "Zone" }),
    stateColumn("150px", zoneState),
    {
      key: "serial",
      title: "Serial",
      width: "100px",
      align: "end",
      from: "tablet",
      cell: (one) => one.status?.serial ?? "–",
    },
    {
      key: "records",
      title: "Plain records",
      width: "120px",
      align: "end",
      from: "tablet",
      cell: (one) => one.status?.records ?? "–",
    },
    {
      key: "sets",
      title: "Record sets",
      width: "120px",
      align: "end",
      from: "tablet",
      cell: (one) => sets.filter((set) => set.spec?.zone === one.metadata.name).length,
    },
    whyColumn("minmax(0, 2fr)", "desktop", (one) => one.status?.reason),
    changedColumn("120px"),
  ];
  return (
    <KindTable
      of={useKind("zones")}
      under="/zones"
      empty={
        <EmptyState icon="dns" title="No zone yet" action={makes("New zone", "/zones/new")}>
          <p>
            A zone is a domain that weir's name servers answer for. Its records can follow the health of a
            service: what fails its check leaves the answers.
          </p>
          <Commands commands={["weir apply -f zone.yaml", "dig @127.0.0.1 -p 8053 www.example.com"]} />
        </EmptyState>
      }
      search="Search zones"
      textOf={(one) => one.metadata.name}
      label="Zones"
      columns={columns}
    />
  );
}

export const nameOf = (set: RecordSet): string =>
  set.spec?.name && set.spec.name !== "@" ? `${set.spec.name}.${set.spec.zone}` : (set.spec?.zone ?? "");

export function answersOf(set: RecordSet): string[] {
  const answers = set.status?.answers ?? [];
  if (answers.length > 0) return answers.filter((one) => one.given).map((one) => one.value ?? "");
  return set.spec?.values ?? (set.spec?.answers ?? []).map((one) => one.value);
}

const setColumns: Column<RecordSet>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(0, 1.5fr)",
    sort: nameOf,
    cell: (one) => <b>{nameOf(one)}</b>,
  },
  {
    key: "type",
    title: "Type",
    width: "76px",
    sort: (one) => one.spec?.type ?? "",
    cell: (one) => <code>{one.spec?.type}</code>,
  },
  {
    key: "policy",
    title: "Policy",
    width: "110px",
    from: "tablet",
    sort: (one) => one.spec?.policy ?? "SIMPLE",
    cell: (one) => lower(one.spec?.policy ?? "SIMPLE"),
  },
  stateColumn("160px", recordState),
  {
    key: "now",
    title: "Answered now",
    width: "minmax(0, 1.8fr)",
    from: "tablet",
    cell: (one) => <code>{answersOf(one).join(", ")}</code>,
  },
  {
    key: "ttl",
    title: "TTL",
    width: "80px",
    align: "end",
    from: "desktop",
    cell: (one) => one.spec?.ttl ?? <span class="faint">zone's</span>,
  },
];

export function RecordSets({ sets, zone }: { sets: readonly RecordSet[]; zone?: string }) {
  if (sets.length === 0) {
    return (
      <EmptyState
        icon="dns"
        title={zone ? `${zone} has no record sets` : "No record set yet"}
        action={makes("New record set", `/recordsets/new${zone ? `?zone=${zone}` : ""}`)}
      >
        <p>
          The records of one name and type, and which of them a client gets: all, one by weight, the healthy
          ones of the first priority, or those of the place closest to it. What stays as it is can be in the
          zone itself.
        </p>
      </EmptyState>
    );
  }
  return (
    <SearchedTable
      search="Search name, type or value"
      textOf={(one) => [nameOf(one), one.spec?.type, one.spec?.policy, ...answersOf(one)].join(" ")}
      inset={zone !== undefined}
      label="Record sets"
      columns={setColumns}
      rows={sets}
      keyOf={(one) => one.metadata.name}
      hrefOf={(one) => `/recordsets/${one.metadata.name}`}
      sortBy="name"
    />
  );
}

function Providers() {
  const columns: Column<Provider>[] = [
    nameColumn("minmax(0, 1fr)", { title: "Provider" }),
    stateColumn("140px", providerState),
    { key: "type", title: "Type", width: "130px", from: "tablet", cell: (one) => lower(one.spec?.type) },
    { key: "zones", title: "Zones", from: "tablet", cell: (one) => (one.spec?.zones ?? []).join(", ") },
    {
      key: "auto",
      title: "Written",
      width: "130px",
      from: "desktop",
      cell: (one) => (one.spec?.automatic === false ? "when told" : "by itself"),
    },
    whyColumn("minmax(0, 2fr)", "desktop", (one) => providerState(one).why),
  ];
  return (
    <KindTable
      of={useKind("dnsproviders")}
      under="/dnsproviders"
      empty={
        <EmptyState
          icon="external"
          title="Zones are written to nobody else"
          action={makes("New provider", "/objects/dnsproviders/new")}
        >
          <p>
            The same zones can be kept at Cloudflare, Route 53, PowerDNS, or any server that takes updates
            (RFC 2136). What weir did not make there is never touched.
          </p>
          <Commands commands={["weir provider plan cloudflare", "weir provider sync cloudflare"]} />
        </EmptyState>
      }
      search="Search name, type or zone"
      textOf={(one) => [one.metadata.name, lower(one.spec?.type), ...(one.spec?.zones ?? [])].join(" ")}
      label="Providers"
      columns={columns}
    />
  );
}

// What is found by DNS-SD: an instance of a service, by the address that it has.
interface Instance {
  service: Service;
  instance: string;
  address: string;
  status: Parameters<typeof endpointState>[0];
  weight: number;
  text: string[];
  version: string;
}

const typeOf = (service: Service) => service.spec?.discovery?.type ?? "_http._tcp";

function Discovery({ services }: { services: readonly Service[] }) {
  const endpoints = useKind("endpoints");
  const domain = session.value?.domain ?? "weir.localhost";
  if (services.length === 0) {
    return (
      <EmptyState icon="search" title="Nothing is found by its name yet">
        <p>
          A service with <code>discovery</code> is found by DNS-SD (RFC 6763), each instance with its port.
          What joins by itself gets that, and leaves the answers when it fails its check.
        </p>
        <Commands
          commands={[
            "weir join db --port 5432 --health tcp",
            "weir resolve db",
            `dig @127.0.0.1 -p 8053 _db._tcp.${domain} PTR`,
          ]}
        />
      </EmptyState>
    );
  }
  const rows = services.flatMap((service): Instance[] => {
    const statuses = new Map(
      (service.status?.endpoints ?? []).map((one) => [one.name || one.address || "", one]),
    );
    const still = (service.spec?.endpoints ?? []).map((one) => ({
      service,
      instance: "",
      address: one.address,
      status: statuses.get(one.address),
      weight: one.weight ?? 1,
      text: [],
      version: "",
    }));
    const joined = endpoints.list.value
      .filter((one) => one.spec?.service === service.metadata.name && one.spec.address)
      .map((one) => ({
        service,
        instance: one.spec?.instance ?? one.metadata.name,
        address: one.spec?.address ?? "",
        status: one.status?.health ? one.status : statuses.get(one.spec?.address ?? ""),
        weight: one.spec?.weight ?? 1,
        text: one.spec?.text ?? [],
        version: one.spec?.version ?? "",
      }));
    return [...joined, ...still];
  });
  const columns: Column<Instance>[] = [
    {
      key: "service",
      title: "Service",
      width: "minmax(0, 1.2fr)",
      sort: (one) => one.service.metadata.name,
      cell: (one) => (
        <span class="two">
          <b>
            <a href={`/services/${one.service.metadata.name}`}>{one.service.metadata.name}</a>
          </b>
          <small>
            {typeOf(one.service)}.{domain}
          </small>
        </span>
      ),
    },
    {
      key: "instance",
      title: "Instance",
      width: "minmax(0, 1.2fr)",
      from: "tablet",
      sort: (one) => one.instance,
      cell: (one) => one.instance || <span class="faint">made from its address</span>,
    },
    {
      key: "address",
      title: "Address",
      width: "minmax(0, 1fr)",
      sort: (one) => one.address,
      cell: (one) => <code>{one.address}</code>,
    },
    {
      key: "state",
      title: "Answered",
      width: "150px",
      sort: (one) => endpointState(one.status, one.weight).tone,
      cell: (one) => <StatePill state={endpointState(one.status, one.weight)} />,
    },
    { key: "version", title: "Version", width: "100px", from: "desktop", cell: (one) => one.version },
    {
      key: "text",
      title: "TXT",
      width: "minmax(0, 1fr)",
      from: "desktop",
      cell: (one) => <code>{one.text.join(" ")}</code>,
    },
  ];
  const shown = searched(rows, (one) =>
    [one.service.metadata.name, one.instance, one.address, typeOf(one.service), one.version].join(" "),
  );
  const [first] = services;
  return (
    <>
      <div class="commands found">
        <CopyText text={`weir resolve ${first!.metadata.name}`} />
        <CopyText text={`dig @127.0.0.1 -p 8053 ${first!.metadata.name}.service.${domain} SRV`} />
      </div>
      <div class="toolbar">
        <Search label="Search service, instance or address" />
        <span class="count">
          {shown.length} of {rows.length} instances of {services.length} services
        </span>
      </div>
      {rows.length > 0 ? (
        <Table
          label="Instances found by DNS"
          columns={columns}
          rows={shown}
          keyOf={(one) => `${one.service.metadata.name}/${one.instance}/${one.address}`}
          sortBy="service"
          rowHeight={54}
        />
      ) : (
        <p class="lead">
          {services.map((one) => `${one.metadata.name}: ${serviceState(one).text}`).join("; ")}
        </p>
      )}
    </>
  );
}
