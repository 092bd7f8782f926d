import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { timeColumn, Two } from "../../ui/columns";
import { EmptyState } from "../../ui/empty";
import { urlsOf } from "../../ui/health";
import { PageHead } from "../../ui/page";
import { Commands } from "../../ui/parts";
import { KindTable } from "../../ui/searched_table";
import type { Column } from "../../ui/table";

type Tunnel = Kinds["tunnels"];
type Balancer = Kinds["loadbalancers"];

export const viaOf = (tunnel: Tunnel): string => (tunnel.spec?.via === "AGENT" ? "agent" : "ssh");

// Where visitors find what a service answers, by the load balancers that lead to it.
export function visitedAt(service: string | undefined, balancers: readonly Balancer[]): string[] {
  const leading = balancers.filter((one) =>
    one.spec?.routes?.some((route) => route.backends?.some((backend) => backend.service === service)),
  );
  return leading.flatMap(urlsOf);
}

function columnsWith(balancers: readonly Balancer[]): Column<Tunnel>[] {
  return [
    {
      key: "service",
      title: "Service",
      width: "minmax(0, 1fr)",
      sort: (one) => one.spec?.service ?? "",
      cell: (one) => <Two note={one.spec?.instance}>{one.spec?.service}</Two>,
    },
    {
      key: "where",
      title: "Visitors find it at",
      width: "minmax(0, 1.8fr)",
      from: "tablet",
      cell: (one) => {
        const [url] = visitedAt(one.spec?.service, balancers);
        if (!url) return <span class="faint">no load balancer leads there</span>;
        return url.startsWith("http") ? (
          <a href={url} target="_blank" rel="noopener noreferrer">
            {url}
          </a>
        ) : (
          <code>{url}</code>
        );
      },
    },
    {
      key: "user",
      title: "Whose",
      width: "120px",
      from: "desktop",
      sort: (one) => one.spec?.user ?? "",
      cell: (one) => one.spec?.user ?? <span class="faint">nobody's</span>,
    },
    { key: "via", title: "Came by", width: "100px", from: "tablet", sort: viaOf, cell: viaOf },
    {
      key: "edge",
      title: "At edge",
      width: "120px",
      sort: (one) => one.spec?.edge ?? "",
      cell: (one) => one.spec?.edge,
    },
    {
      key: "client",
      title: "From",
      width: "170px",
      from: "desktop",
      cell: (one) => <code>{one.spec?.client}</code>,
    },
    timeColumn("Since", "124px", undefined, (one) => one.spec?.since),
  ];
}

export default function Tunnels() {
  const tunnels = useKind("tunnels");
  const balancers = useKind("loadbalancers");
  return (
    <>
      <PageHead
        title="Tunnels"
        lead="Origins that came to an edge by themselves, and are served like any other."
      >
        {tunnels.size > 0 && (
          <a class="button" href="/start">
            Get a public URL
          </a>
        )}
      </PageHead>
      <KindTable
        of={tunnels}
        under="/tunnels"
        empty={
          <EmptyState
            icon="tunnel"
            title="No tunnel is open"
            action={
              <a class="button primary" href="/start">
                Get a public URL
              </a>
            }
          >
            <p>
              Something that runs on your machine gets a public URL by a connection outward. Leave one of
              these running, and it shows up here:
            </p>
            <Commands
              commands={[
                "weir connect --port 8000 --name hello",
                "ssh -N -R hello:80:localhost:8000 -p 2222 anyone@localhost",
              ]}
            />
          </EmptyState>
        }
        search="Search service, origin, edge or owner"
        textOf={(one) =>
          [one.spec?.service, one.spec?.instance, one.spec?.user, one.spec?.edge, one.spec?.client].join(" ")
        }
        label="Tunnels"
        columns={columnsWith(balancers.list.value)}
        sortBy="service"
        rowHeight={54}
      />
    </>
  );
}
