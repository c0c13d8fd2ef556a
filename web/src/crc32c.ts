/** CRC32C (Castagnoli), eight bytes at a time. Source: Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators", 2005. */

const POLYNOMIAL = 0x82f63b78;

const tables: Uint32Array[] = [];
for (let slice = 0; slice < 8; slice++) {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = slice ? ((tables[slice - 1] as Uint32Array)[byte] as number) : byte;
    if (slice) value = (value >>> 8) ^ ((tables[0] as Uint32Array)[value & 255] as number);
    else for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
    table[byte] = value;
  }
  tables.push(table);
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

export class Crc32c {
  private rest = 0xffffffff;

  add(data: Uint8Array): void {
    let crc = this.rest;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let at = 0;
    for (; at + 8 <= data.length; at += 8) {
      const low = view.getUint32(at, true) ^ crc;
      const high = view.getUint32(at + 4, true);
      crc =
        (t7[low & 255] as number) ^
        (t6[(low >>> 8) & 255] as number) ^
        (t5[(low >>> 16) & 255] as number) ^
        (t4[low >>> 24] as number) ^
        (t3[high & 255] as number) ^
        (t2[(high >>> 8) & 255] as number) ^
        (t1[(high >>> 16) & 255] as number) ^
        (t0[high >>> 24] as number);
    }
    for (; at < data.length; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (data[at] as number)) & 255] as number);
    this.rest = crc;
  }

  /** Return eight hexadecimal digits. */
  hex(): string {
    return ((this.rest ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
  }
}
