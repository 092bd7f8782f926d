// The land of the world as one SVG path in the Equal Earth projection, and what it takes to project a place
// the same way (src/pages/overview/projection.ts).
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { geoEqualEarth, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const width = 960;
const height = 440;

export async function worldModule() {
  const require = createRequire(import.meta.url);
  const atlas = JSON.parse(await readFile(require.resolve("world-atlas/land-110m.json"), "utf8"));
  const land = feature(atlas, atlas.objects.land);
  // Without Antarctica, where nobody serves from.
  const polygons = land.features.flatMap((one) => one.geometry.coordinates);
  const shown = {
    type: "MultiPolygon",
    coordinates: polygons.filter((rings) => Math.max(...rings[0].map(([, latitude]) => latitude)) > -60),
  };
  const projection = geoEqualEarth().fitExtent(
    [
      [4, 4],
      [width - 4, height - 4],
    ],
    shown,
  );
  const path = geoPath(projection).digits(1)(shown);
  return JSON.stringify({
    width,
    height,
    land: path,
    scale: projection.scale(),
    translate: projection.translate(),
  });
}
