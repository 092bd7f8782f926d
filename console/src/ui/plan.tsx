// What a change would come to: objects, their fields before and after, and what each edge would see of it.
import type { Result, Results } from "../api/client";
import { Icon } from "./icon";
import { Pill, type Tone } from "./pill";
import { printYaml } from "./yaml";

const tones: Record<Result["result"], Tone> = {
  created: "good",
  updated: "info",
  unchanged: "idle",
  deleted: "bad",
};
const words: Record<Result["result"], string> = {
  created: "will be created",
  updated: "will change",
  unchanged: "stays as it is",
  deleted: "will be deleted",
};

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function Plan({ plan }: { plan: Results }) {
  const changes = plan.results.filter((one) => one.result !== "unchanged");
  const edges = (plan.edges ?? []).reduce((sum, one) => sum + (one.resources.length > 0 ? one.count : 0), 0);
  return (
    <div class="plan">
      {changes.length === 0 && <p class="lead">Nothing would change: it is so already.</p>}
      {plan.results.map((one) => (
        <section key={`${one.kind}/${one.name}`} class="plan-object">
          <h3>
            <Pill
              tone={tones[one.result]}
              icon={one.result === "created" ? "plus" : one.result === "deleted" ? "trash" : "edit"}
            >
              {words[one.result]}
            </Pill>
            <span>
              {one.kind} <b>{one.name}</b>
            </span>
          </h3>
          {one.diff && one.diff.length > 0 && <Diff diff={one.diff} />}
          {one.result === "created" && one.object && <Created object={one.object as { spec?: unknown }} />}
        </section>
      ))}
      {plan.edges && (
        <p class="lead plan-edges">
          <Icon name="edge" size={15} />{" "}
          {edges === 0
            ? "No edge would see a difference."
            : `Takes effect on ${edges} ${edges === 1 ? "edge" : "edges"}, without touching open connections.`}
        </p>
      )}
    </div>
  );
}

function Diff({ diff }: { diff: NonNullable<Result["diff"]> }) {
  return (
    <dl class="diff">
      {diff.map((one) => (
        <div key={one.field}>
          <dt>{one.field}</dt>
          {one.before !== undefined && (
            <dd class="before">
              <span aria-label="before">−</span> {text(one.before)}
            </dd>
          )}
          {one.after !== undefined && (
            <dd class="after">
              <span aria-label="after">+</span> {text(one.after)}
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}

function Created({ object }: { object: { spec?: unknown } }) {
  return (
    <pre class="diff-new" tabIndex={0}>
      {printYaml(object.spec ?? {})
        .trimEnd()
        .replace(/^/gm, "+ ")}
    </pre>
  );
}
