// What the statuses of machines, workloads, rollouts and DNS say, in one pill each.
import type { Kinds } from "../api/kinds";
import type { State } from "./health";
import { parseShare } from "./health";

export function edgeState(edge: Kinds["edges"]): State {
  if (edge.spec?.revoked) return { tone: "bad", text: "revoked", why: "its certificate counts no more" };
  if (!edge.status) return { tone: "idle", text: "not reported" };
  if (!edge.status.attached)
    return { tone: "bad", text: "away", why: "it does not report; it goes on as it was last told" };
  const [refused] = edge.status.refused ?? [];
  if (refused) return { tone: "warn", text: "refuses", why: `${refused.object}: ${refused.reason}` };
  if (drainsAnycast(edge)) return { tone: "warn", text: "drains", why: "its shared addresses are withdrawn" };
  return { tone: "good", text: "attached" };
}

export const drainsAnycast = (edge: Kinds["edges"]): boolean =>
  edge.metadata.annotations?.anycast === "withdraw";

export function nodeState(node: Kinds["nodes"]): State {
  const why = node.status?.reason;
  if (node.spec?.revoked) return { tone: "bad", text: "revoked", why: "its certificate counts no more" };
  if (!node.status) return { tone: "idle", text: "not reported" };
  if (!node.status.attached) return { tone: "bad", text: "lost", why };
  if (node.spec?.drained) return { tone: "warn", text: "drains", why: "its instances are moved to others" };
  if (node.spec?.cordoned) return { tone: "warn", text: "cordoned", why: "it gets no more instances" };
  if (why) return { tone: "warn", text: "attached", why };
  return { tone: "good", text: "attached" };
}

const instanceStates: Record<string, State["tone"]> = {
  ready: "good",
  running: "info",
  starting: "info",
  pending: "idle",
  stopping: "idle",
  backing_off: "warn",
  failed: "bad",
  lost: "bad",
};

export function instanceState(instance: Kinds["instances"]): State {
  const state = instance.status?.state;
  if (!state) return { tone: "idle", text: "not reported" };
  return {
    tone: instanceStates[state] ?? "idle",
    text: state.replaceAll("_", " "),
    why: instance.status?.reason,
  };
}

export function workloadState(workload: Kinds["workloads"]): State {
  const why = workload.status?.reason;
  const phase = workload.spec?.progress?.phase;
  const share = parseShare(workload.status?.ready);
  if (phase === "FAILED") return { tone: "bad", text: "update failed", why: workload.spec?.progress?.reason };
  if (phase === "REVERTED") return { tone: "warn", text: "went back", why: workload.spec?.progress?.reason };
  if (!share) return { tone: "idle", text: "not reported" };
  const [ready, all] = share;
  if (all === 0) return { tone: "idle", text: "no instances", why };
  if (ready === 0) return { tone: "bad", text: "none ready", why };
  if (ready < all) return { tone: "warn", text: `${ready} of ${all} ready`, why };
  if (phase === "RUNNING") return { tone: "info", text: "updating", why };
  return { tone: "good", text: all === 1 ? "ready" : `all ${all} ready` };
}

const phases: Record<string, State> = {
  PENDING: { tone: "idle", text: "not begun" },
  RUNNING: { tone: "info", text: "under way" },
  DONE: { tone: "good", text: "done" },
  WITHDRAWN: { tone: "bad", text: "taken back" },
  REFUSED: { tone: "bad", text: "refused" },
};

export function rolloutState(rollout: Kinds["rollouts"]): State {
  const phase = rollout.status?.phase ?? rollout.spec?.progress?.phase ?? "PENDING";
  const state = { ...phases[phase]!, why: rollout.status?.reason ?? rollout.spec?.progress?.reason };
  if (rollout.spec?.paused && (phase === "PENDING" || phase === "RUNNING"))
    return { ...state, tone: "warn", text: "paused" };
  return state;
}

export function zoneState(zone: Kinds["zones"]): State {
  const { serving, reason } = zone.status ?? {};
  if (!zone.status) return { tone: "idle", text: "not reported" };
  if (!serving) return { tone: "bad", text: "not served", why: reason };
  if (reason) return { tone: "warn", text: "served in part", why: reason };
  return { tone: "good", text: "served" };
}

export function recordState(set: Kinds["recordsets"]): State {
  const answers = set.status?.answers ?? [];
  if (answers.length === 0)
    return set.status?.reason
      ? { tone: "warn", text: "no answer", why: set.status.reason }
      : { tone: "info", text: "the same for all" };
  const healthy = answers.filter((one) => one.healthy).length;
  const why = set.status?.reason;
  if (healthy === 0) return { tone: "bad", text: "none healthy", why };
  if (healthy < answers.length) return { tone: "warn", text: `${healthy} of ${answers.length} healthy`, why };
  return { tone: "good", text: healthy === 1 ? "healthy" : `all ${healthy} healthy`, why };
}

export function providerState(provider: Kinds["dnsproviders"]): State {
  const zones = provider.status?.zones ?? [];
  if (zones.length === 0) return { tone: "idle", text: "not reported" };
  const behind = zones.find((one) => !one.synced);
  if (!behind) return { tone: "good", text: "in step" };
  return { tone: "warn", text: "differs", why: `${behind.zone}: ${behind.reason ?? "not compared yet"}` };
}
