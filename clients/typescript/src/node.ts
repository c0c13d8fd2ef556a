// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { stat } from "node:fs/promises";
import type { SecureClientSessionOptions } from "node:http2";
import { dirname, join } from "node:path";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { DownloadPlan } from "../gen/rasterwire/v1/download_pb.js";
import { Checker } from "./checker.js";
import type { Callback, CallSetup, ClientOptions } from "./client.js";
import { Client, interceptor, tell } from "./client.js";
import { RasterwireError } from "./errors.js";
import type { Params } from "./params.js";
import { Part } from "./part.js";
import { transfer } from "./stream.js";

/** Bytes that are written before they are brought to the disk. */
const synced = 8 << 20;

/** How a connection is made. */
export interface ConnectOptions extends ClientOptions {
  /** Of TLS, such as `ca`, `cert` and `key`; with it, `host:port` is called with TLS. */
  readonly tls?: SecureClientSessionOptions;
  /** More of Connect. */
  readonly interceptors?: readonly Interceptor[];
  /** A transport of Connect that is there already; the target does not count then. */
  readonly transport?: Transport;
}

/** Of one download. */
export interface DownloadSetup extends CallSetup {
  /** Called with the bytes that are done, and with all of them or undefined while no byte is there yet. */
  readonly progress?: (done: number, total: number | undefined) => void;
  /** Begin anew, where a process that was ended left the beginning of the same file as `NAME.part`. */
  readonly restart?: boolean;
}

/** A file that came. */
export interface Downloaded {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the whole file, checked. */
  readonly crc32c: number;
  /** That the server proposed. */
  readonly filename: string;
  readonly mimeType: string;
  /** That the file was made by. */
  readonly plan: DownloadPlan;
}

/** A client that writes files. */
export class NodeClient extends Client {
  readonly #close: () => void;

  constructor(transport: Transport, options: ClientOptions, close: () => void) {
    super(transport, options);
    this.#close = close;
  }

  /** Ends all calls, and the connection. */
  close(): void {
    this.#close();
  }

  /** `close`, for `using`. */
  [Symbol.dispose](): void {
    this.#close();
  }

  /**
   * Writes a file, which appears under its name only when it is whole and checked.
   *
   * A path that is a folder gives the file the server's name. Where the process is ended meanwhile, `NAME.part` and
   * `NAME.part.json` stay, and the next download of the same file goes on behind them; after an error nothing stays.
   */
  async download(params: Params, path: string, setup: DownloadSetup = {}): Promise<Downloaded> {
    const isFolder = await stat(path).then((found) => found.isDirectory(), () => false);
    await stat(isFolder ? path : dirname(path)); // fails before the server is asked
    const { id, plan } = await this.createDownload(params, setup);
    const target = isFolder ? join(path, plainName(plan.filename)) : path;
    const checker = new Checker(plan);
    const part = await Part.open(target, plan.etag, setup.restart ?? false);
    let hasFailed = true;
    try {
      ({ etag: checker.etag, offset: checker.offset, crc32c: checker.crc32c } = part.known);
      const chunks = transfer(this.reader(id), checker, this.idle, this.retry, setup.signal);
      await fill(part, checker, chunks, setup.progress);
      const info = checker.finish();
      setup.signal?.throwIfAborted();
      await part.become(target);
      hasFailed = false;
      const { filename, mimeType } = info;
      return { path: target, size: Number(info.sizeBytes), crc32c: info.crc32c, filename, mimeType, plan };
    } finally {
      await part.close(hasFailed);
    }
  }

  /** `download` with a callback. */
  downloadLater(params: Params, path: string, callback: Callback<Downloaded>, setup?: DownloadSetup): void {
    tell(this.download(params, path, setup), callback);
  }
}

/** Writes chunks, and brings them to the disk, behind those that are on their way. When it ends, nothing is written. */
export async function fill(
  part: Part,
  checker: Checker,
  chunks: AsyncIterable<Uint8Array>,
  progress: DownloadSetup["progress"],
): Promise<void> {
  let behind: Promise<unknown> = Promise.resolve();
  try {
    for await (const data of chunks) {
      progress?.(checker.offset, checker.info && Number(checker.info.sizeBytes));
      if (data.length === 0) {
        continue;
      }
      await behind;
      const { etag, offset, crc32c } = checker;
      behind = write(part, data, { etag, offset, crc32c });
      behind.catch(() => undefined); // is thrown where it is awaited
    }
    await behind;
  } finally {
    await behind.catch(() => undefined); // a note that is being written would come back after the part is closed
  }
  await part.file.sync();
}

async function write(part: Part, data: Uint8Array, known: Part["known"]): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const place = known.offset - data.length + done;
    done += (await part.file.write(data, done, data.length - done, place)).bytesWritten;
  }
  if (known.offset % synced < data.length) {
    await part.file.sync();
    await part.note(known);
  }
}

/**
 * Prepares a connection to a server; the first call makes it.
 *
 * @param target `host:port` of the server's gRPC port, or `https://host` for TLS.
 */
export function connect(target: string, options: ConnectOptions = {}): NodeClient {
  if (options.transport) {
    return new NodeClient(options.transport, options, () => undefined);
  }
  if (/^http:/i.test(target)) {
    const message = `target: ${target} is an address for HTTP; give host:port of the server's gRPC port`;
    throw new RasterwireError(message, "invalid");
  }
  const isHttps = /^https:/i.test(target);
  const baseUrl = isHttps ? target.replace(/\/$/, "") : `${options.tls ? "https" : "http"}://${target}`;
  const keepalive = { pingIntervalMs: 60_000, pingTimeoutMs: 20_000 };
  const sessionManager = new Http2SessionManager(baseUrl, keepalive, options.tls);
  const interceptors = [interceptor(options), ...(options.interceptors ?? [])];
  return new NodeClient(createGrpcTransport({ baseUrl, sessionManager, interceptors }), options, () =>
    sessionManager.abort(),
  );
}

/** A server's file name, without what could lead out of a folder. */
export function plainName(proposed: string): string {
  const last = proposed.replaceAll("\\", "/").split("/").at(-1) ?? "";
  return last.replaceAll(/[\u0000-\u001f<>:"|?*]/g, "_").replace(/^[. ]+/, "") || "download";
}
