import type { PageProps } from "../../app/routes";
import type { Kinds, Schema } from "../../api/kinds";
import { useKind } from "../../api/store";
import { CopyText } from "../../ui/copy";
import { balancerState, serviceState, StatePill, urlsOf } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { YamlOf } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { Time } from "../../ui/time";
import { Traffic } from "../../ui/traffic";

type Balancer = Kinds["loadbalancers"];

export default function LoadBalancer({ params }: PageProps) {
  return (
    <ObjectPage plural="loadbalancers" name={params.name!} title="load balancer">
      {(balancer) => <Detail balancer={balancer} />}
    </ObjectPage>
  );
}

function Detail({ balancer }: { balancer: Balancer }) {
  const { name } = balancer.metadata;
  const urls = urlsOf(balancer);
  const refused = balancer.status?.refused ?? [];
  const onDelete = () =>
    confirmDelete(
      "loadbalancers",
      balancer,
      <>Clients of {urls[0] ?? "its listeners"} get no answer from then on. Its services stay.</>,
    );
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/loadbalancers", label: "Load balancers" }}
        pill={<StatePill state={balancerState(balancer)} />}
      >
        {urls[0]?.startsWith("http") && (
          <a class="button" href={urls[0]} target="_blank" rel="noopener noreferrer">
            <Icon name="external" size={15} /> Open
          </a>
        )}
        <Writes edit={`/loadbalancers/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        {refused.length > 0 && (
          <div class="problem" role="status">
            <Icon name="warn" size={16} />
            <span>
              {refused.map((one) => `${one.edge} could not take it up: ${one.reason}`).join("; ")}. They go on
              with what was before.
            </span>
          </div>
        )}
        <Traffic of={`loadbalancers/${name}`} />
        <div class="grid two-one">
          <Card title="Routes">
            <Routes balancer={balancer} />
          </Card>
          <Card title="Listeners">
            <Listeners balancer={balancer} />
          </Card>
        </div>
        <Card title="About">
          <Facts
            facts={[
              ["Applied", balancer.status?.applied ? `${balancer.status.applied} edges` : "not reported"],
              ["Edges", edgesOf(balancer)],
              ["Revision", balancer.metadata.revision],
              ["Changed", <Time at={balancer.metadata.updated_at} />],
              ["Created", <Time at={balancer.metadata.created_at} />],
            ]}
          />
          <YamlOf object={balancer} />
        </Card>
      </div>
    </>
  );
}

function edgesOf(balancer: Balancer): string {
  const match = Object.entries(balancer.spec?.edges?.match ?? {});
  return match.length === 0 ? "all" : match.map(([key, value]) => `${key}=${value}`).join(", ");
}

function matchOf(route: Schema<"Route">): string {
  const match = route.match ?? {};
  const parts = [
    match.methods?.join(" or "),
    match.path ??
      match.path_regex ??
      `${match.path_prefix ?? "/"}${match.path_prefix === "/" || !match.path_prefix ? "…" : ""}`,
  ];
  for (const one of match.headers ?? []) parts.push(`${one.name}: ${one.exact ?? one.regex ?? "present"}`);
  for (const one of match.query ?? []) parts.push(`?${one.name}=${one.exact ?? one.regex ?? "…"}`);
  return parts.filter(Boolean).join("  ");
}

function Routes({ balancer }: { balancer: Balancer }) {
  const services = useKind("services");
  return (
    <ul class="lines">
      {(balancer.spec?.routes ?? []).map((route, i) => {
        const total = (route.backends ?? []).reduce((sum, one) => sum + (one.weight ?? 1), 0);
        return (
          <li key={i}>
            <code>{matchOf(route)}</code>
            <span class="line-to">
              {route.redirect && (
                <Pill tone="info" icon="right">
                  redirect {route.redirect.status ?? 302}
                </Pill>
              )}
              {route.respond && (
                <Pill tone="info" icon="right">
                  answers {route.respond.status ?? 200}
                </Pill>
              )}
              {(route.backends ?? []).map((backend) => {
                const service = services.get(backend.service);
                return (
                  <span key={backend.service} class="backend">
                    <a href={`/services/${backend.service}`}>{backend.service}</a>
                    {total > 0 && (route.backends ?? []).length > 1 && (
                      <span class="faint">{Math.round((100 * (backend.weight ?? 1)) / total)} %</span>
                    )}
                    {service && <StatePill state={serviceState(service)} />}
                  </span>
                );
              })}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Listeners({ balancer }: { balancer: Balancer }) {
  const urls = urlsOf(balancer);
  return (
    <div class="stack small">
      <ul class="lines">
        {(balancer.spec?.listeners ?? []).map((listener, i) => {
          const status = balancer.status?.listeners?.[i];
          return (
            <li key={i}>
              <span>
                <b>{listener.protocol}</b> {status?.address && <code>{status.address}</code>}
              </span>
              {status && (
                <Pill tone={status.listening ? "good" : "bad"} title={status.reason}>
                  {status.listening ? "listening" : (status.reason ?? "not listening")}
                </Pill>
              )}
            </li>
          );
        })}
      </ul>
      {urls.map((url) => (
        <CopyText key={url} text={url} />
      ))}
    </div>
  );
}
