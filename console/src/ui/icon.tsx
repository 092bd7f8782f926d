// Icons: strokes on a grid of 24, drawn here so that nothing else is loaded.
const paths = {
  globe:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9Z",
  split: "M4 12h5c4 0 4-6 8-6h3M9 12c4 0 4 6 8 6h3M17 3l3 3-3 3M17 15l3 3-3 3",
  pool: "M4 6h16M4 12h16M4 18h16M7 6v.01M7 12v.01M7 18v.01",
  tunnel: "M4 20v-8a8 8 0 0 1 16 0v8M9 20v-8a3 3 0 0 1 6 0v8M3 20h18",
  dns: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01M12 8h5M12 16h5",
  box: "M12 3l8 4.500v9L12 21l-8-4.500v-9L12 3ZM4 7.500l8 4.5 8-4.500M12 12v9",
  edge: "M5 4h14v6H5zM5 14h14v6H5zM9 7h.01M9 17h.01M12 10v4",
  waves: "M3 8c3-3 6-3 9 0s6 3 9 0M3 16c3-3 6-3 9 0s6 3 9 0",
  explain:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.700M12 16.500v.01",
  audit: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h5",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16 16l4.5 4.5",
  plus: "M12 5v14M5 12h14",
  check: "M5 12.500l4.5 4.500L19 7.5",
  warn: "M12 4 2.5 20h19L12 4ZM12 10v4.500M12 17.500v.01",
  cross: "M6 6l12 12M18 6L6 18",
  bad: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9 9l6 6M15 9l-6 6",
  pause: "M9 6v12M15 6v12",
  dash: "M6 12h12",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3 2",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 11v5.500M12 7.500v.01",
  right: "M9 5l7 7-7 7",
  left: "M15 5l-7 7 7 7",
  down: "M5 9l7 7 7-7",
  up: "M5 15l7-7 7 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.500M17.5 17.5 19 19M19 5l-1.5 1.500M6.5 17.5 5 19",
  moon: "M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500Z",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  edit: "M4 20h4L19 9l-4-4L4 16v4ZM13 7l4 4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4 20c1-4 4-5 8-5s7 1 8 5",
  out: "M14 4h6v16h-6M4 12h11M11 8l4 4-4 4",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z",
  refresh: "M20 12a8 8 0 1 1-2.5-5.800M20 4v4h-4",
  play: "M7 5l12 7-12 7V5Z",
  stop: "M6 6h12v12H6z",
  terminal: "M4 5h16v14H4zM7 9l3 3-3 3M12 15h5",
  key: "M8 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM11 13l9-9M17 4l3 3M14 7l3 3",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
