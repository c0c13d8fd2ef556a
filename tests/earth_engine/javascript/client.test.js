// Earth Engine's own client for Node.js, unmodified, against the server at RASTERWIRE_HTTP.
// `make test-earth-engine-js` starts one and runs this.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import ee from "@google/earthengine";

import { pngSize, tiffSize, unzip } from "./files.js";

const PROJECT = "my-project";
const COLLECTION = "COPERNICUS/S2_SR";
const ID = `${COLLECTION}/20210109T185751_20210109T185931_T10SEG`;
const BANDS = ["B3", "B8", "B11"];
const COLOURS = { bands: ["B4", "B3", "B2"], min: 0, max: 3000 };
const NO_BAND = /^Image\.select: Band pattern 'B99' did not match any bands\. Available bands: \[.*\bB3\b.*\]/;

// Width, height and bands of the region's files, in pixels of 10 and of 20 m.
const FINE = [209, 170, 1];
const COARSE = [105, 86, 1];
const TOGETHER = [105, 86, 3];

const url = process.env.RASTERWIRE_HTTP;
const data = process.env.RASTERWIRE_SHARED_DATA ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const example = join(data, "..", "earth-engine", "examples", "get_download_id.js");

/** Makes a promise of a call whose last argument is `callback(result, errorMessage)`. */
function called(call) {
  return new Promise((resolve, reject) => {
    call((result, message) => (message === undefined ? resolve(result) : reject(new Error(message))));
  });
}

/** Downloads a file by a plain request, as any tool would. */
async function download(address) {
  assert.ok(address.startsWith(`${url}/v1/projects/${PROJECT}/thumbnails/`), address);
  return fetched(address);
}

async function fetched(address) {
  const answer = await fetch(address);
  const body = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, body.toString("utf8", 0, 500));
  return body;
}

/** Names the files of a zip with the sizes of their TIFFs. */
function sizes(zip) {
  return Object.fromEntries([...unzip(zip)].map(([name, tiff]) => [name, tiffSize(tiff)]));
}

function perBand(name) {
  return { [`${name}.B3.tif`]: FINE, [`${name}.B8.tif`]: FINE, [`${name}.B11.tif`]: COARSE };
}

describe("@google/earthengine", { skip: url ? false : "no server here; run `make test-earth-engine-js`" }, () => {
  const came = process.cwd();
  let work;
  let image;
  let region;

  before(async () => {
    // A synchronous call leaves its answer in the working directory for a moment.
    work = mkdtempSync(join(tmpdir(), "earth-engine-"));
    process.chdir(work);
    // Without the second address, files and tiles would be asked of Google.
    await new Promise((resolve, reject) => ee.initialize(url, url, resolve, reject, null, PROJECT));
    image = ee.Image(ID);
    region = ee.Geometry.BBox(-122.0859, 37.0436, -122.0626, 37.0586);
  });

  after(() => {
    process.chdir(came);
    rmSync(work, { recursive: true });
  });

  const missing = existsSync(example)
    ? false
    : "no documentation's example here; name the data folder beside it in RASTERWIRE_SHARED_DATA";
  test("the documentation's example gives its four files", { skip: missing }, async () => {
    const shown = [];
    new Function("ee", "print", readFileSync(example, "utf8"))(ee, (...told) => shown.push(told));

    assert.deepEqual(
      shown.map(([title]) => title),
      [
        "Single-band GeoTIFF files wrapped in a zip file",
        "Multi-band GeoTIFF file wrapped in a zip file",
        "Band-specific transformations",
        "Multi-band GeoTIFF file",
      ],
    );
    const [single, multi, custom, bare] = await Promise.all(shown.map(([, address]) => download(address)));
    assert.deepEqual(sizes(single), perBand("single_band"));
    assert.deepEqual(sizes(multi), { "multi_band.tif": TOGETHER });
    assert.deepEqual(sizes(custom), perBand("custom_single_band"));
    assert.deepEqual(tiffSize(bare), TOGETHER);
    assert.deepEqual(readdirSync("."), []);
  });

  const requests = [
    ["a zip of a file per band", { name: "single_band", bands: BANDS }, perBand("single_band")],
    [
      "a zip of one file",
      { name: "multi_band", bands: BANDS, scale: 20, filePerBand: false },
      { "multi_band.tif": TOGETHER },
    ],
    [
      "a zip of bands of their own scales",
      { name: "custom_single_band", bands: BANDS.map((id) => ({ id, scale: id === "B11" ? 20 : 10 })) },
      perBand("custom_single_band"),
    ],
    ["a bare file", { bands: BANDS, scale: 20, format: "GEO_TIFF" }, TOGETHER],
  ];
  for (const [kind, params, expected] of requests) {
    test(`with a callback as without, a download gives ${kind}`, async () => {
      const told = await called((callback) => ee.data.getDownloadId({ image, region, ...params }, callback));
      const file = await download(ee.data.makeDownloadUrl(told));
      assert.deepEqual(params.format ? tiffSize(file) : sizes(file), expected);

      const waited = ee.data.getDownloadId({ image, region, ...params });
      assert.ok((await download(ee.data.makeDownloadUrl(waited))).equals(file));
    });
  }

  test("an image's own getDownloadURL gives a file", async () => {
    const params = { bands: BANDS, region, scale: 20, format: "GEO_TIFF" };
    const address = await called((callback) => image.getDownloadURL(params, callback));
    assert.deepEqual(tiffSize(await download(address)), TOGETHER);
  });

  test("getInfo and evaluate tell the same of an image", async () => {
    const told = image.getInfo();
    assert.equal(told.type, "Image");
    assert.equal(told.id, ID);
    const band = told.bands.find(({ id }) => id === "B11");
    assert.equal(band.crs, "EPSG:32610");
    assert.deepEqual(band.data_type, { type: "PixelType", precision: "int", min: 0, max: 65535 });
    assert.deepEqual([band.crs_transform[0], band.crs_transform[4]], [20, -20]);

    assert.deepEqual(await called((callback) => image.evaluate(callback)), told);
    assert.deepEqual(await called((callback) => image.getInfo(callback)), told);
  });

  test("a computed image is reduced by getInfo and by evaluate", async () => {
    const two = ee.ImageCollection([ee.Image(3), ee.Image(5)]).map((one) => ee.Image(one).multiply(2));
    const mean = two.mean().reduceRegion({ reducer: ee.Reducer.mean(), geometry: region, scale: 1000 });
    assert.deepEqual(mean.getInfo(), { constant: 8 });
    assert.deepEqual(await called((callback) => mean.evaluate(callback)), { constant: 8 });
  });

  test("getThumbURL gives pictures", async () => {
    const params = { ...COLOURS, region, dimensions: "256x200" };
    const png = await called((callback) => image.getThumbURL({ ...params, format: "png" }, callback));
    assert.deepEqual(pngSize(await download(png)), [256, 200]);
    const jpeg = await download(image.getThumbURL({ ...params, format: "jpg" }));
    assert.equal(jpeg.toString("hex", 0, 3), "ffd8ff");
  });

  test("getMapId gives tiles", async () => {
    const { mapid, formatTileUrl, urlFormat } = await called((callback) => image.getMapId(COLOURS, callback));
    assert.equal(urlFormat, `${url}/v1/${mapid}/tiles/{z}/{x}/{y}`);
    // The middle of the region in the squares of web maps, and the same place in the south.
    const [x, y] = [1318, 3187];
    const [inside, outside] = await Promise.all([y, 8191 - y].map((row) => fetched(formatTileUrl(x, row, 13))));
    assert.deepEqual(pngSize(inside), [256, 256]);
    assert.deepEqual(pngSize(outside), [256, 256]);
    assert.ok(inside.length > 10 * outside.length, "only the tile of the region has a picture");
  });

  test("getAsset tells of an image", async () => {
    const told = await called((callback) => ee.data.getAsset(ID, callback));
    assert.deepEqual([told.type, told.id], ["Image", ID]);
    assert.ok(BANDS.every((name) => told.bands.some(({ id }) => id === name)));
    assert.equal(ee.data.getAsset(ID).id, ID);
  });

  test("listImages tells of the images of a collection", async () => {
    const { images } = await called((callback) => ee.data.listImages(COLLECTION, {}, callback));
    assert.ok(images.some(({ id }) => id === ID));
    const none = { filter: 'startTime < "2000-01-01T00:00:00Z"' };
    assert.deepEqual((await called((callback) => ee.data.listImages(COLLECTION, none, callback))).images ?? [], []);
  });

  test("an unknown band is told in the callback, and thrown without one", async () => {
    const wrong = image.select("B99");
    const because = { message: NO_BAND };
    await assert.rejects(called((callback) => wrong.evaluate(callback)), because);
    await assert.rejects(called((callback) => wrong.getInfo(callback)), because);
    await assert.rejects(called((callback) => ee.data.getDownloadId({ image, bands: ["B99"] }, callback)), because);
    assert.throws(() => wrong.getInfo(), because);
  });

  test("an unknown asset is told in the callback", async () => {
    await assert.rejects(called((callback) => ee.data.getAsset(`${COLLECTION}/none`, callback)), /no image/);
  });
});
