// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import type { DownloadChunk, DownloadPlan, FileInfo } from "../gen/rasterwire/v1/download_pb.js";
import { Format } from "../gen/rasterwire/v1/download_pb.js";
import { concatenated, crc32c } from "./crc32c.js";
import { corrupt, garbled } from "./errors.js";

/** Checks the chunks of one file as they come, over all the streams that bring them. */
export class Checker {
  /** About the file, from the server. */
  info: FileInfo | undefined = undefined;
  /** Of the file that the bytes so far are of. */
  etag = "";
  /** Bytes so far. */
  offset = 0;
  /** Of the bytes so far. */
  crc32c = 0;
  #isOver = false;

  /** @param plan that the size of the file is held against. */
  constructor(public plan?: DownloadPlan) {}

  /** Expects the messages of one more stream, which goes on at the offset. */
  begin(): void {
    this.#isOver = false;
  }

  /** Returns the bytes of a chunk, which may be none. */
  check(chunk: DownloadChunk | undefined): Uint8Array {
    if (this.#isOver) {
      throw corrupt("the server goes on after the end of the file");
    }
    if (chunk?.file) {
      this.#take(chunk.file);
    }
    const data = chunk?.data ?? new Uint8Array();
    if (!chunk || data.length === 0) {
      this.#isOver = chunk?.file !== undefined && BigInt(this.offset) === chunk.file.sizeBytes;
      return data;
    }
    if (!this.info) {
      throw garbled("bytes came before the server told of what file they are");
    }
    if (chunk.offset !== BigInt(this.offset)) {
      throw garbled(`a chunk for offset ${chunk.offset} came where ${this.offset} is next`);
    }
    if (BigInt(this.offset + data.length) > this.info.sizeBytes) {
      throw corrupt(`bytes came beyond the ${this.info.sizeBytes} that the server told`);
    }
    const checksum = crc32c(data);
    if (chunk.crc32c !== checksum) {
      throw garbled(`the checksum of the chunk at offset ${chunk.offset} is wrong`);
    }
    this.crc32c = concatenated(this.crc32c, checksum, data.length);
    this.offset += data.length;
    return data;
  }

  /** Takes what is told of the whole file, which may change in its checksum alone. */
  #take(info: FileInfo): void {
    if ((this.info || this.etag) && this.etag !== info.etag) {
      throw corrupt("the server sends another file than before; start again");
    }
    if (this.info && this.info.sizeBytes !== info.sizeBytes) {
      throw corrupt(`the server told ${this.info.sizeBytes} bytes before, and now ${info.sizeBytes}`);
    }
    if (!this.info && this.plan?.format === Format.NPY && this.plan.estimatedBytes !== info.sizeBytes) {
      throw corrupt(`the server tells of ${info.sizeBytes} bytes, where its plan makes ${this.plan.estimatedBytes}`);
    }
    this.info = info;
    this.etag = info.etag;
  }

  /** Fails where bytes are missing at the end of a stream. */
  end(): FileInfo {
    if (!this.info || BigInt(this.offset) < this.info.sizeBytes) {
      throw garbled(`the stream ended after ${this.offset} bytes, the server told ${this.info?.sizeBytes ?? "no size"}`);
    }
    return this.info;
  }

  /** Returns what is told of the whole file, and fails where the file is another. */
  finish(): FileInfo {
    const info = this.end();
    if (this.crc32c !== info.crc32c) {
      throw corrupt("the checksum of the whole file is wrong");
    }
    return info;
  }
}
