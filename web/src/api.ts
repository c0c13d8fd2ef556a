/** The doors of the server, as they are public: all addresses are relative, so that a proxy may put a prefix before. */
import { signal } from "@preact/signals";

export interface PixelGrid {
  crs: string;
  crsTransform: number[];
  width: string;
  height: string;
}

export interface BandInfo {
  id: string;
  dataType: string;
  grid: PixelGrid;
  nodata?: number | string;
  nodataText?: string;
  overviews?: number[];
  unit?: string;
  valueScale?: number;
  valueOffset?: number;
}

export interface ImageInfo {
  id: string;
  bands?: BandInfo[];
  startTime?: string;
  properties?: Record<string, unknown>;
  withoutRasters?: boolean;
  unreadableAssets?: { id: string; reason: string }[];
}

export interface ImagePage {
  images?: ImageInfo[];
  nextPageToken?: string;
  unreachable?: string[];
}

export interface BandPlan {
  id: string;
  dataType: string;
  nodataText?: string;
  resampling?: string;
  overview?: number;
}

export interface RasterPlan {
  path: string;
  grid: PixelGrid;
  bands: BandPlan[];
  mask?: string;
  maskReason?: string;
}

export interface Plan {
  filename: string;
  mimeType: string;
  format: string;
  rasters: RasterPlan[];
  uncompressedBytes: string;
  estimatedBytes: string;
  ignored?: { field: string; reason: string }[];
  etag: string;
  scenes?: string;
  sourceBytes?: string;
  leftOut?: { item: string; reason: string; bands: string[] }[];
  notes?: { field: string; text: string }[];
  visualization?: VisualizationPlan;
}

export interface VisualizationPlan {
  bands: { id: string; min?: number; max?: number; gamma?: number; reason?: string }[];
  palette?: string[];
  reason?: string;
}

export interface BandHistogram {
  id: string;
  min?: number;
  max?: number;
  percentiles?: number[];
  counts?: number[];
  isExact?: boolean;
}

export interface DownloadId {
  name: string;
  token: string;
  expireTime: string;
  url: string;
}

export interface Download {
  name: string;
  state?: string;
  expireTime?: string;
  filename?: string;
  blocksDone?: string;
  blocksTotal?: string;
  sizeBytes?: string;
  failure?: string;
}

export interface Violation {
  field: string;
  reason: string;
  description: string;
}

/** An answer that says no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly violations: Violation[],
  ) {
    super(message);
  }
}

let apiKey = sessionStorage.getItem("rasterwire.key") ?? "";

/** Counts the keys that were entered, with each of which all that is shown is asked for again. */
export const keyChanges = signal(0);

/** Remember, for this tab alone, who asks; "" for nobody. */
export function setApiKey(key: string): void {
  apiKey = key;
  sessionStorage.setItem("rasterwire.key", key);
  keyChanges.value++;
}

export function hasApiKey(): boolean {
  return apiKey !== "";
}

/** Return an address below that of the page; one in full stays as it is. */
export function address(path: string): string {
  return new URL(path, document.baseURI.replace(/[?#].*/, "")).href;
}

/** Ask a door; raises Refusal where it does not answer with what was asked for. */
export async function ask(method: string, path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (apiKey) headers.set("Authorization", `Bearer ${apiKey}`);
  const answer = await fetch(address(path), { ...options, method, headers });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<Refusal> {
  try {
    const { error } = (await answer.json()) as {
      error: { message: string; reason?: string; violations?: Violation[] };
    };
    return new Refusal(answer.status, error.reason ?? "", error.message, error.violations ?? []);
  } catch {
    return new Refusal(answer.status, "", `the server answered ${answer.status}`, []);
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask("GET", path, { signal: signal ?? null })).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return (
    await ask("POST", path, { body: JSON.stringify(body), headers, signal: signal ?? null })
  ).json() as Promise<T>;
}

/** Return the last part of the name of a download. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** Tell whether an address can hold an id: of one with dots alone between its slashes, a browser asks another path. */
export function isImageId(id: string): boolean {
  return !id.split("/").some((part) => part === "." || part === "..");
}

/** Return an id of an image as a part of an address; its slashes stay. */
export function pathOf(id: string): string {
  if (!isImageId(id)) throw new Error(`no image has the id ${id}`);
  return id.split("/").map(encodeURIComponent).join("/");
}
