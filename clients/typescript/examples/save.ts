// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Downloads the documentation's NPY request with the library, and prints its size and checksum.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bands, box, connect, Format, image } from "../src/index.js";

const id = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG";
const address = process.env["RASTERWIRE_ADDRESS"] || "127.0.0.1:50051";
const folder = await mkdtemp(join(tmpdir(), "rasterwire-"));
const path = join(folder, "piece.npy");

// begin of the README's example
const client = connect(address);
const area = box(-122.0859, 37.0436, -122.0626, 37.0586);
const piece = image(id, bands("B3", "B8", "B11"), area, { scale: 20, format: Format.NPY });
const file = await client.download(piece, path);
client.close();
// end of the README's example

await rm(folder, { recursive: true });
console.log(`typescript library ${file.size} ${file.crc32c.toString(16).padStart(8, "0")}`);
