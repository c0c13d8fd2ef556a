/** Tiles of an image: a pyramid on the lattice of its pixels, or on that of Web Mercator. */
import type { Extent } from "ol/extent";
import { transform } from "ol/proj";
import TileGrid from "ol/tilegrid/TileGrid";
import { address, type BandInfo, type DownloadId, type ImageInfo, idOf, type PixelGrid, type Plan, post } from "./api";
import { type DownloadParams, idFor } from "./params";
import { LONLAT, MERCATOR, projectionOf } from "./projections";
import { outline } from "./state";

const SIDE = 256; // pixels of a tile
const WORLD = 20037508.342789244; // half the side of the square of Web Mercator; EPSG Guidance Note 7-2

export interface Footprint {
  projection: string;
  extent: Extent;
  ring: number[][]; // in the projection
  pixel: number; // the side of the finest pixel, in units of the projection
}

const numbersOf = (grid: PixelGrid) => grid.crsTransform.map(Number);

/** Return corners of a grid in its crs, with points between them. */
export function gridRing(grid: PixelGrid, parts = 16): number[][] {
  const [a, b, c, d, e, f] = numbersOf(grid) as [number, number, number, number, number, number];
  const [width, height] = [Number(grid.width), Number(grid.height)];
  const corners = [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
    [0, 0],
  ] as const;
  const ring: number[][] = [];
  for (let side = 0; side < 4; side++)
    for (let i = 0; i < parts; i++) {
      const [from, to] = [corners[side], corners[side + 1]] as [readonly [number, number], readonly [number, number]];
      const column = from[0] + ((to[0] - from[0]) * i) / parts;
      const row = from[1] + ((to[1] - from[1]) * i) / parts;
      ring.push([a * column + b * row + c, d * column + e * row + f]);
    }
  ring.push(ring[0] as number[]);
  return ring;
}

/** Return the band with the finest pixels. */
export function finestBand(image: ImageInfo): BandInfo | undefined {
  const size = (band: BandInfo) => pixelSide(band.grid);
  return image.bands?.reduce((best, band) =>
    band.grid.crs === best.grid.crs && size(band) < size(best) ? band : best,
  );
}

export function pixelSide(grid: PixelGrid): number {
  const [a, b, , d, e] = numbersOf(grid) as [number, number, number, number, number];
  return Math.sqrt(Math.abs(a * e - b * d));
}

const extentOf = (ring: number[][]): Extent => {
  const xs = ring.map(([x]) => x as number);
  const ys = ring.map(([, y]) => y as number);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};

/** Return where an image lies, in its own projection or in Web Mercator; null where that cannot be told. */
export function footprintOf(image: ImageInfo, own: boolean): Footprint | null {
  const band = finestBand(image);
  if (!band) return null;
  const projection = projectionOf(band.grid.crs);
  if (!projection && !outline.value.length) return null;
  const ring = projection ? gridRing(band.grid) : outline.value;
  if (own && projection) return { projection, extent: extentOf(ring), ring, pixel: pixelSide(band.grid) };
  const within = unwrapped(ring.map((point) => (projection ? transform(point, projection, LONLAT) : point))).map(
    mercator,
  );
  const extent = extentOf(within);
  const shrink = (extent[2] as number) - (extent[0] as number);
  const pixel = shrink / Math.max(1, Number(band.grid.width));
  return { projection: MERCATOR, extent, ring: within, pixel };
}

/** Return a ring of longitudes and latitudes that goes on past 180 degrees; one around a pole is closed over it. */
export function unwrapped(ring: number[][]): number[][] {
  let turn = 0;
  const points = ring.map(([lon, lat], index) => {
    const step = index ? (lon as number) - (ring[index - 1]?.[0] as number) : 0;
    if (step > 180) turn -= 360;
    if (step < -180) turn += 360;
    return [(lon as number) + turn, lat as number];
  });
  if (!turn) return points;
  const pole = (points[0]?.[1] as number) < 0 ? -90 : 90;
  return [...points, [points.at(-1)?.[0] as number, pole], [points[0]?.[0] as number, pole], points[0] as number[]];
}

export const mercator = ([lon, lat]: number[]): number[] => [
  ((lon as number) / 180) * WORLD, // past 180 degrees too
  transform([0, Math.max(-85.05, Math.min(85.05, lat as number))], LONLAT, MERCATOR)[1] as number,
];

export interface Pyramid {
  grid: TileGrid;
  top: Pick<DownloadParams, "crs" | "crsTransform" | "dimensions">;
}

/** Return the pyramid whose finest pixels are those of an image. */
export function pyramidOf({ projection, extent, pixel }: Footprint, crs: string, tile = SIDE): Pyramid {
  const isMercator = projection === MERCATOR;
  const [west, south, east, north] = extent as [number, number, number, number];
  const side = Math.max(east - west, north - south);
  const coarsest = isMercator ? (2 * WORLD) / tile : 0;
  const ratio = isMercator ? coarsest / pixel : side / pixel / tile;
  const zooms = Math.min(28, Math.max(0, Math.ceil(Math.log2(ratio) - 1e-6)));
  const size = isMercator ? coarsest : pixel * 2 ** zooms;
  const [x, y] = isMercator ? [-WORLD, WORLD] : [west, north];
  const resolutions = Array.from({ length: zooms + 1 }, (_, zoom) => size / 2 ** zoom);
  const grid = new TileGrid({ extent, origin: [x, y], resolutions, tileSize: tile });
  return {
    grid,
    top: { crs: isMercator ? MERCATOR : crs, crsTransform: [size, 0, x, 0, -size, y], dimensions: [tile, tile] },
  };
}

export interface Registered {
  id: string;
  query: string;
  plan: Plan;
}

/** Register a download under an id that is the same while the image is: its addresses show one state of it for ever. */
export async function register(params: DownloadParams, signal: AbortSignal): Promise<Registered> {
  const { plan } = await post<{ plan: Plan }>("v1/downloads:plan", params, signal);
  const requestId = await idFor(plan.etag + JSON.stringify(params));
  const { downloadId } = await post<{ downloadId: DownloadId }>("v1/downloads", { ...params, requestId }, signal);
  return { id: idOf(downloadId.name), query: `?token=${encodeURIComponent(downloadId.token)}`, plan };
}

/** Return where a tile is; past 180 degrees the world begins again. */
export const tileUrl = ({ id, query }: Registered, zoom: number, x: number, y: number) =>
  address(`v1/downloads/${id}/tiles/${zoom}/${x & (2 ** zoom - 1)}/${y}${query}`);
