/** The state of the page. What a link has to show is in the part of the address after `#`. */

import { batch, computed, effect, signal } from "@preact/signals";
import { get, type ImageInfo, isImageId, keyChanges, type Plan, pathOf, post, Refusal, type Violation } from "./api";
import {
  type Area,
  type Choices,
  type DownloadParams,
  downloadParams,
  isArea,
  isGrid,
  NO_CHOICES,
  type Visualization,
} from "./params";
import { projectionOf } from "./projections";
import { TEXTS } from "./texts";

export interface Look {
  bands: string[];
  min: string;
  max: string;
  gamma: string;
  palette: string;
}

export const NO_LOOK: Look = { bands: [], min: "", max: "", gamma: "", palette: "" };

export const imageId = signal("");
export const image = signal<ImageInfo | null>(null);
export const imageProblem = signal("");
export const choices = signal<Choices>(NO_CHOICES);
export const look = signal<Look>(NO_LOOK);
export const ownProjection = signal(true);

export const change = (part: Partial<Choices>) => {
  choices.value = { ...choices.value, ...part };
};
export const changeLook = (part: Partial<Look>) => {
  look.value = { ...look.value, ...part };
};

const numbers = (text: string) =>
  text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);

/** How pictures are drawn: what is not chosen, the server chooses. */
export const visualization = computed<Visualization>(() => {
  const { bands, min, max, gamma, palette } = look.value;
  const found: Visualization = {};
  if (bands.length === 1 || bands.length === 3) found.bands = bands;
  if (numbers(min).length) found.min = numbers(min);
  if (numbers(max).length) found.max = numbers(max);
  if (palette) found.palette = palette.split(",");
  else if (numbers(gamma).length) found.gamma = numbers(gamma);
  return found;
});

export const params = computed(() =>
  imageId.value && isImageId(imageId.value) ? downloadParams(imageId.value, choices.value, visualization.value) : null,
);

// -- the image ---------------------------------------------------------------------------------

/** Show an image with the choices of a new one. */
export function openImage(id: string): void {
  batch(() => {
    const { format } = choices.value;
    choices.value = { ...NO_CHOICES, format };
    look.value = NO_LOOK;
    imageId.value = id;
  });
}

effect(() => {
  const id = imageId.value;
  keyChanges.value;
  image.value = null;
  imageProblem.value = id && !isImageId(id) ? TEXTS.badImage : "";
  if (!id || imageProblem.peek()) return;
  const abort = new AbortController();
  get<{ image: ImageInfo }>(`v1/images/${pathOf(id)}`, abort.signal).then(
    (answer) => {
      image.value = answer.image;
    },
    (error) => {
      if (!abort.signal.aborted) imageProblem.value = String(error.message);
    },
  );
  return () => abort.abort();
});

/** Where the image lies, in longitude and latitude, where the page cannot compute it; the server can of any crs. */
export const outline = signal<number[][]>([]);

effect(() => {
  const shown = image.value;
  outline.value = [];
  const crs = shown?.bands?.[0]?.grid.crs;
  if (!shown || !crs || projectionOf(crs)) return;
  const abort = new AbortController();
  get<{ geometry?: GeoJSON.Geometry }>(`v1/projects/rasterwire/assets/${pathOf(shown.id)}`, abort.signal).then(
    ({ geometry }) => {
      if (geometry?.type === "Polygon") outline.value = geometry.coordinates[0] ?? [];
      if (geometry?.type === "MultiPolygon") outline.value = geometry.coordinates[0]?.[0] ?? [];
    },
    () => undefined, // an image that cannot be placed is planned and downloaded all the same
  );
  return () => abort.abort();
});

// -- the plan ----------------------------------------------------------------------------------

export interface Planned {
  params: DownloadParams | null; // what the plan is of, once there is one
  isBusy: boolean;
  plan: Plan | null;
  problem: string;
  violations: Violation[];
}

const UNPLANNED: Planned = { params: null, isBusy: false, plan: null, problem: "", violations: [] };

export const planned = signal<Planned>(UNPLANNED);

const PAUSE = 200; // milliseconds after a change, within which the next one comes while somebody types

effect(() => {
  const wanted = params.value;
  keyChanges.value;
  if (!wanted) {
    planned.value = UNPLANNED;
    return;
  }
  const abort = new AbortController();
  planned.value = { ...planned.peek(), isBusy: true };
  const timer = setTimeout(async () => {
    try {
      const { plan } = await post<{ plan: Plan }>("v1/downloads:plan", wanted, abort.signal);
      planned.value = { ...UNPLANNED, params: wanted, plan };
    } catch (error) {
      if (abort.signal.aborted) return;
      const violations = error instanceof Refusal ? error.violations : [];
      planned.value = { ...UNPLANNED, problem: (error as Error).message, violations };
    }
  }, PAUSE);
  return () => {
    clearTimeout(timer);
    abort.abort();
  };
});

/** The request that the server accepted just as the form now says it; null while that is not known. */
export const accepted = computed(() => {
  const { params: wanted, isBusy } = planned.value;
  return !isBusy && wanted === params.value ? wanted : null;
});

/** Return what is wrong with a field of the request, or with a part of it. */
export function violationsOf(...fields: string[]): Violation[] {
  const plain = (name: string) => name.replace(/_/g, "").toLowerCase();
  const wanted = fields.map(plain);
  return planned.value.violations.filter(({ field }) => {
    const name = plain(field);
    return wanted.some((each) => name === each || name.startsWith(`${each}.`) || name.startsWith(`${each}[`));
  });
}

// -- the address -------------------------------------------------------------------------------

/** Return what a link has to hold to show the same; what is as by default is left out. */
export function stateText(): string {
  const found = new URLSearchParams();
  if (imageId.value) found.set("image", imageId.value);
  const add = (prefix: string, value: object, defaults: object) => {
    for (const [key, part] of Object.entries(value)) {
      const text = JSON.stringify(part);
      if (text !== JSON.stringify((defaults as Record<string, unknown>)[key]))
        found.set(prefix + key, typeof part === "string" ? part : text);
    }
  };
  add("", choices.value, NO_CHOICES);
  add("look.", look.value, NO_LOOK);
  if (!ownProjection.value) found.set("map", "mercator");
  return found.toString();
}

function readPart<T extends object>(source: URLSearchParams, prefix: string, defaults: T): T {
  const found = { ...defaults } as Record<string, unknown>;
  for (const [key, standard] of Object.entries(defaults)) {
    const text = source.get(prefix + key);
    if (text === null) continue;
    try {
      const part = typeof standard === "string" ? text : JSON.parse(text);
      if (isLike(key, part, standard)) found[key] = part;
    } catch {
      // a link that was cut: the default is shown
    }
  }
  return found as T;
}

/** Tell whether a part of a link can stand where the default does. */
function isLike(key: string, part: unknown, standard: unknown): boolean {
  if (key === "grid") return isGrid(part);
  if (key === "area") return isArea(part);
  if (Array.isArray(standard)) return Array.isArray(part) && part.every((each) => typeof each === "string");
  return typeof part === typeof standard;
}

/** Show what a link says. */
export function readState(text: string): void {
  const source = new URLSearchParams(text);
  batch(() => {
    choices.value = readPart(source, "", NO_CHOICES);
    look.value = readPart(source, "look.", NO_LOOK);
    ownProjection.value = source.get("map") !== "mercator";
    imageId.value = source.get("image") ?? "";
  });
}

export function keepStateInAddress(): void {
  readState(location.hash.slice(1));
  let written = location.hash.slice(1);
  let shown = imageId.peek();
  effect(() => {
    const text = stateText();
    if (text === written) return;
    written = text;
    const hash = text ? `#${text}` : location.pathname + location.search;
    if (imageId.value === shown) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash); // the way back leads to the image before
    shown = imageId.value;
  });
  addEventListener("popstate", () => {
    written = location.hash.slice(1);
    readState(written);
    shown = imageId.peek();
  });
}

export const setArea = (area: Area | null) => change({ area });
