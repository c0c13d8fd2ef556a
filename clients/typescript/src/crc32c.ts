// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

const polynomial = 0x82f63b78;

/** Tables for eight bytes at a time: `tables[k * 256 + byte]` is the checksum of a byte and k zero bytes. */
const tables = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  tables[byte] = crc;
}
for (let index = 256; index < tables.length; index++) {
  const before = tables[index - 256]!;
  tables[index] = (before >>> 8) ^ tables[before & 0xff]!;
}

const isLittle = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** CRC32C (Castagnoli) of `data`, going on from the checksum of what came before it. */
export function crc32c(data: Uint8Array, before = 0): number {
  let crc = ~before;
  let position = 0;
  if (isLittle && data.length >= 64) {
    for (; (data.byteOffset + position) & 3; position++) {
      crc = (crc >>> 8) ^ tables[(crc ^ data[position]!) & 0xff]!;
    }
    const words = new Int32Array(data.buffer, data.byteOffset + position, ((data.length - position) >>> 3) << 1);
    for (let word = 0; word < words.length; word += 2) {
      const low = crc ^ words[word]!;
      const high = words[word + 1]!;
      crc =
        tables[1792 + (low & 0xff)]! ^
        tables[1536 + ((low >>> 8) & 0xff)]! ^
        tables[1280 + ((low >>> 16) & 0xff)]! ^
        tables[1024 + (low >>> 24)]! ^
        tables[768 + (high & 0xff)]! ^
        tables[512 + ((high >>> 8) & 0xff)]! ^
        tables[256 + ((high >>> 16) & 0xff)]! ^
        tables[high >>> 24]!;
    }
    position += words.length * 4;
  }
  for (; position < data.length; position++) {
    crc = (crc >>> 8) ^ tables[(crc ^ data[position]!) & 0xff]!;
  }
  return ~crc >>> 0;
}

/** The product of two polynomials modulo that of CRC32C, bits reversed. */
function product(first: number, second: number): number {
  let result = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((first >>> bit) & 1) {
      result ^= second;
    }
    second = second & 1 ? (second >>> 1) ^ polynomial : second >>> 1;
  }
  return result;
}

/** `powers[k]` is x to the power of 2^k. */
const powers: number[] = [0x40000000];
for (let k = 1; k < 64; k++) {
  powers.push(product(powers[k - 1]!, powers[k - 1]!));
}

/** The checksum of two pieces, one behind the other, from theirs and the size of the second in bytes. */
export function concatenated(first: number, second: number, size: number): number {
  let shift = 0x80000000; // x to the power of 0
  for (let k = 3, left = size; left > 0; k++, left = Math.floor(left / 2)) {
    if (left % 2) {
      shift = product(powers[k]!, shift);
    }
  }
  return (product(shift, first) ^ second) >>> 0;
}
