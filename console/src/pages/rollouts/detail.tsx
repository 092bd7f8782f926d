import type { PageProps } from "../../app/routes";
import { patch, remove } from "../../api/client";
import type { Kinds, Schema } from "../../api/kinds";
import { mayWrite } from "../../api/session";
import { learn, useKind } from "../../api/store";
import { navigate } from "../../app/router";
import { confirm } from "../../ui/dialog";
import { StatePill } from "../../ui/health";
import { Icon, type IconName } from "../../ui/icon";
import { ObjectPage } from "../../ui/object";
import { Card, Facts, PageHead } from "../../ui/page";
import { Problem, Share, YamlOf } from "../../ui/parts";
import { rolloutState } from "../../ui/states";
import { Time } from "../../ui/time";
import { toast } from "../../ui/toast";
import { printYaml } from "../../ui/yaml";
import { YamlEditor } from "../../ui/yaml_editor";
import { subjectsOf } from "./list";

type Rollout = Kinds["rollouts"];
type Wave = Schema<"RolloutWave">;

export default function RolloutPage({ params }: PageProps) {
  return (
    <ObjectPage plural="rollouts" name={params.name!} title="rollout">
      {(rollout) => <Detail rollout={rollout} />}
    </ObjectPage>
  );
}

const underWay = (rollout: Rollout) =>
  ["PENDING", "RUNNING"].includes(rollout.status?.phase ?? rollout.spec?.progress?.phase ?? "PENDING");

async function onPause(rollout: Rollout): Promise<void> {
  const { name } = rollout.metadata;
  const paused = rollout.spec?.paused ?? false;
  const done = await confirm({
    title: paused ? `Go on with ${name}?` : `Stop ${name} here?`,
    body: paused ? (
      <p>The next wave begins when the gates of this one hold.</p>
    ) : (
      <p>No further wave begins. Edges that have the change keep it, for as long as you want.</p>
    ),
    confirm: paused ? "Go on" : "Stop here",
    act: async () => learn(await patch("rollouts", name, { spec: { paused: !paused } })),
  });
  if (done) toast(paused ? `${name} goes on.` : `${name} stops here.`);
}

async function onTakeBack(rollout: Rollout): Promise<void> {
  const { name } = rollout.metadata;
  const going = underWay(rollout);
  const done = await confirm({
    title: going ? `Take ${name} back?` : `Delete ${name}?`,
    body: going ? (
      <p>
        Every edge that has the change goes back to what was before, at once. The rollout is gone then; the
        audit keeps it.
      </p>
    ) : (
      <p>It has ended, so nothing changes at any edge. The audit keeps what it did.</p>
    ),
    confirm: going ? "Take it back" : `Delete ${name}`,
    dangerous: true,
    act: () => remove("rollouts", name),
  });
  if (!done) return;
  toast(going ? `${name} is taken back.` : `Rollout ${name} is deleted.`);
  navigate("/rollouts");
}

function Detail({ rollout }: { rollout: Rollout }) {
  const { name } = rollout.metadata;
  const state = rolloutState(rollout);
  const paused = rollout.spec?.paused ?? false;
  const going = underWay(rollout);
  const ended = rollout.status?.phase === "WITHDRAWN" || rollout.status?.phase === "REFUSED";
  return (
    <>
      <PageHead
        title={name}
        back={{ href: "/rollouts", label: "Rollouts" }}
        pill={<StatePill state={state} />}
        lead={subjectsOf(rollout).join(", ")}
      >
        {mayWrite.value && going && (
          <button type="button" onClick={() => void onPause(rollout)}>
            <Icon name={paused ? "play" : "pause"} size={15} /> {paused ? "Go on" : "Stop here"}
          </button>
        )}
        {mayWrite.value && (
          <button type="button" class="danger" onClick={() => void onTakeBack(rollout)}>
            <Icon name={going ? "refresh" : "trash"} size={15} /> {going ? "Take it back" : "Delete"}
          </button>
        )}
      </PageHead>
      <div class="stack">
        {ended && state.why && <Problem>{state.why}</Problem>}
        <div class="grid two-one">
          <Card title="Waves">
            <Waves rollout={rollout} />
          </Card>
          <Card title="Now">
            <Facts
              facts={[
                ["Edges that have it", <Share text={rollout.status?.edges} what="edges have it" />],
                ["Since", <Time at={rollout.status?.since ?? rollout.spec?.progress?.since} />],
                [going ? "Waits for" : "Ended", ended ? "" : state.why],
              ]}
            />
            <h3 class="sub">Gates</h3>
            <Gates gates={rollout.spec?.gates ?? {}} />
          </Card>
        </div>
        <Card title="Changes">
          <YamlEditor text={printYaml(rollout.spec?.changes ?? [])} label="Changes" readOnly />
          {(rollout.spec?.deletions ?? []).length > 0 && (
            <p class="lead">
              Deleted with it: {rollout.spec!.deletions!.map((one) => `${one.kind} ${one.name}`).join(", ")}.
            </p>
          )}
        </Card>
        <Steps rollout={name} />
        <Card title="About">
          <Facts
            facts={[
              ["Created", <Time at={rollout.metadata.created_at} />],
              ["Revision", rollout.metadata.revision],
            ]}
          />
          <YamlOf object={rollout} />
        </Card>
      </div>
    </>
  );
}

const matchOf = (wave: Wave) =>
  Object.entries(wave.match ?? {})
    .map(([key, value]) => `${key} ${value}`)
    .join(", ") || "all edges";

function Waves({ rollout }: { rollout: Rollout }) {
  const waves = rollout.status?.waves ?? rollout.spec?.progress?.waves ?? rollout.spec?.waves ?? [];
  const current = rollout.status?.wave ?? rollout.spec?.progress?.wave ?? 0;
  const phase = rollout.status?.phase ?? "PENDING";
  if (waves.length === 0) return <p class="lead">They are worked out when it begins.</p>;
  const stateOf = (number: number): [tone: string, icon: IconName, word: string] => {
    if (phase === "DONE") return ["good", "check", "done"];
    if (phase === "WITHDRAWN")
      return number <= current ? ["bad", "refresh", "taken back"] : ["idle", "dash", "not begun"];
    if (number < current) return ["good", "check", "done"];
    if (number > current || phase !== "RUNNING") return ["idle", "dash", "to come"];
    return rollout.spec?.paused ? ["warn", "pause", "stopped here"] : ["info", "play", "under way"];
  };
  return (
    <ol class="path">
      {waves.map((wave, i) => {
        const [tone, icon, word] = stateOf(i + 1);
        return (
          <li
            key={i}
            class={`path-step ${tone}`}
            aria-current={i + 1 === current && phase === "RUNNING" ? "step" : undefined}
          >
            <span class="path-mark">
              <Icon name={icon} size={14} />
            </span>
            <div class="path-body">
              <b>
                Wave {i + 1}:{" "}
                {(wave.percent ?? 100) < 100 ? `${wave.percent} % of ${matchOf(wave)}` : matchOf(wave)}
                {wave.first ? `: ${wave.first} alone` : ""}
              </b>
              <span class="muted">
                {word}
                {word === "under way" && rollout.status?.reason
                  ? `: ${rollout.status.reason}`
                  : word === "to come"
                    ? `, and bakes for ${wave.bake ?? "30s"}`
                    : ""}
              </span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Gates({ gates }: { gates: Schema<"RolloutGates"> }) {
  const lines: [string, string][] = [
    ["In force", `within ${gates.apply_timeout ?? "1m"}`],
    ["Errors", `at most ${gates.errors_percent_max ?? 1} % above the others`],
    ["Latency, p99", `at most ${gates.latency_percent_max ?? 50} % longer`],
    ["Unhealthy", `at most ${gates.unhealthy_percent_max ?? 10} % more endpoints`],
    ["Lost edges", `at most ${gates.lost_percent_max ?? 0} %`],
    ["Counts from", `${gates.requests_min ?? 100} requests on`],
  ];
  return (
    <dl class="pairs">
      {lines.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// Its lines of the audit.
function Steps({ rollout }: { rollout: string }) {
  const events = useKind("events");
  const mine = events.list.value
    .filter(
      (one) =>
        one.spec?.actor === `rollout/${rollout}` ||
        (one.spec?.kind === "Rollout" && one.spec.name === rollout),
    )
    .reverse();
  if (mine.length === 0) return null;
  return (
    <Card title="What happened">
      <ul class="lines">
        {mine.map((one) => (
          <li key={one.metadata.name}>
            <span>
              <b>{one.spec?.verb}</b> {one.spec?.kind} {one.spec?.name}{" "}
              <span class="muted">{one.spec?.reason}</span>
            </span>
            <span class="faint">
              <Time at={one.spec?.time} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
