// Bundles the page into the files that the server hands out. `--check` fails where the committed ones differ.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { feature } from "topojson-client";

const FOLDER = new URL("../src/rasterwire/server/page/assets/", import.meta.url).pathname;
const MOST_BYTES = 600_000; // with gzip, of all that a browser loads

/** Return a ring whose longitudes go on past 180 degrees instead of jumping; one around a pole is closed over it. */
function unwrapped(ring) {
  let turns = 0;
  const points = ring.map(([lon, lat], index) => {
    const before = index ? ring[index - 1][0] : lon;
    if (lon - before > 180) turns--;
    if (lon - before < -180) turns++;
    return [lon + 360 * turns, lat];
  });
  const [first, last] = [points[0], points.at(-1)];
  return turns ? [...points, [last[0], -90], [first[0], -90]] : points;
}

/** Return the part of a ring on one side of a meridian. */
function cut(ring, limit, sign) {
  const isInside = ([lon]) => sign * (lon - limit) >= 0;
  return ring.flatMap((point, index) => {
    const before = ring.at(index - 1);
    const found = isInside(point) ? [point] : [];
    if (isInside(point) === isInside(before)) return found;
    const part = (limit - before[0]) / (point[0] - before[0]);
    return [[limit, before[1] + part * (point[1] - before[1])], ...found];
  });
}

/** Return the outline of land as rings of whole hundredths of degrees, which take few characters. */
function land() {
  const topology = JSON.parse(readFileSync("node_modules/world-atlas/land-110m.json", "utf8"));
  const shapes = feature(topology, topology.objects.land).features.flatMap((each) => each.geometry.coordinates);
  const rings = shapes.flatMap(([outer]) => {
    const ring = unwrapped(outer);
    const copies = [-360, 0, 360].map((shift) => ring.map(([lon, lat]) => [lon + shift, lat]));
    return copies.map((copy) => cut(cut(copy, -180, 1), 180, -1)).filter((part) => part.length > 2);
  });
  return JSON.stringify(rings.map((ring) => ring.flat().map((value) => Math.round(value * 100))));
}

/** Return name and text of the licences of all packages of which a part is in the bundle. */
function licences(inputs) {
  const names = new Set(["world-atlas"]);
  for (const path of inputs) {
    const match = path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (match) names.add(match[1]);
  }
  const texts = [...names].sort().map((name) => {
    const folder = join("node_modules", name);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${about.license}`;
    return `${name} ${about.version} (${about.license})\n\n${text}\n`;
  });
  texts.push(
    "The outline of land is Natural Earth's, which is in the public domain: https://www.naturalearthdata.com\n",
  );
  return `The page holds parts of these packages.\n\n${texts.join(`\n${"-".repeat(78)}\n\n`)}`;
}

function hashed(name, content) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 10);
  return name.replace(/\.(\w+)$/, `-${digest}.$1`);
}

async function files() {
  const outlines = land();
  const landName = hashed("land.json", outlines);
  const bundle = await build({
    entryPoints: { page: "src/main.tsx" },
    bundle: true,
    write: false,
    outdir: "out",
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    metafile: true,
    define: { LAND_FILE: JSON.stringify(landName) },
    logLevel: "warning",
  });
  const found = new Map([[landName, outlines]]);
  const names = {};
  for (const { path, text } of bundle.outputFiles) {
    const kind = path.endsWith(".css") ? "css" : "js";
    names[kind] = hashed(`page.${kind}`, text);
    found.set(names[kind], text);
  }
  const icon = readFileSync("src/icon.svg", "utf8");
  const iconName = hashed("icon.svg", icon);
  found.set(iconName, icon);
  const html = readFileSync("src/index.html", "utf8");
  const parts = { STYLE: names.css, SCRIPT: names.js, ICON: iconName };
  found.set(
    "index.html",
    html.replace(/\{(\w+)\}/g, (_, part) => `assets/${parts[part]}`),
  );
  found.set("licences.txt", licences(Object.keys(bundle.metafile.inputs)));
  return found;
}

process.chdir(new URL(".", import.meta.url).pathname);
const wanted = await files();
const size = [...wanted].reduce((sum, [, text]) => sum + gzipSync(text).length, 0);
console.log(`${Math.round(size / 1000)} kB with gzip`);
if (size > MOST_BYTES) throw new Error(`the page has ${size} bytes with gzip, at most ${MOST_BYTES}`);
if (process.argv.includes("--check")) {
  const present = readdirSync(FOLDER).sort();
  const same = (name) => present.includes(name) && readFileSync(join(FOLDER, name), "utf8") === wanted.get(name);
  if (present.length !== wanted.size || ![...wanted.keys()].every(same)) {
    console.error("the committed page is not that of web/: run make web, and commit what it writes");
    process.exit(1);
  }
} else {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of wanted) writeFileSync(join(FOLDER, name), text);
}
