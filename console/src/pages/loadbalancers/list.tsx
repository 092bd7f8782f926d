import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { changedColumn, nameColumn, stateColumn } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { balancerState, urlsOf } from "../../ui/health";
import { PageHead } from "../../ui/page";
import { makes } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import type { Column } from "../../ui/table";

type Balancer = Kinds["loadbalancers"];

const hostsOf = (one: Balancer) =>
  (one.spec?.listeners ?? []).flatMap((listener) => listener.hostnames ?? []);
const servicesOf = (one: Balancer) => [
  ...new Set(
    (one.spec?.routes ?? []).flatMap((route) => (route.backends ?? []).map((backend) => backend.service)),
  ),
];

const columns: Column<Balancer>[] = [
  nameColumn("minmax(0, 1.2fr)"),
  stateColumn("150px", balancerState),
  {
    key: "where",
    title: "Reached at",
    from: "tablet",
    width: "minmax(0, 2fr)",
    cell: (one) => urlsOf(one)[0] ?? hostsOf(one)[0] ?? <span class="faint">all hosts</span>,
  },
  {
    key: "services",
    title: "Services",
    from: "desktop",
    cell: (one) => servicesOf(one).join(", ") || <span class="faint">none</span>,
  },
  changedColumn(),
];

export default function LoadBalancers() {
  const balancers = useKind("loadbalancers");
  const create = makes("New load balancer", "/loadbalancers/new");
  return (
    <>
      <PageHead title="Load balancers" lead="Where clients come in, and which service answers them.">
        {create}
      </PageHead>
      <KindTable
        of={balancers}
        under="/loadbalancers"
        empty={
          <EmptyState
            icon="split"
            title="No load balancer yet"
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
              A load balancer takes requests for one or more host names and sends them to services, by path,
              header or weight. It runs on every edge, or on those that its labels choose.
            </p>
          </EmptyState>
        }
        search="Search name, host or service"
        textOf={(one) => [one.metadata.name, ...hostsOf(one), ...servicesOf(one)].join(" ")}
        label="Load balancers"
        columns={columns}
      />
    </>
  );
}
