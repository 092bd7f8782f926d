import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { changedColumn, nameColumn, whyColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { serviceState, StatePill } from "../../ui/health";
import { PageHead } from "../../ui/page";
import { lower, makes } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import type { Column } from "../../ui/table";

type Service = Kinds["services"];

const reasonOf = (one: Service) => one.status?.endpoints?.find((endpoint) => endpoint.reason)?.reason ?? "";
const share = (one: Service) => (one.status?.total ? (one.status.serving ?? 0) / one.status.total : 2);

const columns: Column<Service>[] = [
  nameColumn("minmax(0, 1.3fr)"),
  {
    key: "health",
    title: "Health",
    cell: (one) => <StatePill state={serviceState(one)} />,
    sort: share,
    width: "160px",
  },
  whyColumn("minmax(0, 2fr)", "tablet", (one) => reasonOf(one)),
  {
    key: "protocol",
    title: "Protocol",
    from: "desktop",
    width: "110px",
    cell: (one) => one.spec?.protocol ?? "HTTP",
    sort: (one) => one.spec?.protocol ?? "HTTP",
  },
  {
    key: "balance",
    title: "Balance",
    from: "desktop",
    width: "140px",
    cell: (one) => lower(one.spec?.balance ?? "ROUND_ROBIN"),
  },
  changedColumn(),
];

export default function Services() {
  const services = useKind("services");
  const create = makes("New service", "/services/new");
  return (
    <>
      <PageHead
        title="Services"
        lead="Pools of endpoints: addresses, tunnels and workload instances that answer."
      >
        {create}
      </PageHead>
      <KindTable
        of={services}
        under="/services"
        empty={
          <EmptyState
            icon="pool"
            title="No service yet"
            action={
              <>
                {create}
                <a class="button" href="/start">
                  Get a public URL
                </a>
              </>
            }
          >
            <p>
              A service is a pool of endpoints with a balancing policy and a health check. Give addresses, or
              let origins come by themselves: <code>weir join</code>, <code>weir connect</code> and{" "}
              <code>ssh -R</code>.
            </p>
          </EmptyState>
        }
        search="Search name or reason"
        textOf={(one) => `${one.metadata.name} ${serviceState(one).text} ${reasonOf(one)}`}
        label="Services"
        columns={columns}
      />
    </>
  );
}
