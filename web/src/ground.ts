/** What is under the images: the outline of land, and lines of longitude and latitude, in any projection. */
import Feature from "ol/Feature";
import { LineString, Point, Polygon } from "ol/geom";
import { transform } from "ol/proj";
import { address } from "./api";
import { LONLAT, MERCATOR } from "./projections";

declare const LAND_FILE: string;

type Position = [number, number];
type Box = [number, number, number, number];

let rings: Promise<Position[][]> | undefined;

function landRings(): Promise<Position[][]> {
  rings ??= fetch(address(`assets/${LAND_FILE}`))
    .then((answer) => answer.json() as Promise<number[][]>)
    .then((flat) =>
      flat.map((ring) => {
        const points: Position[] = [];
        for (let i = 0; i < ring.length; i += 2)
          points.push([(ring[i] as number) / 100, (ring[i + 1] as number) / 100]);
        return points;
      }),
    );
  return rings;
}

/** Return the part of a ring on one side of a line along an axis. */
function clipSide(ring: Position[], axis: 0 | 1, limit: number, sign: 1 | -1): Position[] {
  const inside = (point: Position) => sign * (point[axis] - limit) >= 0;
  const found: Position[] = [];
  ring.forEach((point, index) => {
    const before = ring[(index + ring.length - 1) % ring.length] as Position;
    if (inside(point) !== inside(before)) {
      const part = (limit - before[axis]) / (point[axis] - before[axis]);
      found.push([before[0] + part * (point[0] - before[0]), before[1] + part * (point[1] - before[1])]);
    }
    if (inside(point)) found.push(point);
  });
  return found;
}

function clip(ring: Position[], [west, south, east, north]: Box): Position[] {
  let found = clipSide(ring, 0, west, 1);
  found = clipSide(found, 0, east, -1);
  found = clipSide(found, 1, south, 1);
  return clipSide(found, 1, north, -1);
}

/** Return positions no further than a degree or so from each other: straight lines become curves elsewhere. */
function dense(points: Position[], step: number): Position[] {
  return points.flatMap((point, index) => {
    const after = points[index + 1];
    if (!after) return [point];
    const count = Math.ceil(Math.max(Math.abs(after[0] - point[0]), Math.abs(after[1] - point[1])) / step);
    return Array.from({ length: Math.max(1, count) }, (_, i): Position => {
      const part = i / Math.max(1, count);
      return [point[0] + part * (after[0] - point[0]), point[1] + part * (after[1] - point[1])];
    });
  });
}

/** Return in which box of longitudes and latitudes a projection is drawn around a point: further off it tears. */
export function drawableBox(projection: string, [lon, lat]: Position): Box {
  if (projection === MERCATOR) return [-180, -85, 180, 85];
  if (projection === LONLAT) return [-180, -90, 180, 90];
  const [, y] = transform([0, lat > 0 ? 89.9 : -89.9], LONLAT, projection);
  const [, other] = transform([180, lat > 0 ? 89.9 : -89.9], LONLAT, projection);
  const isPolar = Math.abs((y as number) - (other as number)) < 100_000 && Math.abs(y as number) < 100_000;
  if (isPolar) return lat > 0 ? [-180, 30, 180, 90] : [-180, -90, 180, -30];
  return [Math.max(-180, lon - 25), Math.max(-84, lat - 25), Math.min(180, lon + 25), Math.min(84, lat + 25)];
}

const project = (points: Position[], projection: string) =>
  points
    .map((point) => transform(point, LONLAT, projection))
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));

/** Return the land of a box as features. */
export async function landFeatures(projection: string, box: Box): Promise<Feature[]> {
  return (await landRings()).flatMap((ring) => {
    const part = clip(ring, box);
    if (part.length < 3) return [];
    const points = project(dense([...part, part[0] as Position], 2), projection);
    return points.length < 4 ? [] : [new Feature(new Polygon([points]))];
  });
}

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const MOST_LINES = 11;

/** Return lines of longitude and latitude over an extent of the map, with labels where they enter it. */
export function graticule(projection: string, extent: number[], within: Box): Feature[] {
  const [west, south, east, north] = bounds(projection, extent, within);
  const range = Math.max(east - west, north - south);
  if (!(range > 0)) return [];
  const step =
    STEPS.find((each, index) => range / (STEPS[index + 1] ?? 0) > MOST_LINES || range / each > MOST_LINES / 2.5) ??
    0.001;
  const lines: Feature[] = [];
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const add = (value: number, name: string, ends: [Position, Position]) => {
    const points = project(dense(ends, Math.max(range / 60, 0.0005)), projection);
    if (points.length < 2) return;
    lines.push(new Feature(new LineString(points)));
    const isMeridian = name === "E" || name === "W";
    const isSouthPolar = within[1] === -90 && projection !== LONLAT; // its meridians begin at the pole
    const inside = (isMeridian && isSouthPolar ? points.toReversed() : points).find(([x, y]) =>
      contains(extent, x as number, y as number),
    );
    if (inside) {
      const label = new Feature(new Point(inside));
      label.set("label", `${Math.abs(value).toFixed(digits)}°${value === 0 ? "" : name}`);
      label.set("isMeridian", isMeridian);
      lines.push(label);
    }
  };
  for (let i = Math.ceil(west / step); i * step <= east; i++)
    add(i * step, i < 0 ? "W" : "E", [
      [i * step, south],
      [i * step, north],
    ]);
  for (let i = Math.ceil(south / step); i * step <= north; i++)
    add(i * step, i < 0 ? "S" : "N", [
      [west, i * step],
      [east, i * step],
    ]);
  return lines;
}

const contains = (extent: number[], x: number, y: number) =>
  x >= (extent[0] as number) && x <= (extent[2] as number) && y >= (extent[1] as number) && y <= (extent[3] as number);

/** Return the longitudes and latitudes of an extent, a little more than that. */
function bounds(projection: string, extent: number[], within: Box): Box {
  const [x0, y0, x1, y1] = extent as Box;
  const [, before, after] = [0, -1, 1].map((sign) =>
    projection === MERCATOR ? sign * 20037508.4 : sign * Number.MAX_VALUE,
  );
  if (x0 < (before as number) || x1 > (after as number)) return within; // around the world
  const found: Box = [180, 90, -180, -90];
  const side = 12;
  for (let i = 0; i <= side; i++)
    for (let j = 0; j <= side; j++) {
      const point = [x0 + ((x1 - x0) * i) / side, y0 + ((y1 - y0) * j) / side];
      const [lon, lat] = transform(point, projection, LONLAT) as Position;
      if (!Number.isFinite(lon) || !Number.isFinite(lat)) continue;
      found[0] = Math.min(found[0], lon);
      found[1] = Math.min(found[1], lat);
      found[2] = Math.max(found[2], lon);
      found[3] = Math.max(found[3], lat);
    }
  const x = (found[2] - found[0]) / side;
  const y = (found[3] - found[1]) / side;
  return [
    Math.max(within[0], found[0] - x),
    Math.max(within[1], found[1] - y),
    Math.min(within[2], found[2] + x),
    Math.min(within[3], found[3] + y),
  ];
}
