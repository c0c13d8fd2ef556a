// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { corrupt } from "./errors.js";
import { parseLiteral } from "./literal.js";

/** Values of a band, row by row. */
export type Values =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

const types = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
  f4: Float32Array,
  f8: Float64Array,
} as const;

const magic = [0x93, ...new TextEncoder().encode("NUMPY")];

interface Field {
  readonly name: string;
  readonly type: keyof typeof types;
  readonly count: number;
  readonly offset: number;
}

/** Pixels, with a field for each band, and `mask` where the plan has one: 255 for valid pixels, 0 for others. */
export class PixelArray {
  /**
   * @param shape rows and columns.
   * @param fields with their places in a pixel.
   * @param stride bytes of a pixel.
   * @param data of all pixels, in rows.
   */
  constructor(
    readonly shape: readonly [number, number],
    private readonly fields: readonly Field[],
    private readonly stride: number,
    private readonly data: Uint8Array,
  ) {}

  /** The names of the fields, in the order of the request. */
  get names(): readonly string[] {
    return this.fields.map(({ name }) => name);
  }

  /** The values of a field, rows x columns of them, in as many for a pixel as a mask of each band has. */
  values(name: string): Values {
    const field = this.fields.find((each) => each.name === name);
    if (!field) {
      throw new RangeError(`the array has no field ${JSON.stringify(name)}; it has ${this.names.join(", ")}`);
    }
    const bytes = Number(field.type[1]) * field.count;
    const pixels = this.shape[0] * this.shape[1];
    const packed = new Uint8Array(pixels * bytes);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const start = pixel * this.stride + field.offset;
      for (let byte = 0; byte < bytes; byte++) {
        packed[pixel * bytes + byte] = this.data[start + byte]!;
      }
    }
    return new types[field.type](packed.buffer);
  }
}

/**
 * Reads a NumPy file of this service: a structured array of two dimensions.
 *
 * The form is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
 */
export function readNpy(file: Uint8Array): PixelArray {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 12 || magic.some((byte, index) => file[index] !== byte)) {
    throw corrupt("what came is no NumPy file");
  }
  const version = file[6]!;
  const start = version > 1 ? 12 : 10;
  const size = version > 1 ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + size > file.length) {
    throw corrupt("the header of the array ends behind the file");
  }
  const bytes = file.subarray(start, start + size);
  const text = version < 3 ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") : new TextDecoder().decode(bytes);
  const header = parseLiteral(text);
  if (!(header instanceof Map) || header.get("fortran_order") !== false) {
    throw corrupt("the header of the array does not describe rows of pixels");
  }
  const [shape, described] = [header.get("shape"), header.get("descr")];
  const isShape = Array.isArray(shape) && shape.length === 2 && shape.every(Number.isSafeInteger);
  if (!isShape || !Array.isArray(described) || described.length === 0) {
    throw corrupt("the header of the array does not describe rows of pixels");
  }
  let stride = 0;
  const fields = described.map((entry: unknown) => {
    const field = fieldOf(entry, stride);
    stride += Number(field.type[1]) * field.count;
    return field;
  });
  const data = file.subarray(start + size);
  const [rows, columns] = shape as [number, number];
  if (data.length !== rows * columns * stride) {
    throw corrupt(`${data.length} bytes of pixels came for ${rows} x ${columns} of ${stride}`);
  }
  return new PixelArray([rows, columns], fields, stride, data);
}

function fieldOf(entry: unknown, offset: number): Field {
  const [name, type, counts] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const kind = typeof type === "string" ? type.replace(/^[<|]/, "") : "";
  const count = counts === undefined ? 1 : Array.isArray(counts) && counts.length === 1 ? (counts[0] as unknown) : 0;
  if (typeof name !== "string" || !Object.hasOwn(types, kind) || typeof count !== "number" || count < 1) {
    throw corrupt("a field of the array is not understood");
  }
  return { name, type: kind as keyof typeof types, count, offset };
}
