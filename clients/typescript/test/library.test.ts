// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { create, equals, fromJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { concatenated } from "../src/crc32c.js";
import { failure } from "../src/errors.js";
import { bands, box, connect, crc32c, DownloadParamsSchema, Format, image, RasterwireError, readNpy } from "../src/index.js";
import { Checker } from "../src/checker.js";
import { fill, plainName } from "../src/node.js";
import { Part } from "../src/part.js";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Bit by bit, as the definition has it. */
function slow(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return ~crc >>> 0;
}

test("checksums are those of RFC 3720, at any place and in any pieces", () => {
  assert.equal(crc32c(bytes("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  const data = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7919) >>> 3);
  for (const start of [0, 1, 2, 3, 5]) {
    for (const end of [0, 1, 7, 64, 65, 100, 999, 1000]) {
      const part = data.subarray(start, Math.max(start, end));
      assert.equal(crc32c(part), slow(part), `${start} to ${end}`);
      const whole = concatenated(crc32c(data.subarray(0, start)), crc32c(part), part.length);
      assert.equal(whole, slow(data.subarray(0, Math.max(start, end))));
      assert.equal(crc32c(part, crc32c(data.subarray(0, start))), whole);
    }
  }
});

test("constructors make the message", () => {
  const made = image("a/b", bands("B3", "B11:20", "a:b", ":5", "c:"), box(1, 2, 3, 4), { scale: 10, format: Format.NPY });
  const expected = fromJson(DownloadParamsSchema, {
    image: "a/b",
    bands: [{ id: "B3" }, { id: "B11", scale: 20 }, { id: "a:b" }, { id: ":5" }, { id: "c:" }],
    region: { boundingBox: { west: 1, south: 2, east: 3, north: 4 } },
    scale: 10,
    format: "FORMAT_NPY",
  });
  assert.ok(equals(DownloadParamsSchema, made, expected));
  assert.throws(() => connect("http://localhost:1"), { kind: "invalid" });
});

test("what is taken up again", () => {
  const busy = (reason: string, quota = "") =>
    new ConnectError("busy", Code.ResourceExhausted, undefined, [
      { desc: RetryInfoSchema, value: { retryDelay: { seconds: 3600n } } },
      { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, metadata: { quota } }) },
    ]);
  const cases: [ConnectError, boolean][] = [
    [new ConnectError("x", Code.Unavailable), true],
    [new ConnectError("x", Code.Unknown), true],
    [new ConnectError("a torn socket", Code.Canceled), true],
    [new ConnectError("x", Code.Internal), false],
    [new ConnectError("RST_STREAM with code 2", Code.Internal), true],
    [new ConnectError("x", Code.ResourceExhausted), false],
    [busy("TOO_MANY_RENDERS"), true],
    [busy("QUOTA_EXCEEDED", "pixels_per_day"), false],
    [busy("QUOTA_EXCEEDED", "concurrent_renders"), true],
    [new ConnectError("x", Code.DataLoss), false],
  ];
  for (const [thrown, isPassing] of cases) {
    const error = failure(thrown);
    assert.ok(error instanceof RasterwireError);
    assert.equal(error.isPassing, isPassing, `${thrown.message} ${error.reason}`);
    assert.ok(error.retryDelay === undefined || error.retryDelay === 60);
  }
});

/** A NumPy file by hand. */
function npy(version: number, header: Uint8Array, data: number[]): Uint8Array {
  const size = version === 1 ? new Uint8Array(Uint16Array.of(header.length).buffer) : Uint32Array.of(header.length);
  const length = new Uint8Array(size.buffer);
  return Uint8Array.from([0x93, ...bytes("NUMPY"), version, 0, ...length, ...header, ...data]);
}

const header =
  "{'descr': [('B3', '<u2'), ('f', '<f4'), ('mask', '|u1', (2,))], 'fortran_order': False, 'shape': (1, 2), }  \n";
const pixels = [1, 2, 0, 0, 0x80, 0x3f, 255, 0, 3, 4, 0, 0, 0, 0xc0, 0, 255]; // 1 and -2 are the floats

test("a NumPy file is read, with names of any script", () => {
  const array = readNpy(npy(1, bytes(header), pixels));
  assert.deepEqual(array.shape, [1, 2]);
  assert.deepEqual([...array.values("B3")], [513, 1027]);
  assert.deepEqual([...array.values("f")], [1, -2]);
  assert.deepEqual([...array.values("mask")], [255, 0, 0, 255]);
  assert.throws(() => array.values("B4"), RangeError);
  const rest = ", '|u1')], 'fortran_order': False, 'shape': (1, 1)}";
  const named = (version: number, name: Uint8Array) =>
    readNpy(npy(version, Uint8Array.from([...bytes("{'descr': [("), ...name, ...bytes(rest)]), [7])).names;
  assert.deepEqual(named(1, Uint8Array.from(Buffer.from("'Höhe'", "latin1"))), ["Höhe"]);
  assert.deepEqual(named(3, bytes("'高 é'")), ["高 é"]);
  assert.deepEqual(named(1, bytes('"it\'s"')), ["it's"]);
  assert.deepEqual(named(1, bytes("'\\xe9\\\\'")), ["é\\"]);
});

test("broken NumPy files are refused", () => {
  const whole = npy(1, bytes(header), pixels);
  for (let size = 0; size < whole.length; size++) {
    assert.throws(() => readNpy(whole.subarray(0, size)), { kind: "corrupt" }, `${size} bytes`);
  }
  const broken = ["", "{", "[", "(1.5)", "{'descr': [('a', '>u2')], 'fortran_order': False, 'shape': (1, 0)}", "[".repeat(10_000)];
  for (const text of broken) {
    assert.throws(() => readNpy(npy(1, bytes(text), [])), { kind: "corrupt" }, text.slice(0, 40));
  }
});

test("names of the server stay in their folder", () => {
  const names = { "a.tif": "a.tif", "../../etc/passwd": "passwd", "..\\a.tif": "a.tif", "..": "download", ".x": "x" };
  for (const [proposed, expected] of Object.entries(names)) {
    assert.equal(plainName(proposed), expected);
  }
});

test("a part is taken up if it is the same, and one that is being written is left alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rasterwire-"));
  const target = join(folder, "a");
  const sentence = bytes("The quick brown fox jumps over the lazy dog");
  const leave = async (etag: string, offset: number, sum: number) => {
    await writeFile(`${target}.part`, Buffer.concat([sentence, bytes("more")]));
    await writeFile(`${target}.part.json`, JSON.stringify({ etag, offset, crc32c: sum }));
    const owner = { host: hostname(), pid: 999999999, start: "1", thread: 0 }; // of a process that is not there
    await writeFile(`${target}.part.lock`, JSON.stringify(owner));
  };
  const cases: [string, number, number, boolean, number][] = [
    ["e", 43, 0x22620404, false, 43],
    ["e", 43, 0x22620404, true, 0],
    ["f", 43, 0x22620404, false, 0],
    ["e", 43, 0x22620405, false, 0],
    ["e", 48, 0x22620404, false, 0],
    ["e", -1, 0x22620404, false, 0],
  ];
  for (const [etag, offset, sum, restart, expected] of cases) {
    await leave(etag, offset, sum);
    const part = await Part.open(target, "e", restart);
    assert.equal(part.known.offset, expected);
    assert.equal((await part.file.stat()).size, expected);
    const second = await Part.open(target, "e", false);
    assert.notEqual((await second.file.stat()).ino, (await part.file.stat()).ino);
    await second.close(true);
    await part.close(true);
    assert.deepEqual(await readdir(folder), []);
  }
  await writeFile(`${target}.part`, "somebody's");
  await (await Part.open(target, "e", false)).close(true);
  assert.equal(await readFile(`${target}.part`, "utf8"), "somebody's");
  await rm(folder, { recursive: true });
});

test("a lock is free when its process has ended, and of another host it is left alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rasterwire-"));
  const target = join(folder, "a");
  const lock = `${target}.part.lock`;
  const first = await Part.open(target, "e", false);
  const own = JSON.parse(await readFile(lock, "utf8")) as Record<string, unknown>;
  await first.close(true);
  const cases: [Record<string, unknown>, boolean][] = [
    [own, true], // of an earlier process that had this id, as in a container that was started again
    [{ ...own, thread: 99 }, false],
    [{ ...own, host: `not-${hostname()}` }, false],
    [{ ...own, host: `not-${hostname()}`, pid: 999999999 }, false],
    [{ ...own, pid: process.ppid }, own["start"] !== ""], // its id went to another process
    [{}, false],
  ];
  for (const [owner, isFree] of cases) {
    await writeFile(lock, JSON.stringify(owner));
    const opened = await Promise.all([1, 2, 3].map(() => Part.open(target, "e", false)));
    const names = await readdir(folder);
    assert.equal(names.includes("a.part"), isFree, JSON.stringify(owner));
    assert.equal(names.filter((name) => name.endsWith(".part")).length, 3, "each has a part of its own");
    await Promise.all(opened.map((part) => part.close(true)));
    assert.deepEqual(await readdir(folder), isFree ? [] : ["a.part.lock"]);
    await rm(lock, { force: true });
  }
  await rm(folder, { recursive: true });
});

test("after an error no note of a part is being written", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rasterwire-"));
  const part = await Part.open(join(folder, "a"), "e", false);
  const checker = new Checker();
  const note = part.note.bind(part);
  let [open, enter] = [() => {}, () => {}];
  const gate = new Promise<void>((resolve) => (open = resolve));
  const entered = new Promise<void>((resolve) => (enter = resolve));
  part.note = async (known) => {
    enter();
    await gate;
    await note(known);
  };
  async function* chunks() {
    checker.offset = 8 << 20;
    yield new Uint8Array(8 << 20);
    await entered;
    throw new Error("lost");
  }
  let isSettled = false;
  const filled = fill(part, checker, chunks(), undefined).finally(() => {
    isSettled = true;
  });
  await entered;
  await new Promise(setImmediate);
  const isEarly = isSettled;
  open();
  await assert.rejects(filled, /lost/);
  assert.equal(isEarly, false, "the note was still being written");
  await part.close(true);
  assert.deepEqual(await readdir(folder), []);
  await rm(folder, { recursive: true });
});
