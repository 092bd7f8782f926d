// Whether the controller is there. Who talks to it tells; the shell shows it.
import { signal } from "@preact/signals";

export type Presence = "here" | "away";
export const presence = signal<Presence>("here");
export const awaySince = signal<Date | null>(null);

export function heardNothing(): void {
  if (presence.value === "away") return;
  awaySince.value = new Date();
  presence.value = "away";
}

export function heardSomething(): void {
  if (presence.value === "here") return;
  presence.value = "here";
  awaySince.value = null;
}
