// What is known of the controller's objects, by kind: listed once, then kept by one watch for all kinds that
// were asked for. When the controller is away, the last picture stays.
import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, request } from "./client";
import { type AnyObject, type Kinds, type Plural, pluralOf } from "./kinds";
import { sessionState } from "./session";
import { follow, readStream, type StreamEvent } from "./stream";

const pageSize = 500;
const refreshMs = 5_000; // a status moves without an event
const refreshShare = 20; // and a list that takes long is asked for less often: one twentieth of the time
const lastEvents = 300; // revisions that the first look at the audit goes back

interface Page {
  items: AnyObject[];
  revision: number;
  continue?: string;
}

// Of what JSON has. A status may list 10,000 endpoints, so that writing both as text would be felt.
function alike(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false;
    return one.every((part, i) => alike(part, other[i]));
  }
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => alike(left[key], right[key]));
}

export type LoadState = "waiting" | "partial" | "ready" | "refused";

export class Collection<T extends AnyObject> {
  readonly state = signal<LoadState>("waiting");
  readonly refusal = signal<unknown>(null);
  readonly list: ReadonlySignal<T[]>;
  private readonly objects = new Map<string, T>();
  private readonly version = signal(0);
  private queued = false;
  private users = 0;
  protected begun = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  position = 0; // the revision that it is known at
  since = 0; // and from which on; 0: all of it

  constructor(readonly plural: Plural) {
    this.list = computed(() => {
      this.version.value;
      return [...this.objects.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    });
  }

  get(name: string): T | undefined {
    this.version.value;
    return this.objects.get(name);
  }
  get size(): number {
    this.version.value;
    return this.objects.size;
  }

  // While somebody looks: statuses are asked for again and again.
  hold(): () => void {
    this.users++;
    if (!this.begun) void this.load();
    else if (this.users === 1) this.schedule(0);
    return () => {
      this.users--;
      if (this.users === 0) clearTimeout(this.timer);
    };
  }

  async load(): Promise<void> {
    this.begun = true;
    const names = new Set<string>();
    let next: string | undefined;
    let position = 0;
    const asked = performance.now();
    let isNew = this.state.value !== "ready";
    try {
      do {
        const query = { limit: this.state.value === "waiting" ? 100 : pageSize, continue: next };
        const page: Page = await request("GET", `/v1/${this.plural}`, { query });
        position ||= page.revision;
        for (const item of page.items) {
          names.add(item.metadata.name);
          if (this.put(item as T)) isNew = true;
        }
        next = page.continue;
        if (next && this.state.value === "waiting") this.state.value = "partial";
        if (this.state.value !== "ready") this.changed(); // what is there is drawn while more comes
      } while (next);
    } catch (error) {
      return this.refuse(error);
    }
    for (const [name, object] of this.objects) {
      if (names.has(name) || (object.metadata.revision ?? 0) > position) continue;
      this.objects.delete(name);
      isNew = true;
    }
    this.position = Math.max(this.position, position);
    batch(() => {
      this.state.value = "ready";
      this.refusal.value = null;
      if (isNew) this.changed();
    });
    watchMore();
    this.schedule(Math.max(refreshMs, (performance.now() - asked) * refreshShare));
  }

  protected refuse(error: unknown): void {
    this.begun = false;
    if (!(error instanceof ApiError)) return this.schedule(2_000);
    if (error.status === 401) return;
    this.refusal.value = error;
    if (this.state.value === "waiting") this.state.value = "refused";
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    if (this.users === 0) return;
    this.timer = setTimeout(() => {
      if (document.hidden || sessionState.value !== "in") this.schedule(refreshMs);
      else void this.load();
    }, ms);
  }

  // Whether it is new: a list may be older than an event that came meanwhile, and mostly tells what is known.
  put(object: T): boolean {
    const before = this.objects.get(object.metadata.name);
    const known = before?.metadata.revision ?? 0;
    const told = object.metadata.revision ?? 0;
    if (before && (known > told || (known === told && alike(before, object)))) return false;
    this.objects.set(object.metadata.name, object);
    return true;
  }

  onEvent(event: StreamEvent, object: T): void {
    const { name, revision = 0 } = object.metadata;
    if (event.name !== "deleted") this.put(object);
    else if ((this.objects.get(name)?.metadata.revision ?? 0) <= revision) this.objects.delete(name);
    this.changed();
  }

  // The watch has told what there was when it began.
  caughtUp(): void {}

  // However many events come, the screen is drawn once a frame.
  changed(): void {
    if (this.queued) return;
    this.queued = true;
    const tell = () => {
      this.queued = false;
      this.draw();
    };
    if (document.hidden) setTimeout(tell);
    else requestAnimationFrame(tell);
  }

  protected draw(): void {
    this.version.value++;
  }
}

// The newest changes alone: the audit has many more, and its page asks for them.
class Events extends Collection<Kinds["events"]> {
  private back = lastEvents;

  override async load(): Promise<void> {
    this.begun = true;
    try {
      const page: Page = await request("GET", "/v1/events", { query: { limit: 1 } });
      this.position = Math.max(1, page.revision - this.back);
      this.since ||= this.position;
      this.back = 0; // should so many not be kept any more
    } catch (error) {
      return this.refuse(error);
    }
    watchMore();
  }

  override caughtUp(): void {
    if (this.state.value === "ready") return;
    batch(() => {
      this.state.value = "ready";
      this.draw();
    });
  }
}

const collections = new Map<Plural, Collection<AnyObject>>();

export function collection<P extends Plural>(plural: P): Collection<Kinds[P]> {
  let found = collections.get(plural);
  if (!found) {
    found = (
      plural === "events" ? new Events(plural) : new Collection<AnyObject>(plural)
    ) as Collection<AnyObject>;
    collections.set(plural, found);
  }
  return found as unknown as Collection<Kinds[P]>;
}

// For components: the objects of a kind, kept as long as the component is there.
export function useKind<P extends Plural>(plural: P): Collection<Kinds[P]> {
  const found = collection(plural);
  useEffect(() => found.hold(), [found]);
  return found;
}

// After a write, so that the next page knows what this one did.
export function learn(object: AnyObject): void {
  const plural = pluralOf(object.kind);
  if (!plural) return;
  const known = collections.get(plural);
  known?.put(object);
  known?.changed();
}

let endWatch: (() => void) | null = null;
let watched = "";

const ready = () => [...collections.values()].filter((one) => one.position > 0);

// One stream for all kinds; begun anew when there is one more.
function watchMore(): void {
  const kinds = ready()
    .map((one) => one.plural)
    .sort();
  if (kinds.join() === watched) return;
  watched = kinds.join();
  endWatch?.();
  endWatch = follow(watch, (error) => {
    if (error instanceof ApiError && error.status === 410) startAgain();
  });
}

async function watch(signal: AbortSignal): Promise<void> {
  const known = ready();
  const from = Math.min(...known.map((one) => one.position));
  const query = { kind: known.map((one) => one.plural), from };
  await readStream("/v1/watch", { query, signal }, (event) => {
    if (event.name === "gone") return startAgain();
    if (event.name) {
      const object = JSON.parse(event.data) as AnyObject;
      const plural = pluralOf(object.kind);
      if (plural) collections.get(plural)?.onEvent(event, object);
    }
    const position = Number(event.id);
    for (const one of known) {
      one.position = Math.max(one.position, position || 0);
      if (!event.name) one.caughtUp(); // an id alone
    }
  });
}

// Too far behind: everything is listed again, and what is shown stays until then.
function startAgain(): void {
  for (const one of ready()) void one.load();
}
