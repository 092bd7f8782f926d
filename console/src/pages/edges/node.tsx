import type { PageProps } from "../../app/routes";
import { patch } from "../../api/client";
import type { Kinds } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { confirm } from "../../ui/dialog";
import { StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { labelsOf, placeOf, YamlOf } from "../../ui/parts";
import { nodeState } from "../../ui/states";
import { Time } from "../../ui/time";
import { toast } from "../../ui/toast";
import { Traffic } from "../../ui/traffic";
import { Instances } from "../workloads/detail";

type Node = Kinds["nodes"];
type What = "cordoned" | "drained" | "revoked";

export default function NodePage({ params }: PageProps) {
  return (
    <ObjectPage plural="nodes" name={params.name!} title="node">
      {(node) => <Detail node={node} />}
    </ObjectPage>
  );
}

const words: Record<What, { on: [verb: string, means: string]; off: [verb: string, means: string] }> = {
  cordoned: {
    on: ["Cordon", "It gets no more instances; those that it has stay."],
    off: ["Uncordon", "It may be given instances again."],
  },
  drained: {
    on: [
      "Drain",
      "Each of its instances leaves when another is ready elsewhere: one of a workload in a city at a time.",
    ],
    off: ["End the drain", "What it still has stays, and it may be given instances again."],
  },
  revoked: {
    on: ["Shut out", "Its certificate counts no more; its instances are given to other nodes at once."],
    off: ["Let in again", "Its certificate counts again, as long as it lasts."],
  },
};

async function change(node: Node, what: What): Promise<void> {
  const { name } = node.metadata;
  const now = node.spec?.[what] ?? false;
  const [verb, means] = words[what][now ? "off" : "on"];
  const done = await confirm({
    title: `${verb}: ${name}?`,
    body: <p>{means}</p>,
    confirm: verb,
    dangerous: what === "revoked" && !now,
    act: async () => learn(await patch("nodes", name, { spec: { [what]: !now } })),
  });
  if (done) toast(`${verb}: ${name} is told.`);
}

function Detail({ node }: { node: Node }) {
  const instances = useKind("instances");
  const { name } = node.metadata;
  const mine = instances.list.value.filter((one) => one.spec?.node === name);
  const onDelete = () =>
    confirmDelete(
      "nodes",
      node,
      <>Its {mine.length} instances are given to other nodes of its city, if there are any.</>,
    );
  const button = (what: What, danger = false) => {
    const now = node.spec?.[what] ?? false;
    return (
      <button type="button" class={danger && !now ? "danger" : ""} onClick={() => void change(node, what)}>
        <Icon name={now ? "play" : what === "revoked" ? "key" : "pause"} size={15} />{" "}
        {words[what][now ? "off" : "on"][0]}
      </button>
    );
  };
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/nodes", label: "Nodes" }}
        pill={<StatePill state={nodeState(node)} />}
        lead={[placeOf(node.spec), node.status?.reason].filter(Boolean).join(": ")}
      >
        {mayWrite.value && (
          <>
            {button("cordoned")}
            {button("drained")}
            {button("revoked", true)}
          </>
        )}
        <Writes onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Card title="Now">
          <Facts
            facts={[
              ["Instances", node.status?.instances ?? "not reported"],
              ["CPU set aside", node.status?.cpu ?? "not reported"],
              ["Memory set aside", node.status?.memory ?? "not reported"],
              ["Version", node.spec?.version],
              ["Reports since", <Time at={node.status?.since} />],
            ]}
          />
        </Card>
        <Instances instances={mine} empty="It runs none." />
        <Traffic of={`nodes/${name}`} split={[]} />
        <Card title="About">
          <Facts
            facts={[
              ["Address", <code>{node.spec?.address}</code>],
              ["Labels", labelsOf(node)],
              ["Joined", <Time at={node.metadata.created_at} />],
            ]}
          />
          <YamlOf object={node} />
        </Card>
      </div>
    </>
  );
}
