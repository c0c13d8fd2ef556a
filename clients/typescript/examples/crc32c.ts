// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return crc;
});

/** CRC32C (Castagnoli) of `data`, going on from the checksum of what came before it. */
export function crc32c(data: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of data) {
    crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  }
  return ~crc >>> 0;
}
