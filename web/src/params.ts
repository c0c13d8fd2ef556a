/** What is asked for, as the one form that all doors read: the JSON of DownloadParams. */

export type Corners = [number, number, number, number];

export interface Visualization {
  bands?: string[];
  min?: number[];
  max?: number[];
  gamma?: number[];
  palette?: string[];
  stretch?: { lowerPercent?: number; upperPercent?: number };
}

export interface DownloadParams {
  image: string;
  name?: string;
  bands?: { id: string }[];
  crs?: string;
  crsTransform?: number[];
  dimensions?: number[];
  scale?: number;
  region?: RegionParams;
  format?: string;
  resampling?: string;
  nodata?: number;
  mask?: string;
  clipToRegion?: boolean;
  compression?: string;
  cloudOptimized?: boolean;
  requestId?: string;
  visualization?: Visualization;
}

export interface RegionParams {
  boundingBox?: { west: number; south: number; east: number; north: number };
  geojson?: string;
  crs?: string;
}

/** An area: a box, or a geometry, with sides along the axes of a crs; "" is longitude and latitude. */
export type Area =
  | { kind: "box"; crs: string; corners: Corners }
  | { kind: "shape"; crs: string; geometry: GeoJSON.Geometry };

const GRIDS = ["native", "scale", "dimensions", "transform"] as const;
export type GridKind = (typeof GRIDS)[number];

export const isGrid = (value: unknown): value is GridKind => GRIDS.includes(value as GridKind);

/** How deep the coordinates of each kind of geometry lie. */
const DEPTHS = new Map([
  ["Point", 0],
  ["MultiPoint", 1],
  ["LineString", 1],
  ["MultiLineString", 2],
  ["Polygon", 2],
  ["MultiPolygon", 3],
]);

function areCoordinates(value: unknown, depth: number): boolean {
  if (!Array.isArray(value)) return false;
  if (depth) return value.every((part) => areCoordinates(part, depth - 1));
  return value.length >= 2 && value.every(Number.isFinite);
}

function isGeometry(value: unknown): value is GeoJSON.Geometry {
  const { type, coordinates, geometries } = (value ?? {}) as Record<string, unknown>;
  if (type === "GeometryCollection") return Array.isArray(geometries) && geometries.every(isGeometry);
  const depth = DEPTHS.get(type as string);
  return depth !== undefined && areCoordinates(coordinates, depth);
}

/** Tell whether a value, of a link or of what was entered, is an area. */
export function isArea(value: unknown): value is Area {
  const { kind, crs, corners, geometry } = (value ?? {}) as Record<string, unknown>;
  if (typeof crs !== "string") return false;
  if (kind === "box") return Array.isArray(corners) && corners.length === 4 && corners.every(Number.isFinite);
  return kind === "shape" && isGeometry(geometry);
}

/** What the form holds; texts are as they were typed, so that the server may say what is wrong with them. */
export interface Choices {
  bands: string[];
  area: Area | null;
  grid: GridKind;
  scale: string;
  dimensions: string;
  crs: string;
  transform: string;
  format: string;
  resampling: string;
  nodata: string;
  mask: string;
  compression: string;
  cloudOptimized: boolean;
  clip: boolean;
}

export const NO_CHOICES: Choices = {
  bands: [],
  area: null,
  grid: "native",
  scale: "",
  dimensions: "",
  crs: "",
  transform: "",
  format: "GEO_TIFF",
  resampling: "",
  nodata: "",
  mask: "",
  compression: "",
  cloudOptimized: false,
  clip: false,
};

export const isPicture = (format: string) => format === "PNG" || format === "JPEG";
const isTiff = (format: string) => format.endsWith("GEO_TIFF") || format.endsWith("PER_BAND");

/** Return a number, or the text for the server to judge: JSON has no number for NaN and what is infinite. */
function numberOf(text: string): number {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? (text as unknown as number) : value;
}

const numbersOf = (text: string, separators: RegExp) => text.split(separators).filter(Boolean).map(numberOf);

export function regionParams(area: Area): RegionParams {
  const crs = area.crs ? { crs: area.crs } : {};
  if (area.kind === "box") {
    const [west, south, east, north] = area.corners;
    return { boundingBox: { west, south, east, north }, ...crs };
  }
  return { geojson: JSON.stringify(area.geometry), ...crs };
}

/** Return the request of what was chosen; what has no effect is left out. */
export function downloadParams(image: string, choices: Choices, look: Visualization): DownloadParams {
  const params: DownloadParams = { image };
  const picture = isPicture(choices.format);
  if (picture) params.visualization = look;
  else if (choices.bands.length) params.bands = choices.bands.map((id) => ({ id }));
  const crs = choices.crs.trim();
  if (crs && choices.grid !== "native") params.crs = crs;
  if (choices.grid === "scale") params.scale = numberOf(choices.scale);
  if (choices.grid === "dimensions" || choices.grid === "transform") {
    if (choices.dimensions.trim()) params.dimensions = numbersOf(choices.dimensions, /[\sx×,]+/i);
    if (choices.grid === "transform") params.crsTransform = numbersOf(choices.transform, /[\s,;[\]()]+/);
  }
  if (choices.area && choices.grid !== "transform") params.region = regionParams(choices.area);
  params.format = `FORMAT_${choices.format}`;
  if (choices.resampling) params.resampling = `RESAMPLING_${choices.resampling}`;
  if (choices.clip && choices.area?.kind === "shape" && params.region) params.clipToRegion = true;
  if (!picture && choices.nodata.trim()) params.nodata = numberOf(choices.nodata);
  if (!picture && choices.mask) params.mask = `MASK_${choices.mask}`;
  if (isTiff(choices.format) && choices.compression) params.compression = `COMPRESSION_${choices.compression}`;
  if (isTiff(choices.format) && choices.cloudOptimized) params.cloudOptimized = true;
  return params;
}

/** Return an id that is the same for the same text: a UUID of its digest. */
export async function idFor(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  if (!crypto.subtle) return crypto.randomUUID?.() ?? fallbackId(text); // over http, but for this machine
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return uuid([...digest.slice(0, 16)]);
}

/** Likewise, by FNV-1a, where a browser has no digests. */
function fallbackId(text: string): string {
  const parts = [0x811c9dc5, 0x01234567, 0x89abcdef, 0x76543210].map((seed) => {
    let hash = seed;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  });
  return uuid(parts.flatMap((part) => [part >>> 24, (part >>> 16) & 255, (part >>> 8) & 255, part & 255]));
}

function uuid(bytes: number[]): string {
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
