// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { Code } from "@connectrpc/connect";
import type { Checker } from "./checker.js";
import type { DownloadChunk } from "../gen/rasterwire/v1/download_pb.js";
import { failure, RasterwireError } from "./errors.js";

/** How patient a client is; seconds. */
export interface RetryPolicy {
  /** In a row that bring no new byte before it gives up. */
  readonly attempts: number;
  /** Before the second attempt; it doubles up to `longestWait`. */
  readonly firstWait: number;
  readonly longestWait: number;
}

/** Waits before an attempt, from 1, spread so that clients do not come all at once; throws where it is aborted. */
export async function pause(policy: RetryPolicy, attempt: number, least = 0, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(policy.longestWait, policy.firstWait * 2 ** (attempt - 1));
  const seconds = Math.max(longest * (0.5 + Math.random() / 2), least);
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) {
      end();
    }
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Begins a call that answers with a stream. */
export type Begin<T> = (signal: AbortSignal) => AsyncIterable<T>;

/** Yields what a stream brings, and leaves a server that sends nothing for too long. */
export async function* messages<T>(begin: Begin<T>, idle: number, signal?: AbortSignal): AsyncGenerator<T, void> {
  const left = new AbortController();
  const end = () => left.abort(signal?.reason);
  signal?.addEventListener("abort", end, { once: true });
  let isSilent = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = () => {
    timer = setTimeout(() => {
      isSilent = true;
      left.abort();
    }, idle * 1000);
  };
  try {
    if (signal?.aborted) {
      throw signal.reason;
    }
    watch();
    for await (const message of begin(left.signal)) {
      clearTimeout(timer); // the time that the caller takes does not count
      yield message;
      watch();
    }
  } catch (thrown) {
    if (isSilent && !signal?.aborted) {
      const silent = `the server sent nothing for ${idle} s`;
      const error = new RasterwireError(silent, "interrupted", Code.DeadlineExceeded, { cause: thrown });
      error.isPassing = true;
      throw error;
    }
    throw failure(thrown, signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    left.abort();
  }
}

/** Begins to read a file from an offset on, with the etag of the file, "" at its begin. */
export type Read = (offset: number, etag: string, signal: AbortSignal) => AsyncIterable<DownloadChunk | undefined>;

/** Reads to the end of the file; what was garbled on its way is read again from the last good offset, once. */
async function* readTwice(
  read: Read,
  checker: Checker,
  idle: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  for (let garbledAt = -1; ; garbledAt = checker.offset) {
    checker.begin();
    try {
      for await (const chunk of messages((left) => read(checker.offset, checker.etag, left), idle, signal)) {
        yield checker.check(chunk);
      }
      checker.end();
      return;
    } catch (error) {
      if (!(error instanceof RasterwireError) || !error.isGarbled || garbledAt === checker.offset) {
        throw error;
      }
    }
  }
}

/** Yields the bytes of a file from the checker's offset on, over lost streams; some are empty. */
export async function* transfer(
  read: Read,
  checker: Checker,
  idle: number,
  policy: RetryPolicy,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  for (let attempt = 0; ; ) {
    const before = checker.offset;
    try {
      yield* readTwice(read, checker, idle, signal);
      checker.finish();
      return;
    } catch (error) {
      attempt = checker.offset > before ? 1 : attempt + 1;
      if (!(error instanceof RasterwireError) || !error.isPassing) {
        throw error;
      }
      if (attempt > policy.attempts) {
        const message = `gave up after ${attempt} attempts without a new byte: ${error.message}`;
        const gaveUp = new RasterwireError(message, "interrupted", error.code, { cause: error });
        gaveUp.reason = error.reason;
        gaveUp.requestId = error.requestId;
        throw gaveUp;
      }
      await pause(policy, attempt, error.retryDelay, signal);
    }
  }
}
