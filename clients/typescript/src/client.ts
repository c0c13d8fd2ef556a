// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { CallOptions, Client as Stub, Interceptor, Transport } from "@connectrpc/connect";
import { Code, createClient } from "@connectrpc/connect";
import type { ImageInfo } from "../gen/rasterwire/v1/catalog_service_pb.js";
import { CatalogService } from "../gen/rasterwire/v1/catalog_service_pb.js";
import type { DownloadChunk, DownloadId, DownloadPlan } from "../gen/rasterwire/v1/download_pb.js";
import { DownloadParamsSchema, Format } from "../gen/rasterwire/v1/download_pb.js";
import type { Download, GetLimitsResponse } from "../gen/rasterwire/v1/download_service_pb.js";
import { DownloadService } from "../gen/rasterwire/v1/download_service_pb.js";
import type { Export, ExportParamsSchema } from "../gen/rasterwire/v1/export_service_pb.js";
import { Export_State, ExportService } from "../gen/rasterwire/v1/export_service_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PixelArray } from "./array.js";
import { readNpy } from "./array.js";
import { Checker } from "./checker.js";
import { corrupt, failure, RasterwireError } from "./errors.js";
import type { Params } from "./params.js";
import type { Read, RetryPolicy } from "./stream.js";
import { messages, pause, transfer } from "./stream.js";

/** How a client is set up; times in seconds. */
export interface ClientOptions {
  /** That a call with one answer may take, 60 by default. Downloads take as long as they bring bytes. */
  readonly timeout?: number;
  /** After which a server that sends no message of a download is left, and asked again; 60 by default. */
  readonly idle?: number;
  /** Patience of downloads; by default 12 attempts, and waits from 0.25 to 8. */
  readonly retry?: RetryPolicy;
  /** An API key or a token, or what returns one for each call. */
  readonly token?: string | (() => string | Promise<string>);
  /** Sent with every call; names are in small letters. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Of one call. */
export interface CallSetup {
  /** Ends the call; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** A registered download: its id, and what it will hold. */
export interface Created {
  readonly id: DownloadId;
  readonly plan: DownloadPlan;
}

/** What is called once with the error, or with undefined and the value. */
export type Callback<T> = (error: unknown, value?: T) => void;

/** Returns a promise's value by a callback, which may throw without an effect on the promise. */
export function tell<T>(promise: Promise<T>, callback: Callback<T>): void {
  promise.then(
    (value) => queueMicrotask(() => callback(undefined, value)),
    (error: unknown) => queueMicrotask(() => callback(error)),
  );
}

/** Calls that the server answers with UNAVAILABLE are sent again, as protos/service_config.json has it. */
const resent: RetryPolicy = { attempts: 5, firstWait: 0.2, longestWait: 3 };

/** Adds to every call what the options of a client say. */
export function interceptor(options: ClientOptions): Interceptor {
  return (next) => async (request) => {
    request.header.set("user-agent", "rasterwire-typescript");
    for (const [name, value] of Object.entries(options.metadata ?? {})) {
      request.header.set(name, value);
    }
    const token = typeof options.token === "function" ? await options.token() : options.token;
    if (token) {
      request.header.set("authorization", `Bearer ${token}`);
    }
    return next(request);
  };
}

/** Talks to one server. */
export class Client {
  protected readonly downloads: Stub<typeof DownloadService>;
  protected readonly idle: number;
  protected readonly retry: RetryPolicy;
  readonly #catalog: Stub<typeof CatalogService>;
  readonly #exports: Stub<typeof ExportService>;
  readonly #timeoutMs: number;

  /** @param transport of Connect, with `interceptor(options)` among its interceptors. */
  constructor(transport: Transport, options: ClientOptions = {}) {
    this.downloads = createClient(DownloadService, transport);
    this.#catalog = createClient(CatalogService, transport);
    this.#exports = createClient(ExportService, transport);
    this.#timeoutMs = (options.timeout ?? 60) * 1000;
    this.idle = options.idle ?? 60;
    this.retry = options.retry ?? { attempts: 12, firstWait: 0.25, longestWait: 8 };
  }

  async #call<T>(method: (options: CallOptions) => Promise<T>, setup: CallSetup = {}, isResent = true): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await method({ timeoutMs: this.#timeoutMs, ...setup });
      } catch (thrown) {
        const error = failure(thrown, setup.signal);
        const isUnavailable = error instanceof RasterwireError && error.code === Code.Unavailable;
        if (!isResent || !isUnavailable || attempt >= resent.attempts) {
          throw error;
        }
      }
      await pause(resent, attempt, 0, setup.signal);
    }
  }

  /** Registers a download; nothing is rendered yet. */
  async createDownload(params: Params, setup?: CallSetup): Promise<Created> {
    const answer = await this.#call((options) => this.downloads.createDownload({ params }, options), setup);
    if (!answer.downloadId || !answer.plan) {
      throw corrupt("the server registered a download without an id or a plan");
    }
    return { id: answer.downloadId, plan: answer.plan };
  }

  /** `createDownload` with a callback. */
  createDownloadLater(params: Params, callback: Callback<Created>, setup?: CallSetup): void {
    tell(this.createDownload(params, setup), callback);
  }

  /** What a download would hold; nothing is registered. */
  async plan(params: Params, setup?: CallSetup): Promise<DownloadPlan> {
    const { plan } = await this.#call((options) => this.downloads.planDownload({ params }, options), setup);
    if (!plan) {
      throw corrupt("the server told no plan");
    }
    return plan;
  }

  /** What the server will serve at most. */
  async limits(setup?: CallSetup): Promise<GetLimitsResponse> {
    return this.#call((options) => this.downloads.getLimits({}, options), setup);
  }

  /** The images whose id begins with a prefix, ordered by id, without their bands. */
  async *listImages(prefix = "", setup?: CallSetup): AsyncGenerator<ImageInfo, void> {
    let pageToken = "";
    do {
      const page = await this.#call((options) => this.#catalog.listImages({ prefix, pageToken }, options), setup);
      yield* page.images;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** An image with its bands. */
  async getImage(id: string, setup?: CallSetup): Promise<ImageInfo> {
    const { image } = await this.#call((options) => this.#catalog.getImage({ id }, options), setup);
    if (!image) {
      throw corrupt("the server told no image");
    }
    return image;
  }

  /** How far a registered download is, and what it holds. */
  async getDownload({ name, token }: DownloadId, setup?: CallSetup): Promise<Download | undefined> {
    return (await this.#call((options) => this.downloads.getDownload({ name, token }, options), setup)).download;
  }

  /** Has the server begin to render a registered download; `getDownload` tells when it is there. */
  async prepareDownload({ name, token }: DownloadId, setup?: CallSetup): Promise<Download | undefined> {
    return (await this.#call((options) => this.downloads.prepareDownload({ name, token }, options), setup)).download;
  }

  /** Makes a registered download unknown to the server. */
  async deleteDownload({ name, token }: DownloadId, setup?: CallSetup): Promise<void> {
    await this.#call((options) => this.downloads.deleteDownload({ name, token }, options), setup, false);
  }

  /** The bytes of a file, in pieces, over lost streams; each is checked, and at the end the whole. */
  async *open(params: Params, setup: CallSetup = {}): AsyncGenerator<Uint8Array, void> {
    const { id, plan } = await this.createDownload(params, setup);
    const checker = new Checker(plan);
    for await (const data of transfer(this.reader(id), checker, this.idle, this.retry, setup.signal)) {
      if (data.length) {
        yield data;
      }
    }
  }

  /** What reads a registered download. */
  protected reader({ name, token }: DownloadId): Read {
    const { downloads } = this;
    return async function* (offset, etag, signal) {
      const request = { name, token, readOffset: BigInt(offset), etag };
      for await (const { chunk } of downloads.readDownload(request, { signal })) {
        yield chunk;
      }
    };
  }

  /** A file by one call that stores nothing: for small pieces. One that was garbled is asked for again, once. */
  async stream(params: Params, setup: CallSetup = {}): Promise<{ data: Uint8Array; plan: DownloadPlan }> {
    try {
      return await this.#streamOnce(params, setup);
    } catch (error) {
      if (error instanceof RasterwireError && error.isGarbled) {
        return this.#streamOnce(params, setup);
      }
      throw error;
    }
  }

  async #streamOnce(params: Params, setup: CallSetup): Promise<{ data: Uint8Array; plan: DownloadPlan }> {
    const checker = new Checker();
    const pieces: Uint8Array[] = [];
    const begin = (signal: AbortSignal) => this.downloads.streamDownload({ params }, { signal });
    for await (const { chunk, plan } of messages(begin, this.idle, setup.signal)) {
      checker.plan = plan ?? checker.plan;
      pieces.push(checker.check(chunk as DownloadChunk | undefined));
    }
    checker.finish();
    if (!checker.plan) {
      throw corrupt("the server told no plan with the file");
    }
    const data = new Uint8Array(checker.offset);
    let position = 0;
    for (const piece of pieces) {
      data.set(piece, position);
      position += piece.length;
    }
    return { data, plan: checker.plan };
  }

  /** Pixels, by one call that stores nothing: for small pieces. The format of the request does not count. */
  async array(params: Params, setup?: CallSetup): Promise<PixelArray> {
    const request = { ...create(DownloadParamsSchema, params), format: Format.NPY };
    delete request.filePerBand;
    const { data, plan } = await this.stream(request, setup);
    const array = readNpy(data);
    const grid = plan.rasters[0]?.grid;
    if (BigInt(array.shape[0]) !== grid?.height || BigInt(array.shape[1]) !== grid.width) {
      throw corrupt(`an array of ${array.shape.join(" x ")} came, which is not what the plan says`);
    }
    return array;
  }

  /** Begins an export and returns it at once. It goes on when the client leaves. */
  async createExport(params: MessageInitShape<typeof ExportParamsSchema>, setup?: CallSetup): Promise<Export> {
    const isResent = (params.requestId ?? "") !== ""; // else it would begin twice
    const answer = await this.#call((options) => this.#exports.createExport({ params }, options), setup, isResent);
    return present(answer.export);
  }

  /** How far an export is, with the files that it has written. */
  async getExport(name: string, setup?: CallSetup): Promise<Export> {
    return present((await this.#call((options) => this.#exports.getExport({ name }, options), setup)).export);
  }

  /** Has an export end, and what it has written be removed; one that has ended stays as it is. */
  async cancelExport(name: string, setup?: CallSetup): Promise<Export> {
    return present((await this.#call((options) => this.#exports.cancelExport({ name }, options), setup)).export);
  }

  /** The exports of the tenant, the newest first, without their files. */
  async *listExports(setup?: CallSetup): AsyncGenerator<Export, void> {
    let pageToken = "";
    do {
      const page = await this.#call((options) => this.#exports.listExports({ pageToken }, options), setup);
      yield* page.exports;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** An export, and again each time that it has changed, until it has ended, over lost connections. */
  async *watchExport(name: string, { signal }: CallSetup = {}): AsyncGenerator<Export, void> {
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const answer of this.#exports.watchExport({ name }, signal ? { signal } : {})) {
          attempt = 0;
          yield present(answer.export);
        }
        return;
      } catch (thrown) {
        const error = failure(thrown, signal);
        if (!(error instanceof RasterwireError) || !error.isPassing || attempt >= this.retry.attempts) {
          throw error;
        }
      }
      await pause(this.retry, Math.max(attempt, 1), 0, signal);
    }
  }

  /** Exports, waits until it has ended, and returns the export with its files. */
  async export(params: MessageInitShape<typeof ExportParamsSchema>, setup?: CallSetup): Promise<Export> {
    let last = await this.createExport(params, setup);
    for await (const changed of this.watchExport(last.name, setup)) {
      last = changed;
    }
    if (last.state !== Export_State.SUCCEEDED) {
      const why = last.failure?.message || "somebody cancelled it";
      const error = new RasterwireError(`${last.name} ${Export_State[last.state].toLowerCase()}: ${why}`, "export");
      error.reason = last.failure?.reason ?? "";
      throw error;
    }
    return this.getExport(last.name, setup);
  }
}

function present(found: Export | undefined): Export {
  if (!found) {
    throw corrupt("the server told no export");
  }
  return found;
}
