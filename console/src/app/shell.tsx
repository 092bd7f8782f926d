// The frame around every page: navigation, who is here, and whether the controller is.
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { awaySince, presence } from "../api/presence";
import { chooseOrganization, logout, session } from "../api/session";
import { sentenceOf } from "../api/client";
import { Drawer } from "../ui/dialog";
import { EmptyState } from "../ui/empty";
import { Icon } from "../ui/icon";
import { Skeleton } from "../ui/skeleton";
import { Keys, Palette } from "./palette";
import { onKey, overlay } from "./keys";
import { matchPath, place } from "./router";
import { type PageProps, type Route, routes } from "./routes";
import { ThemeSwitch } from "./theme";

const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

export function Logo() {
  return (
    <span class="logo">
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <rect width="32" height="32" rx="9" />
        <path d="M6 11c3.3-3 6.7-3 10 0s6.7 3 10 0M6 17c3.3-3 6.7-3 10 0s6.7 3 10 0M6 23c3.3-3 6.7-3 10 0s6.7 3 10 0" />
      </svg>
      weir
    </span>
  );
}

const isWithin = (path: string) =>
  path === "/"
    ? place.value.path === "/"
    : place.value.path === path || place.value.path.startsWith(path + "/");
const isCurrent = ({ path, nav }: Route) => [path, ...(nav?.also ?? [])].some(isWithin);

function NavLink({ route, onFollow, title }: { route: Route; onFollow?: () => void; title?: string }) {
  return (
    <a href={route.path} aria-current={isCurrent(route) ? "page" : undefined} onClick={onFollow}>
      <Icon name={route.nav!.icon} /> <span>{title ?? route.title}</span>
    </a>
  );
}

function Navigation({ onFollow }: { onFollow?: () => void }) {
  const groups = new Map<string, Route[]>();
  for (const route of routes) {
    if (route.nav) groups.set(route.nav.group, [...(groups.get(route.nav.group) ?? []), route]);
  }
  return (
    <>
      {[...groups].map(([group, members]) => (
        <div class="nav-group" key={group}>
          {group && <h2>{group}</h2>}
          {members.map((route) => (
            <NavLink key={route.path} route={route} onFollow={onFollow} />
          ))}
        </div>
      ))}
    </>
  );
}

function Account() {
  const who = session.value;
  if (!who) return null;
  const several = who.organizations.length > 1 || (who.organizations.length === 1 && !who.organization);
  return (
    <div class="account">
      {several && (
        <select
          class="account-organization"
          aria-label="Organization"
          value={who.organization}
          onChange={(event) => chooseOrganization(event.currentTarget.value)}
        >
          {!who.organization && <option value="">the platform</option>}
          {who.organizations.map((one) => (
            <option key={one.name} value={one.name} selected={one.name === who.organization}>
              {one.display_name || one.name}
            </option>
          ))}
          {who.organization && <option value="">by default</option>}
        </select>
      )}
      <span class="account-name">
        <Icon name="user" size={16} />
        <span>
          {who.display_name || who.user || (who.token ? `Token ${who.token}` : "API token")}
          <small>{[who.organization, who.role].filter(Boolean).join(" · ")}</small>
        </span>
      </span>
      <ThemeSwitch />
      <button
        type="button"
        class="quiet icon-only"
        onClick={() => void logout()}
        aria-label="Sign out"
        title="Sign out"
      >
        <Icon name="out" />
      </button>
    </div>
  );
}

export function Shell() {
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const open = (what: typeof overlay.value) => () => (overlay.value = what);
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <aside class="side">
        <a class="side-logo" href="/" aria-label="weir, overview">
          <Logo />
        </a>
        <button type="button" class="side-search" onClick={open("palette")}>
          <Icon name="search" size={15} /> <span>Go to</span> <kbd>Ctrl K</kbd>
        </button>
        <nav aria-label="Pages">
          <Navigation />
        </nav>
        <Account />
      </aside>
      <header class="top">
        <a href="/" aria-label="weir, overview">
          <Logo />
        </a>
        <button type="button" class="quiet icon-only" onClick={open("palette")} aria-label="Go to">
          <Icon name="search" />
        </button>
      </header>
      <div class="stage">
        {presence.value === "away" && (
          <div class="banner" role="status">
            <Icon name="warn" size={16} />
            <span>
              <b>The controller has not answered since {clock.format(awaySince.value ?? new Date())}.</b> This
              is the picture from then. Traffic goes on without it; this page comes back by itself.
            </span>
          </div>
        )}
        <main id="main" tabIndex={-1}>
          <CurrentPage />
        </main>
      </div>
      <nav class="bottom" aria-label="Main pages">
        {routes
          .filter((one) => one.nav?.bottom)
          .map((route) => (
            <NavLink key={route.path} route={route} title={route.nav!.bottom} />
          ))}
        <button type="button" onClick={open("menu")}>
          <Icon name="menu" /> <span>More</span>
        </button>
      </nav>
      {overlay.value === "menu" && (
        <Drawer title="Pages" onClose={open("")}>
          <nav class="menu" aria-label="All pages">
            <Navigation onFollow={open("")} />
          </nav>
          <Account />
        </Drawer>
      )}
      {overlay.value === "palette" && <Palette />}
      {overlay.value === "keys" && <Keys />}
    </div>
  );
}

type Found = { route: Route; params: Record<string, string> } | null;

function findRoute(path: string): Found {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

const pages = new Map<Route, ComponentType<PageProps>>(); // those that were loaded
let landed = ""; // the path that was shown first: there, the focus stays where the browser has it

function CurrentPage() {
  const found = findRoute(place.value.path);
  const [, setLoaded] = useState(0);
  const [failed, setFailed] = useState<unknown>(null);
  const route = found?.route;
  const page = route && pages.get(route);
  useEffect(() => {
    setFailed(null);
    if (!route || page) return;
    route.load().then(
      (module) => {
        pages.set(route, module.default);
        setLoaded((n) => n + 1);
      },
      (error) => setFailed(error),
    );
  }, [route]);
  const key = place.value.path;
  useEffect(() => {
    const subject = found?.params.name;
    document.title = [subject, route?.title ?? "Not found", "weir"].filter(Boolean).join(" · ");
    landed ||= key;
    if (page && key !== landed) landed = "moved";
    if (page && landed === "moved" && document.activeElement === document.body) {
      document.querySelector<HTMLElement>("h1")?.focus();
    }
  }, [key, page]);
  if (!found) {
    return (
      <EmptyState
        icon="explain"
        title="There is no such page"
        action={
          <a class="button" href="/">
            To the overview
          </a>
        }
      >
        <p>Nothing is at {place.value.path}.</p>
      </EmptyState>
    );
  }
  if (failed) {
    return (
      <EmptyState
        icon="warn"
        title="This page could not be loaded"
        action={
          <button type="button" onClick={() => location.reload()}>
            Load again
          </button>
        }
      >
        <p>The controller may have been upgraded meanwhile. {sentenceOf(failed)}</p>
      </EmptyState>
    );
  }
  if (!page) return <Skeleton lines={6} height={36} />;
  const Page = page;
  return (
    <Guard key={key}>
      <Page params={found.params} />
    </Guard>
  );
}

// A page that breaks takes only itself down.
class Guard extends Component<{ children: ComponentChildren }, { broken: unknown }> {
  override state = { broken: null as unknown };
  static override getDerivedStateFromError(broken: unknown) {
    return { broken };
  }
  override componentDidCatch(error: unknown) {
    console.error(error);
  }
  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <EmptyState
        icon="warn"
        title="Something in this page broke"
        action={
          <button type="button" onClick={() => location.reload()}>
            Load again
          </button>
        }
      >
        <p>{sentenceOf(this.state.broken)}</p>
      </EmptyState>
    );
  }
}
