// Where we are: the path of the browser's own history.
import { signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });
export const place = signal<Place>(here());

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const moved = place.value.path !== location.pathname;
  place.value = here();
  if (moved) scrollTo(0, 0);
}

// A filter or a tab of the page, kept in its address.
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  navigate(query.size > 0 ? `${location.pathname}?${query}` : location.pathname, { replace: true });
}

// Links of ours need no page load; those that a modifier opens elsewhere are the browser's.
function onClick(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (/^\/(v1|metrics|healthz|readyz|openapi\.json)(\/|$)/.test(link.pathname)) return;
  event.preventDefault();
  if (link.hash && link.pathname === location.pathname) {
    document.getElementById(link.hash.slice(1))?.focus();
    return;
  }
  navigate(link.pathname + link.search);
}

export function startRouter(): void {
  document.addEventListener("click", onClick);
  addEventListener("popstate", () => (place.value = here()));
}

// "/services/:name" against "/services/web" gives {name: "web"}.
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(":")) {
      try {
        found[part.slice(1)] = decodeURIComponent(given[i]!);
      } catch {
        return null;
      }
    } else if (part !== given[i]) return null;
  }
  return found;
}
