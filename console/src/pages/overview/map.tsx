import { useState } from "preact/hooks";
import { short } from "../../ui/graph";
import { Pill } from "../../ui/pill";
import { project, world } from "./places";
import type { Site, Sort } from "./sites";

const words: Record<Sort, [one: string, many: string]> = {
  edge: ["edge", "edges"],
  node: ["node", "nodes"],
  origin: ["origin", "origins"],
};

export function counted(site: Site): string {
  const counts = new Map<Sort, number>();
  for (const thing of site.things) counts.set(thing.sort, (counts.get(thing.sort) ?? 0) + 1);
  return [...counts].map(([sort, count]) => `${count} ${words[sort][count === 1 ? 0 : 1]}`).join(", ");
}

const has = (site: Site, sort: Sort) => site.things.some((one) => one.sort === sort);

// From an edge to an origin, bent towards the pole as the shortest ways on a map are.
function arc(from: Site, to: Site): string {
  const [x1, y1] = project(from.spot);
  const [x2, y2] = project(to.spot);
  const lift = Math.min(90, Math.hypot(x2 - x1, y2 - y1) * 0.22);
  return `M${x1.toFixed(1)} ${y1.toFixed(1)}Q${((x1 + x2) / 2).toFixed(1)} ${((y1 + y2) / 2 - lift).toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
}

// The origin that an edge would rather go to; none, where it has one of its own.
function nearest(edge: Site, origins: Site[]): Site | undefined {
  if (origins.includes(edge)) return undefined;
  const [x, y] = project(edge.spot);
  const distance = (one: Site) => {
    const [x2, y2] = project(one.spot);
    return Math.hypot(x2 - x, y2 - y);
  };
  return origins.toSorted((a, b) => distance(a) - distance(b))[0];
}

const arcsMax = 40;
const phoneWidth = 820; // there, the map is small and its marks are drawn larger

export function WorldMap({ sites }: { sites: Site[] }) {
  const [chosen, setChosen] = useState<Site | null>(null);
  const shown = chosen && sites.find((one) => one.spot === chosen.spot);
  const scale = innerWidth < phoneWidth ? 2 : 1;
  const most = Math.max(1, ...sites.map((one) => one.requests));
  const edges = sites.filter((one) => has(one, "edge"));
  const origins = sites.filter((one) => has(one, "origin"));
  const arcs = edges.flatMap((edge) => {
    const near = nearest(edge, origins);
    return near ? [arc(edge, near)] : [];
  });
  return (
    <div class="world" onMouseLeave={() => setChosen(null)}>
      <svg
        viewBox={`0 0 ${world.width} ${world.height}`}
        role="group"
        aria-label="Map of edges, nodes and origins"
      >
        <path class="land" d={world.land} />
        {arcs.slice(0, arcsMax).map((path) => (
          <path key={path} class="arc" d={path} />
        ))}
        {sites.map((site) => {
          const [x, y] = project(site.spot);
          const busy = site.requests > 0;
          const size = has(site, "edge") ? 6 + 5 * Math.sqrt(site.requests / most) : 5;
          return (
            <g
              key={site.spot.name}
              class={`site ${site.tone}`}
              transform={`translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale})`}
              tabIndex={0}
              role="button"
              aria-label={`${site.title}: ${counted(site)}, ${site.tone === "good" ? "all well" : site.things.find((one) => one.tone === site.tone)?.text}${busy ? `, ${short(site.requests)} requests a second` : ""}`}
              onMouseEnter={() => setChosen(site)}
              onFocus={() => setChosen(site)}
              onBlur={() => setChosen(null)}
              onClick={() => setChosen(site)}
            >
              {busy && <circle class="halo" r={size + 5} />}
              {has(site, "edge") ? (
                <circle r={size} />
              ) : has(site, "node") ? (
                <rect x={-size} y={-size} width={2 * size} height={2 * size} rx={2} />
              ) : (
                <path d={`M0 ${-size - 1}L${size + 1} 0 0 ${size + 1}${-size - 1} 0Z`} />
              )}
              {site.tone === "bad" && <path class="mark" d="M-2.5-2.5l5 5M2.5-2.5l-5 5" />}
              <circle class="target" r={16} />
            </g>
          );
        })}
      </svg>
      {shown && <SiteCard site={shown} />}
      <ul class="world-legend" aria-hidden="true">
        <li>
          <svg width="12" height="12">
            <circle cx="6" cy="6" r="5" />
          </svg>{" "}
          edge
        </li>
        <li>
          <svg width="12" height="12">
            <rect x="1" y="1" width="10" height="10" rx="2" />
          </svg>{" "}
          node
        </li>
        <li>
          <svg width="14" height="14">
            <path d="M7 0l7 7-7 7-7-7Z" />
          </svg>{" "}
          origin
        </li>
      </ul>
    </div>
  );
}

const thingsMax = 6;

function SiteCard({ site }: { site: Site }) {
  const [x, y] = project(site.spot);
  const style = { left: `${(100 * x) / world.width}%`, top: `${(100 * y) / world.height}%` };
  const side = x > world.width * 0.6 ? "to-left" : "to-right";
  return (
    <div class={`site-card ${side}`} style={style}>
      <b>{site.title}</b>
      {site.requests > 0 && <span class="faint"> {short(site.requests)} requests/s</span>}
      <ul>
        {site.things.slice(0, thingsMax).map((one) => (
          <li key={one.sort + one.name}>
            <span class="clip">{one.name}</span>
            <Pill tone={one.tone}>{one.text}</Pill>
          </li>
        ))}
      </ul>
      {site.things.length > thingsMax && <span class="faint">and {site.things.length - thingsMax} more</span>}
    </div>
  );
}
