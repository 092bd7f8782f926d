import type { PageProps } from "../../app/routes";
import type { Kinds } from "../../api/kinds";
import { useKind } from "../../api/store";
import { CopyText } from "../../ui/copy";
import { serviceState, StatePill } from "../../ui/health";
import { ObjectPage } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { Pill } from "../../ui/pill";
import { Time } from "../../ui/time";
import { Traffic } from "../../ui/traffic";
import { visitedAt } from "./list";
import { Requests } from "./requests";

type Tunnel = Kinds["tunnels"];

export default function TunnelPage({ params }: PageProps) {
  return (
    <ObjectPage plural="tunnels" name={params.name!} title="tunnel">
      {(tunnel) => <Detail tunnel={tunnel} />}
    </ObjectPage>
  );
}

function Detail({ tunnel }: { tunnel: Tunnel }) {
  const balancers = useKind("loadbalancers");
  const services = useKind("services");
  const { name } = tunnel.metadata;
  const { spec } = tunnel;
  const service = services.get(spec?.service ?? "");
  const urls = visitedAt(spec?.service, balancers.list.value);
  const drained = spec?.weight === 0;
  return (
    <>
      <PageHead
        title={spec?.service ?? name}
        back={{ href: "/tunnels", label: "Tunnels" }}
        pill={drained ? <Pill tone="idle">drained</Pill> : <Pill tone="good">open</Pill>}
        lead={
          <>
            {spec?.instance} came to {spec?.edge} <Time at={spec?.since} />, by{" "}
            {spec?.via === "AGENT" ? "weir agent or weir connect" : "ssh"}.
          </>
        }
      />
      <div class="stack">
        {urls.length > 0 && (
          <Card title="Visitors find it at">
            <div class="commands">
              {urls.map((url) => (
                <CopyText key={url} text={url} />
              ))}
            </div>
          </Card>
        )}
        <Requests tunnel={name} />
        <Traffic of={`tunnels/${name}`} split={[]} />
        <Card title="About">
          <Facts
            facts={[
              [
                "Service",
                <>
                  <a href={`/services/${spec?.service}`}>{spec?.service}</a>{" "}
                  {service && <StatePill state={serviceState(service)} />}
                </>,
              ],
              ["Edge", <a href={`/edges/${spec?.edge}`}>{spec?.edge}</a>],
              ["Whose", spec?.user ?? "nobody's"],
              ["From", <code>{spec?.client}</code>],
              ["Session", <code>{spec?.session}</code>],
              [
                "Other edges reach it",
                spec?.relay ? <code>{spec.relay}</code> : "not: only visitors of this edge do",
              ],
              ["Weight", spec?.weight ?? 1],
              ["Priority", spec?.priority ?? 0],
              ["Zone", spec?.zone ?? ""],
            ]}
          />
        </Card>
      </div>
    </>
  );
}
