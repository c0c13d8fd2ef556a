/** The values under the pointer: small tiles of numbers, each of which answers for all of its pixels. */
import { computed, effect, signal } from "@preact/signals";
import { transform } from "ol/proj";
import { ask, type ImageInfo } from "./api";
import { pointer } from "./map";
import { image } from "./state";
import { finestBand, footprintOf, type Pyramid, pyramidOf, type Registered, register, tileUrl } from "./tiles";

const SIDE = 16; // pixels of a tile along both axes
const MOST_BANDS = 12;
const MOST_TILES = 300;
const PAUSE = 60; // milliseconds that a pointer rests before a tile is asked for

export interface Value {
  band: string;
  value: number | null; // null where it is not valid
}

interface NumberTile {
  names: string[];
  at(column: number, row: number): Value[];
}

interface Source {
  registered: Promise<Registered>;
  pyramid: Pyramid;
  projection: string;
  zoom: number;
}

const tiles = new Map<string, Promise<NumberTile | null>>();
let source: Source | null = null;
let stop = new AbortController();

export const values = signal<Value[]>([]);

/** The pixel of the finest lattice that the pointer is over. */
const pixel = computed(() => {
  const at = pointer.value;
  const shown = image.value;
  const place = shown && footprintOf(shown, true);
  if (!at || !place) return null;
  const [x, y] = transform([at.x, at.y], at.projection, place.projection) as [number, number];
  const [west, south, east, north] = place.extent as [number, number, number, number];
  if (!(x >= west && x < east && y > south && y <= north)) return null;
  return [Math.floor((x - west) / place.pixel), Math.floor((north - y) / place.pixel)] as const;
});

effect(() => {
  const shown = image.value;
  stop.abort();
  stop = new AbortController();
  source = null;
  tiles.clear();
  values.value = [];
  void shown;
});

function sourceOf(shown: ImageInfo): Source | null {
  const place = footprintOf(shown, true);
  const crs = finestBand(shown)?.grid.crs;
  if (!place || !crs) return null;
  const pyramid = pyramidOf(place, crs, SIDE);
  const bands = (shown.bands ?? []).slice(0, MOST_BANDS).map(({ id }) => ({ id }));
  const params = { image: shown.id, bands, ...pyramid.top, format: "FORMAT_NPY", mask: "MASK_BAND" };
  const zoom = pyramid.grid.getResolutions().length - 1;
  return { registered: register(params, stop.signal), pyramid, projection: place.projection, zoom };
}

effect(() => {
  const at = pixel.value;
  const shown = image.value;
  if (!at || !shown) {
    values.value = [];
    return;
  }
  const [column, row] = at;
  let isOver = false;
  const timer = setTimeout(async () => {
    source ??= sourceOf(shown);
    if (!source) return;
    const tile = await tileAt(source, Math.floor(column / SIDE), Math.floor(row / SIDE));
    if (tile && !isOver) values.value = tile.at(column % SIDE, row % SIDE);
  }, PAUSE);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
});

function tileAt({ registered, zoom }: Source, x: number, y: number): Promise<NumberTile | null> {
  const key = `${x}/${y}`;
  let tile = tiles.get(key);
  if (!tile) {
    const { signal: until } = stop;
    tile = registered
      .then((known) => ask("GET", tileUrl(known, zoom, x, y), { signal: until }))
      .then((answer) => answer.arrayBuffer())
      .then(readNpy)
      .catch(() => {
        // the map tells of what is wrong with the image; the next time that the pointer is here, all is asked for again
        if (tiles.get(key) === tile) tiles.delete(key);
        if (source?.registered === registered) source = null;
        return null;
      });
    if (tiles.size >= MOST_TILES) tiles.delete(tiles.keys().next().value as string);
    tiles.set(key, tile);
  }
  return tile;
}

const READERS: Record<string, (view: DataView, at: number) => number> = {
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  b1: (view, at) => view.getUint8(at),
  u2: (view, at) => view.getUint16(at, true),
  i2: (view, at) => view.getInt16(at, true),
  u4: (view, at) => view.getUint32(at, true),
  i4: (view, at) => view.getInt32(at, true),
  u8: (view, at) => Number(view.getBigUint64(at, true)),
  i8: (view, at) => Number(view.getBigInt64(at, true)),
  f4: (view, at) => view.getFloat32(at, true),
  f8: (view, at) => view.getFloat64(at, true),
};

/** Read a packed structured array of NumPy; source: numpy.lib.format. */
export function readNpy(buffer: ArrayBuffer): NumberTile {
  const view = new DataView(buffer);
  const isLong = view.getUint8(6) > 1;
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (isLong ? 12 : 10) + length;
  const header = new TextDecoder().decode(new Uint8Array(buffer, 10, length));
  const fields = [...header.matchAll(/\('((?:[^'\\]|\\.)*)',\s*'[<|=]?([a-z]\d)'\)/g)].map((match) => ({
    name: match[1] as string,
    kind: match[2] as string,
    size: Number((match[2] as string)[1]),
  }));
  const shape = /'shape':\s*\((\d+),\s*(\d+)/.exec(header);
  const width = Number(shape?.[2]);
  const itemSize = fields.reduce((sum, { size }) => sum + size, 0);
  const names = fields.map(({ name }) => name);
  const at = (column: number, row: number) => {
    let offset = start + (row * width + column) * itemSize;
    const numbers = fields.map(({ kind, size }) => {
      const value = READERS[kind]?.(view, offset) ?? Number.NaN;
      offset += size;
      return value;
    });
    const isMasked = names.at(-1) === "mask";
    const isValid = !isMasked || numbers.at(-1) !== 0;
    const bands = isMasked ? names.slice(0, -1) : names;
    return bands.map((band, index) => ({ band, value: isValid ? (numbers[index] as number) : null }));
  };
  return { names, at };
}
