import type { PageProps } from "../../app/routes";
import { patch } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { stateColumn, timeColumn, Two, whyColumn } from "../../ui/columns";
import { confirm } from "../../ui/dialog";
import { StatePill } from "../../ui/health";
import { Icon } from "../../ui/icon";
import { confirmDelete, ObjectPage, Writes } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { linksTo, lower, Share, YamlOf } from "../../ui/parts";
import { Pill, type Tone } from "../../ui/pill";
import { Search, searched } from "../../ui/search";
import { instanceState, workloadState } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { Time } from "../../ui/time";
import { Traffic } from "../../ui/traffic";
import { Logs } from "./logs";

type Workload = Kinds["workloads"];
type Instance = Kinds["instances"];

const rowsMax = 9; // more scroll by themselves

export default function WorkloadPage({ params }: PageProps) {
  return (
    <ObjectPage plural="workloads" name={params.name!} title="workload">
      {(workload) => <Detail workload={workload} />}
    </ObjectPage>
  );
}

function Detail({ workload }: { workload: Workload }) {
  const { name } = workload.metadata;
  const instances = useKind("instances");
  const mine = instances.list.value.filter((one) => one.spec?.workload === name);
  const onDelete = () =>
    confirmDelete(
      "workloads",
      workload,
      <>Its {mine.length} instances drain and stop; their endpoints leave their services first.</>,
    );
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/workloads", label: "Workloads" }}
        pill={<StatePill state={workloadState(workload)} />}
        lead={workload.status?.reason}
      >
        {mayWrite.value && (
          <a class="button" href={`/workloads/${name}/scale`}>
            <Icon name="waves" size={15} /> Scale
          </a>
        )}
        <Writes edit={`/workloads/${name}/edit`} onDelete={onDelete} />
      </PageHead>
      <div class="stack">
        <Update workload={workload} />
        <Cities workload={workload} />
        <Instances instances={mine} />
        <Logs workload={name} instances={mine.map((one) => one.metadata.name)} />
        <Traffic of={`workloads/${name}`} split={[]} />
        <Card title="About">
          <Facts
            facts={[
              ["Images", (workload.spec?.containers ?? []).map((one) => one.image).join(", ")],
              ["Services", linksTo("/services", servicesOf(workload))],
              [
                "Anycast",
                workload.spec?.anycast
                  ? "cities without a ready instance leave shared addresses to others"
                  : "no",
              ],
              ["Changed", <Time at={workload.metadata.updated_at} />],
            ]}
          />
          <YamlOf object={workload} />
        </Card>
      </div>
    </>
  );
}

const servicesOf = (workload: Workload) => [
  ...new Set(
    (workload.spec?.containers ?? []).flatMap((one) =>
      (one.ports ?? []).flatMap((port) => port.service ?? []),
    ),
  ),
];

const scaledBy = (target: Schema<"WorkloadTarget"> | undefined): string => {
  const min = target?.min_replicas ?? 1;
  const max = target?.max_replicas || min;
  const metrics = (target?.metrics ?? []).map((one) =>
    one.metric === "CPU" || !one.metric
      ? `CPU ${one.average_utilization} %`
      : `${lower(one.metric)} ${one.average_value}`,
  );
  return max === min ? `${min}` : `${min} to ${max}${metrics.length > 0 ? ` by ${metrics.join(", ")}` : ""}`;
};

function Cities({ workload }: { workload: Workload }) {
  const cities = workload.status?.cities ?? [];
  const targets = new Map((workload.spec?.targets ?? []).map((one) => [one.name, one]));
  const columns: Column<Schema<"WorkloadCity">>[] = [
    {
      key: "city",
      title: "City",
      width: "minmax(0, 1fr)",
      sort: (one) => one.city ?? "",
      cell: (one) => (
        <span class="two">
          <b>{one.city}</b>
          <small>
            {one.target}: {scaledBy(targets.get(one.target ?? ""))}
          </small>
        </span>
      ),
    },
    {
      key: "ready",
      title: "Ready",
      width: "120px",
      cell: (one) => <Share text={one.ready} what="instances are ready" />,
    },
    {
      key: "updated",
      title: "Updated",
      width: "120px",
      from: "tablet",
      cell: (one) => <Share text={one.updated} what="run the wanted version" />,
    },
    whyColumn("minmax(0, 1.8fr)", "tablet", (one) => one.reason),
  ];
  return (
    <Card title="Cities" class={cities.length > 0 ? "flush" : ""}>
      {cities.length === 0 ? (
        <p class="lead">
          No node is in a city that its targets choose. <a href="/nodes">Look at the nodes</a>.
        </p>
      ) : (
        <Table
          label="Cities"
          columns={columns}
          rows={cities}
          keyOf={(one) => `${one.target}/${one.city}`}
          sortBy="city"
          rowHeight={54}
        />
      )}
    </Card>
  );
}

const phases: Record<string, [Tone, string]> = {
  RUNNING: ["info", "under way"],
  DONE: ["good", "done"],
  REVERTED: ["warn", "went back"],
  FAILED: ["bad", "failed"],
};

function Update({ workload }: { workload: Workload }) {
  const progress = workload.spec?.progress;
  const update = workload.spec?.update;
  const { name } = workload.metadata;
  const [tone, word] = phases[progress?.phase ?? "DONE"] ?? ["idle", "not begun"];
  const paused = update?.paused ?? false;
  const onPause = () =>
    confirm({
      title: paused ? `Go on with the update of ${name}?` : `Pause the update of ${name}?`,
      body: paused ? (
        <p>Instances are replaced again, city by city.</p>
      ) : (
        <p>No further instance is replaced. Those that run go on.</p>
      ),
      confirm: paused ? "Go on" : "Pause",
      act: async () => learn(await patch("workloads", name, { spec: { update: { paused: !paused } } })),
    });
  return (
    <Card
      title="Update"
      actions={
        mayWrite.value &&
        (progress?.phase === "RUNNING" || paused) && (
          <button type="button" class="quiet" onClick={() => void onPause()}>
            <Icon name={paused ? "play" : "pause"} size={14} /> {paused ? "Go on" : "Pause"}
          </button>
        )
      }
    >
      <Facts
        facts={[
          [
            "Phase",
            <>
              <Pill tone={paused ? "warn" : tone}>{paused ? "paused" : word}</Pill>{" "}
              <Time at={progress?.since} />
            </>,
          ],
          ["Updated", <Share text={workload.status?.updated} what="instances run the wanted version" />],
          ["Now in", progress?.phase === "RUNNING" ? progress.city : ""],
          ["Version", progress?.version ? <code>{progress.version}</code> : ""],
          [
            "Ran last",
            progress?.good_version && progress.good_version !== progress.version ? (
              <code>{progress.good_version}</code>
            ) : (
              ""
            ),
          ],
          ["At a time", `${update?.max_surge ?? 1} more, ${update?.max_unavailable ?? 0} fewer`],
        ]}
      />
      {progress?.reason && <p class="lead reason">{progress.reason}</p>}
    </Card>
  );
}

const columns: Column<Instance>[] = [
  {
    key: "name",
    title: "Instance",
    width: "minmax(0, 2fr)",
    sort: (one) => one.metadata.name,
    cell: (one) => <Two note={one.spec?.city}>{one.metadata.name}</Two>,
  },
  stateColumn("140px", instanceState),
  {
    key: "node",
    title: "Node",
    width: "minmax(0, 1fr)",
    from: "tablet",
    sort: (one) => one.spec?.node ?? "",
    cell: (one) => <a href={`/nodes/${one.spec?.node}`}>{one.spec?.node}</a>,
  },
  { key: "cpu", title: "CPU", width: "72px", align: "end", from: "desktop", cell: (one) => one.status?.cpu },
  {
    key: "memory",
    title: "Memory",
    width: "84px",
    align: "end",
    from: "desktop",
    cell: (one) => one.status?.memory,
  },
  {
    key: "restarts",
    title: "Restarts",
    width: "84px",
    align: "end",
    from: "desktop",
    sort: (one) => one.status?.restarts ?? 0,
    cell: (one) => one.status?.restarts ?? 0,
  },
  timeColumn("Since", "116px", "tablet", (one) => one.status?.since),
  whyColumn("minmax(0, 1.8fr)", "desktop", (one) => one.status?.reason),
];

export function Instances({
  instances,
  empty = "None has been placed yet.",
}: {
  instances: readonly Instance[];
  empty?: string;
}) {
  if (instances.length === 0)
    return (
      <Card title="Instances">
        <p class="lead">{empty}</p>
      </Card>
    );
  const shown = searched(instances, (one) =>
    [one.metadata.name, one.spec?.city, one.spec?.node, one.status?.state, one.status?.reason].join(" "),
  );
  const many = instances.length > rowsMax;
  return (
    <Card
      title="Instances"
      class="flush"
      actions={
        <span class="faint number">
          {shown.length} of {instances.length}
        </span>
      }
    >
      {many && (
        <div class="toolbar inset">
          <Search label="Search name, city, node or state" />
        </div>
      )}
      <Table
        label="Instances"
        columns={columns}
        rows={shown}
        keyOf={(one) => one.metadata.name}
        sortBy="name"
        rowHeight={52}
        height={many ? 460 : undefined}
      />
    </Card>
  );
}
