// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import type { FileHandle } from "node:fs/promises";
import { constants, link, lstat, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { threadId } from "node:worker_threads";
import { crc32c } from "./crc32c.js";

/** What is known of the beginning of a file; clients of all languages write it alike, with the name `offset`. */
export interface Known {
  readonly etag: string;
  readonly offset: number;
  readonly crc32c: number;
}

const read = 1 << 20;

/** `NAME.part`, and `NAME.part.json` which says what of it is there and was brought to the disk. */
export class Part {
  private constructor(
    private readonly path: string,
    readonly file: FileHandle,
    readonly known: Known,
    private readonly lock: string,
  ) {}

  /**
   * Opens the part of a file, behind what is known of the file of this etag. Where another program writes the part of
   * this name it gets a name of its own.
   */
  static async open(target: string, etag: string, restart: boolean): Promise<Part> {
    const path = `${target}.part`;
    const lock = `${path}.lock`;
    const nothing = { etag, offset: 0, crc32c: 0 };
    let part: Part | undefined;
    if (!(await isOfSomebody(path)) && (await take(lock))) {
      // not through a link that somebody laid there
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      const file = await open(path, flags, 0o666).catch(() => undefined);
      if (file) {
        part = new Part(path, file, (restart ? undefined : await noted(path, etag, file)) ?? nothing, lock);
      } else {
        await giveUp(lock);
      }
    }
    if (!part) {
      const own = join(dirname(target), `.${basename(target)}.${randomUUID()}.part`);
      part = new Part(own, await open(own, "wx+"), nothing, "");
    }
    try {
      await part.file.truncate(part.known.offset);
      await part.note(part.known); // tells that the part is of a client of rasterwire
    } catch (error) {
      await part.close(true);
      throw error;
    }
    return part;
  }

  /** Writes down what was brought to the disk, for this user alone. */
  async note(known: Known): Promise<void> {
    await writeFile(`${this.path}.json.new`, JSON.stringify(known), { mode: 0o600 });
    await rename(`${this.path}.json.new`, `${this.path}.json`);
  }

  /** Gives the file its name. */
  async become(target: string): Promise<void> {
    await this.file.close(); // Windows renames no open file
    await rename(this.path, target);
  }

  /** Ends the part; after a failure nothing stays of it. */
  async close(hasFailed: boolean): Promise<void> {
    await this.file.close().catch(() => undefined);
    const left = [`${this.path}.json`, ...(hasFailed ? [this.path] : [])];
    await Promise.all(left.map((path) => rm(path, { force: true })));
    if (this.lock) {
      await giveUp(this.lock);
    }
  }
}

/** Whether there is a file of this name that no client of rasterwire has written. */
async function isOfSomebody(path: string): Promise<boolean> {
  const size = await lstat(path).then((found) => found.size, () => 0);
  return size > 0 && !(await lstat(`${path}.json`).then(() => true, () => false));
}

/** Locks that this process holds. */
const held = new Set<string>();

/** What a lock holds; Node.js has none of the system. A process is told from an earlier one of its id by `start`. */
interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly start: string;
  readonly thread: number;
}

/** Takes a lock, if it is free: one of a process of this host that has ended is. */
async function take(lock: string): Promise<boolean> {
  const path = resolve(lock);
  if (held.has(path)) {
    return false;
  }
  held.add(path); // before another download of this process looks
  try {
    const isTaken = (await make(path)) || ((await isStale(path)) && (await moveAway(path)) && (await make(path)));
    if (!isTaken) {
      held.delete(path);
    }
    return isTaken;
  } catch (error) {
    held.delete(path);
    throw error;
  }
}

/** Gives up a lock that this process holds. */
async function giveUp(lock: string): Promise<void> {
  await rm(lock, { force: true });
  held.delete(resolve(lock));
}

async function make(path: string): Promise<boolean> {
  const owner: Owner = { host: hostname(), pid: process.pid, start: await startOf(process.pid), thread: threadId };
  return writeFile(path, JSON.stringify(owner), { flag: "wx", mode: 0o600 }).then(() => true, () => false);
}

/** Whether the process that made a lock has ended; of another host nobody knows. */
async function isStale(path: string): Promise<boolean> {
  try {
    const owner = JSON.parse(await readFile(path, "utf8")) as Partial<Owner>;
    const pid = Number.isSafeInteger(owner.pid) ? owner.pid! : 0;
    if (owner.host !== hostname() || pid <= 0) {
      return false;
    }
    const isOwn = pid === process.pid && owner.thread === threadId; // and is not held
    return isOwn || !isAlive(pid) || owner.start !== (await startOf(pid));
  } catch {
    return false;
  }
}

/** When a process began, as Linux counts it; other systems do not tell. */
async function startOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return status.slice(status.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

/** Takes a stale lock out of the way. Of two processes one moves it; what a faster one has made since is put back. */
async function moveAway(path: string): Promise<boolean> {
  const moved = `${path}.${randomUUID()}`;
  try {
    await rename(path, moved);
  } catch {
    return false;
  }
  const isOld = await isStale(moved);
  if (!isOld) {
    await link(moved, path).catch(() => undefined);
  }
  await rm(moved, { force: true });
  return isOld;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What is known of a part of this etag, if its bytes are those that were noted. */
async function noted(path: string, etag: string, file: FileHandle): Promise<Known | undefined> {
  try {
    const known = JSON.parse(await readFile(`${path}.json`, "utf8")) as Known;
    if (!etag || known.etag !== etag || !Number.isSafeInteger(known.offset) || known.offset <= 0) {
      return undefined;
    }
    const buffer = new Uint8Array(read);
    let crc = 0;
    for (let offset = 0; offset < known.offset; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(read, known.offset - offset), offset);
      if (bytesRead === 0) {
        return undefined;
      }
      crc = crc32c(buffer.subarray(0, bytesRead), crc);
      offset += bytesRead;
    }
    return crc === known.crc32c ? known : undefined;
  } catch {
    return undefined;
  }
}
