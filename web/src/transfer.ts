/** A download: what is asked for is registered, rendered, read in parts, and held against its checksum. */

import { signal } from "@preact/signals";
import { ask, type Download, type DownloadId, get, idOf, type Plan, post, Refusal } from "./api";
import { Crc32c } from "./crc32c";
import type { DownloadParams } from "./params";
import { TEXTS } from "./texts";

export type Stage = "rendering" | "reading" | "waiting" | "done" | "failed";

export interface Entry {
  id: string;
  token: string;
  filename: string;
  image: string;
  expires: string;
  params: DownloadParams;
  stage: Stage;
  part: number; // of the stage, 0 to 1
  size: number;
  crc32c: string;
  problem: string;
}

const STORED = "rasterwire.downloads";
const MOST_ENTRIES = 50;

function stored(): Entry[] {
  try {
    const entries = JSON.parse(localStorage.getItem(STORED) ?? "[]") as Entry[];
    // of what was under way when the page was left, the server still has the file
    return entries.map((entry) =>
      entry.stage === "done" || entry.stage === "failed" ? entry : { ...entry, stage: "waiting" },
    );
  } catch {
    return [];
  }
}

export const entries = signal<Entry[]>(stored());
const running = new Map<string, AbortController>();

function keep(next: Entry[]): void {
  entries.value = next.slice(0, MOST_ENTRIES);
  try {
    localStorage.setItem(STORED, JSON.stringify(entries.value));
  } catch {
    // a browser that stores nothing forgets them with the tab
  }
}

function update(id: string, part: Partial<Entry>): void {
  keep(entries.value.map((entry) => (entry.id === id ? { ...entry, ...part } : entry)));
}

export function isExpired(entry: Entry): boolean {
  return Date.parse(entry.expires) < Date.now();
}

/** Register a download, and read it. */
export async function begin(params: DownloadParams): Promise<void> {
  const requestId = crypto.randomUUID?.();
  const body = requestId ? { ...params, requestId } : params;
  const { downloadId, plan } = await post<{ downloadId: DownloadId; plan: Plan }>("v1/downloads", body);
  const entry: Entry = {
    id: idOf(downloadId.name),
    token: downloadId.token,
    filename: plan.filename,
    image: params.image,
    expires: downloadId.expireTime,
    params,
    stage: "rendering",
    part: 0,
    size: Number(plan.estimatedBytes),
    crc32c: "",
    problem: "",
  };
  keep([entry, ...entries.value.filter((each) => each.id !== entry.id)]);
  await resume(entry);
}

/** Read a registered download to its end, and hand it to the browser. */
export async function resume(entry: Entry): Promise<void> {
  running.get(entry.id)?.abort();
  const abort = new AbortController();
  running.set(entry.id, abort);
  update(entry.id, { stage: "rendering", part: 0, problem: "" });
  try {
    await render(entry, abort.signal);
    const file = await read(entry, abort.signal);
    save(file.blob, entry.filename);
    update(entry.id, { stage: "done", part: 1, size: file.blob.size, crc32c: file.crc32c });
  } catch (error) {
    if (!abort.signal.aborted) update(entry.id, { stage: "failed", problem: (error as Error).message });
  } finally {
    if (running.get(entry.id) === abort) running.delete(entry.id);
  }
}

/** Forget a download, here and at the server. */
export function forget(entry: Entry): void {
  running.get(entry.id)?.abort();
  keep(entries.value.filter((each) => each.id !== entry.id));
  if (!isExpired(entry)) ask("DELETE", `v1/downloads/${entry.id}?token=${entry.token}`).catch(() => undefined);
}

const PAINT = 100; // milliseconds between two changes of what is shown of a file that comes
const POLL = 250; // milliseconds between two questions how far a render is
const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

async function render(entry: Entry, signal: AbortSignal): Promise<void> {
  const path = `v1/downloads/${entry.id}`;
  const query = `?token=${entry.token}`;
  let download = (
    await patient(() => post<{ download: Download }>(`${path}:prepare${query}`, {}, signal), entry, signal)
  ).download;
  while (download.state === "STATE_RENDERING" || download.state === "STATE_REGISTERED") {
    const total = Number(download.blocksTotal ?? 0);
    update(entry.id, { stage: "rendering", part: total ? Number(download.blocksDone ?? 0) / total : 0 });
    await pause(POLL);
    download = (await patient(() => get<{ download: Download }>(path + query, signal), entry, signal)).download;
  }
  if (download.state === "STATE_FAILED") throw new Error(download.failure ?? "the server could not make the file");
  if (download.sizeBytes) update(entry.id, { size: Number(download.sizeBytes) });
}

const FIRST_WAIT = 500; // milliseconds before the first new try; each is twice as long, up to the longest
const LONGEST_WAIT = 8_000;
const MOST_FAULTS = 5; // in a row, of a server that answers
const AWAY = [429, 502, 503, 504]; // a server, or what stands before it, that asks to come again

/** Try again while there is no connection; what the server refuses is refused, and faults of its own that last. */
async function patient<T>(work: () => Promise<T>, entry: Entry, signal: AbortSignal): Promise<T> {
  let faults = 0;
  for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const isFault = error instanceof Refusal && !AWAY.includes(error.status);
      if (isFault && error.status < 500) throw error;
      faults = isFault ? faults + 1 : 0;
      if (faults === MOST_FAULTS) throw new Error(TEXTS.faults(faults, (error as Error).message));
      update(entry.id, { stage: "waiting" });
      await pause(wait);
      signal.throwIfAborted();
    }
  }
}

/** Return the bytes and their checksum; goes on where a connection broke, with the bytes of the same file. */
async function read(entry: Entry, signal: AbortSignal): Promise<{ blob: Blob; crc32c: string }> {
  let parts: Blob[] = [];
  let sum = new Crc32c();
  let shown = 0;
  let [size, received, etag, digest, type] = [0, 0, "", "", ""];
  await patient(
    async () => {
      const headers: Record<string, string> = received ? { Range: `bytes=${received}-`, "If-Match": etag } : {};
      const answer = await ask("GET", `v1/downloads/${entry.id}:getPixels?token=${entry.token}`, { headers, signal });
      if (received && answer.status !== 206) {
        // all of the file comes, of a server or a proxy that knows no ranges
        parts = [];
        sum = new Crc32c();
        received = 0;
      }
      etag = answer.headers.get("ETag") ?? etag;
      type = answer.headers.get("Content-Type") ?? type;
      digest = /crc32c=:([^:]+):/.exec(answer.headers.get("Repr-Digest") ?? "")?.[1] ?? digest;
      const range = /\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1];
      size = Number(range ?? answer.headers.get("Content-Length") ?? 0);
      const reader = (answer.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(new Blob([value]));
        sum.add(value);
        received += value.length;
        if (Date.now() - shown < PAINT) continue;
        shown = Date.now();
        update(entry.id, { stage: "reading", part: size ? received / size : 0, size: size || received });
      }
      if (size && received < size) throw new Error("the connection ended early");
    },
    entry,
    signal,
  );
  if (digest && hex(digest) !== sum.hex())
    throw new Error("the bytes that came do not have the checksum of the file; download it again");
  return { blob: new Blob(parts, { type }), crc32c: sum.hex() };
}

const hex = (base64: string) =>
  [...atob(base64)].map((character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join("");

function save(blob: Blob, filename: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
