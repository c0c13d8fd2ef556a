// Reads of a file what the tests compare: the entries of a zip, the size of a picture.

import assert from "node:assert/strict";
import { inflateRawSync } from "node:zlib";

const STORED = 0;
const DEFLATED = 8;

/**
 * Unpacks a zip by its central directory.
 * @param {Buffer} zip
 * @returns {Map<string, Buffer>} contents by name, in the order of the zip.
 */
export function unzip(zip) {
  const end = zip.lastIndexOf("PK\x05\x06", undefined, "latin1");
  assert.notEqual(end, -1, "a zip has an end of its central directory");
  const entries = new Map();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(zip.toString("latin1", at, at + 4), "PK\x01\x02");
    const method = zip.readUInt16LE(at + 10);
    const [packedSize, size] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field));
    const name = zip.toString("utf8", at + 46, at + 46 + nameSize);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + packedSize);
    assert.ok(method === STORED || method === DEFLATED, `${name} is packed by method ${method}`);
    const content = method === DEFLATED ? inflateRawSync(packed) : packed;
    assert.equal(content.length, size, name);
    entries.set(name, content);
    at += 46 + nameSize + extraSize + commentSize;
  }
  return entries;
}

/**
 * Reads width, height and number of bands of a classic little-endian TIFF.
 * @param {Buffer} tiff
 * @returns {[number, number, number]}
 */
export function tiffSize(tiff) {
  assert.equal(tiff.toString("latin1", 0, 4), "II*\0", "the magic number of a TIFF");
  const directory = tiff.readUInt32LE(4);
  const tags = new Map();
  for (let n = 0; n < tiff.readUInt16LE(directory); n++) {
    const entry = directory + 2 + 12 * n;
    const isShort = tiff.readUInt16LE(entry + 2) === 3;
    tags.set(tiff.readUInt16LE(entry), isShort ? tiff.readUInt16LE(entry + 8) : tiff.readUInt32LE(entry + 8));
  }
  return [tags.get(256), tags.get(257), tags.get(277) ?? 1];
}

/**
 * Reads width and height of a PNG.
 * @param {Buffer} png
 * @returns {[number, number]}
 */
export function pngSize(png) {
  assert.equal(png.toString("latin1", 0, 8), "\x89PNG\r\n\x1a\n", "the magic number of a PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}
