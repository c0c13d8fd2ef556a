// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";

/** A server may ask a client to wait this long, in seconds. */
const longestDelay = 60;

/**
 * What went wrong: the request cannot be served as it stands; there is no such image, download or export; bytes came
 * that are not those of the file; the connection was lost, or a call took too long, and patience ran out; an export
 * failed; or something else, which `code` tells.
 */
export type Kind = "invalid" | "not_found" | "corrupt" | "interrupted" | "export" | "failed";

/** One thing that is wrong with a request. */
export interface FieldViolation {
  /** Its path, such as `bands[0].scale`. */
  readonly field: string;
  /** A sentence. */
  readonly description: string;
  /** A stable name in UPPER_SNAKE_CASE. */
  readonly reason: string;
}

/** What all calls of a client fail with, but for an aborted signal, whose reason is thrown, and errors of files. */
export class RasterwireError extends Error {
  override readonly name = "RasterwireError";
  /** Of the server, in UPPER_SNAKE_CASE, or "". */
  reason = "";
  /** The dynamic parts of the message. */
  metadata: Readonly<Record<string, string>> = {};
  /** All that is wrong with the request. */
  violations: readonly FieldViolation[] = [];
  /** Seconds after which the server wants to be asked again, at most 60. */
  retryDelay: number | undefined = undefined;
  /** By which the server's log knows the call, or "". */
  requestId = "";
  /** Whether a lost stream may be taken up again after it. */
  isPassing = false;
  /** Whether what comes again may be right. */
  isGarbled = false;

  /**
   * @param message a sentence.
   * @param kind what went wrong.
   * @param code of gRPC, undefined where the client itself found the error.
   */
  constructor(
    message: string,
    readonly kind: Kind,
    readonly code?: Code,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Bytes came that are not those of the file. */
export const corrupt = (message: string) => new RasterwireError(message, "corrupt");

/** Bytes came otherwise than they were sent; those that come again may be right. */
export function garbled(message: string, code?: Code): RasterwireError {
  const error = new RasterwireError(message, "corrupt", code);
  error.isGarbled = true;
  return error;
}

const kinds = new Map<Code, Kind>([
  [Code.InvalidArgument, "invalid"],
  [Code.NotFound, "not_found"],
  [Code.Unavailable, "interrupted"],
  [Code.DeadlineExceeded, "interrupted"],
]);

/** Whether a status came from the server: such have a trailer, which Connect keeps as metadata. */
const isOfServer = (error: ConnectError) => error.metadata.has("grpc-status") || error.metadata.has("x-request-id");

/**
 * The error of the client for one of a call; where the caller aborted it, the reason of the signal.
 */
export function failure(thrown: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) {
    return signal.reason;
  }
  if (thrown instanceof RasterwireError || !(thrown instanceof ConnectError)) {
    return thrown;
  }
  if (isUnread(thrown)) {
    return garbled("the answer is no message of this schema; is it a rasterwire server that is asked?", thrown.code);
  }
  // Connect calls a torn socket canceled or aborted
  const isTorn = (thrown.code === Code.Canceled || thrown.code === Code.Aborted) && !isOfServer(thrown);
  const code = isTorn ? Code.Unavailable : thrown.code;
  const error = new RasterwireError(thrown.rawMessage, kinds.get(code) ?? "failed", code, { cause: thrown });
  for (const info of thrown.findDetails(ErrorInfoSchema)) {
    error.reason = info.reason;
    error.metadata = { ...info.metadata };
  }
  error.violations = thrown
    .findDetails(BadRequestSchema)
    .flatMap((request) => request.fieldViolations)
    .map(({ field, description, reason }) => ({ field, description, reason }));
  for (const { retryDelay } of thrown.findDetails(RetryInfoSchema)) {
    const seconds = Number(retryDelay?.seconds ?? 0n) + (retryDelay?.nanos ?? 0) / 1e9;
    error.retryDelay = Math.min(Math.max(seconds, 0), longestDelay);
  }
  error.requestId = thrown.metadata.get("x-request-id") ?? "";
  error.isPassing = isPassing(error);
  return error;
}

/** Whether a message could not be read, which Connect tells by its text alone. */
const isUnread = (error: ConnectError) => error.rawMessage.startsWith("parse binary") && !isOfServer(error);

/**
 * Whether a lost stream may be taken up again. A proxy turns the death of a server into INTERNAL (a reset stream) or
 * UNKNOWN (a cut frame); a busy server says RESOURCE_EXHAUSTED with the time to come back.
 */
function isPassing(error: RasterwireError): boolean {
  // what begins anew at midnight is not waited for, nor what the caller has to delete
  if (error.reason === "QUOTA_EXCEEDED" && error.metadata["quota"] !== "concurrent_renders") {
    return false;
  }
  switch (error.code) {
    case Code.Unavailable:
    case Code.Unknown:
      return true;
    case Code.ResourceExhausted:
      return error.retryDelay !== undefined;
    case Code.Internal:
      return error.message.includes("RST_STREAM") || error.message.includes("protocol error: missing");
    default:
      return false;
  }
}
