// The palette: pages, what can be made, and every object by its name.
import { useState } from "preact/hooks";
import type { Plural } from "../api/kinds";
import { useKind } from "../api/store";
import { Dialog } from "../ui/dialog";
import { Icon, type IconName } from "../ui/icon";
import { overlay } from "./keys";
import { navigate } from "./router";
import { routes } from "./routes";

interface Hit {
  title: string;
  note: string;
  icon: IconName;
  to: string;
}
const hitsMax = 12;
const searched = [
  "loadbalancers",
  "services",
  "tunnels",
  "workloads",
  "edges",
  "nodes",
  "rollouts",
  "zones",
  "recordsets",
  "dnsproviders",
] as const satisfies readonly Plural[];

function pages(): Hit[] {
  return routes
    .filter((one) => !one.path.includes(":"))
    .map((one) => ({ title: one.title, note: "page", icon: one.nav?.icon ?? "plus", to: one.path }));
}

export function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const kinds = searched.map((plural) => useKind(plural));
  const known = new Set(routes.map((one) => one.path));
  const objects = kinds.flatMap((kind) => {
    const icon = routes.find((one) => one.path === `/${kind.plural}`)?.nav?.icon ?? "box";
    if (!known.has(`/${kind.plural}/:name`)) return [];
    return kind.list.value.map((one): Hit => {
      const name = one.metadata.name;
      return { title: name, note: one.kind, icon, to: `/${kind.plural}/${encodeURIComponent(name)}` };
    });
  });
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (hit: Hit) => words.every((word) => `${hit.title} ${hit.note}`.toLowerCase().includes(word));
  const hits = [...pages(), ...objects].filter(fits).slice(0, hitsMax);
  const close = () => (overlay.value = "");
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    navigate(hit.to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setAt((at + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === "Enter") go(hits[at]);
  };
  return (
    <Dialog title="Go to" onClose={close}>
      <div class="palette">
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-hits"
          aria-label="Go to"
          aria-activedescendant={hits[at] ? `palette-${at}` : undefined}
          placeholder="A page or the name of an object"
          value={text}
          onInput={(event) => (setText(event.currentTarget.value), setAt(0))}
          onKeyDown={onKeyDown}
          autoFocus
        />
        <ul id="palette-hits" role="listbox" aria-label="Found">
          {hits.map((hit, i) => (
            <li
              key={hit.to}
              id={`palette-${i}`}
              role="option"
              aria-selected={i === at}
              onClick={() => go(hit)}
              onMouseMove={() => setAt(i)}
            >
              <Icon name={hit.icon} size={16} /> <span>{hit.title}</span>{" "}
              <span class="faint">{hit.note}</span>
            </li>
          ))}
        </ul>
        {hits.length === 0 && <p class="lead">Nothing has that name.</p>}
      </div>
    </Dialog>
  );
}

export function Keys() {
  const lines: [string, string][] = [
    ["/", "search in this page"],
    ["Ctrl K", "go to a page or an object"],
    ["?", "this list"],
    ...routes.filter((one) => one.nav?.key).map((one): [string, string] => [`g ${one.nav!.key}`, one.title]),
  ];
  return (
    <Dialog title="Keyboard" onClose={() => (overlay.value = "")}>
      <dl class="keys">
        {lines.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(" ").map((one) => (
                <kbd>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
