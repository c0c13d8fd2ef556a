/** Small pictures and footprints of images in the list, for those alone that are seen. */
import { effect, signal } from "@preact/signals";
import { transform } from "ol/proj";
import { address, get, type ImageInfo, keyChanges, pathOf } from "./api";
import { LONLAT, projectionOf } from "./projections";
import { finestBand, gridRing, register, unwrapped } from "./tiles";

export interface Preview {
  picture: string; // an address; "" where there is none
  ring: number[][]; // longitudes and latitudes; empty where they cannot be told
}

const MOST_AT_ONCE = 3;
const SIDE = 96; // pixels of the longer side

export const previews = signal<ReadonlyMap<string, Preview>>(new Map());

/** The images of the page of the list that is shown. */
export const listed = signal<readonly string[]>([]);

/** Whether the list has only what lies in the view of the map, which then stays where it is. */
export const isInView = signal(false);

const asked = new Set<string>();
const failed = new Set<string>();
const waiting: string[] = [];
let running = 0;

/** Ask for the preview of an image, once. */
export function want(id: string): void {
  if (asked.has(id)) return;
  asked.add(id);
  waiting.push(id);
  next();
}

function next(): void {
  while (running < MOST_AT_ONCE && waiting.length) {
    running++;
    const id = waiting.pop() as string;
    load(id)
      .catch(() => failed.add(id)) // an image that cannot be shown tells so when it is opened
      .finally(() => {
        running--;
        next();
      });
  }
}

// another key may be one that an image is shown to
effect(() => {
  keyChanges.value;
  waiting.push(...failed);
  failed.clear();
  next();
});

const set = (id: string, preview: Preview) => {
  previews.value = new Map(previews.value).set(id, preview);
};

async function load(id: string): Promise<void> {
  const { image } = await get<{ image: ImageInfo }>(`v1/images/${pathOf(id)}`);
  const ring = lonLatRing(image);
  set(id, { picture: "", ring });
  const params = { image: id, format: "FORMAT_PNG", dimensions: [SIDE] };
  const { id: name, query } = await register(params, new AbortController().signal);
  set(id, { picture: address(`v1/downloads/${name}:getPixels${query}`), ring });
}

function lonLatRing(image: ImageInfo): number[][] {
  const band = finestBand(image);
  const projection = band && projectionOf(band.grid.crs);
  if (!band || !projection) return [];
  return unwrapped(gridRing(band.grid, 8).map((point) => transform(point, projection, LONLAT)));
}
