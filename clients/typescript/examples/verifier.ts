// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import type { DownloadChunk, FileInfo } from "../gen/rasterwire/v1/download_pb.js";
import { crc32c } from "./crc32c.js";

const hex = (crc: number) => crc.toString(16).padStart(8, "0");

/** Checks the chunks of a file as they come. */
export class Verifier {
  #size = 0;
  #crc32c = 0;
  #info: FileInfo | undefined;

  /** Takes the next message of the stream; one without bytes only says how far the render is. */
  add(chunk: DownloadChunk | undefined): void {
    this.#info = chunk?.file ?? this.#info;
    if (!chunk?.data.length) {
      return;
    }
    if (chunk.offset !== BigInt(this.#size)) {
      throw new Error(`a chunk begins at byte ${chunk.offset}, want ${this.#size}`);
    }
    if (chunk.crc32c === undefined) {
      throw new Error(`the chunk at byte ${this.#size} has no checksum`);
    }
    const crc = crc32c(chunk.data);
    if (crc !== chunk.crc32c) {
      throw new Error(`the chunk at byte ${this.#size} has crc32c ${hex(crc)}, want ${hex(chunk.crc32c)}`);
    }
    this.#crc32c = crc32c(chunk.data, this.#crc32c);
    this.#size += chunk.data.length;
  }

  /** Checks the whole file, after the last message; returns its size and checksum as text. */
  finish(): string {
    if (!this.#info) {
      throw new Error("the stream ended without the size and checksum of the file");
    }
    if (BigInt(this.#size) !== this.#info.sizeBytes) {
      throw new Error(`the file has ${this.#size} bytes, want ${this.#info.sizeBytes}`);
    }
    if (this.#crc32c !== this.#info.crc32c) {
      throw new Error(`the file has crc32c ${hex(this.#crc32c)}, want ${hex(this.#info.crc32c)}`);
    }
    return `${this.#size} ${hex(this.#crc32c)}`;
  }
}
