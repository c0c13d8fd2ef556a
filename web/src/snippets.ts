/** The request as code: one value, written in the languages of the clients. */
import { address, hasApiKey } from "./api";
import type { DownloadParams, RegionParams, Visualization } from "./params";

export interface Snippet {
  name: string;
  code: string;
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Return a value as a literal of Python, indented; short lists stay on their line. */
export function pythonLiteral(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const items = Array.isArray(value)
    ? value.map((item) => pythonLiteral(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const line = `${open}${items.join(", ")}${close}`;
  return line.length + indent.length <= 68 && !line.includes("\n")
    ? line
    : `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}

/** Return the dictionary of the Python client, in the short forms that it takes. */
function pythonParams(params: DownloadParams): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(params)) {
    if (key === "bands") found.bands = params.bands?.map(({ id }) => id);
    else if (key === "region") found.region = pythonRegion(value as RegionParams);
    else if (key === "visualization") found.visualization = visualizationOf(value as Visualization);
    else found[snake(key)] = ENUMS.includes(key) ? shortName(value as string) : value;
  }
  return found;
}

const ENUMS = ["format", "resampling", "mask", "compression"];

const shortName = (text: string) => text.replace(/^(FORMAT|RESAMPLING|MASK|COMPRESSION)_/, "");

const visualizationOf = (visualization: Visualization) =>
  Object.fromEntries(Object.entries(visualization).map(([key, value]) => [snake(key), value]));

function pythonRegion(region: RegionParams): unknown {
  const { boundingBox: box, geojson, crs } = region;
  if (box && !crs) return [box.west, box.south, box.east, box.north];
  if (geojson && !crs) return JSON.parse(geojson);
  return { ...(box ? { bounding_box: box } : { geojson: JSON.parse(geojson ?? "null") }), crs };
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Return a text as one word of a shell: as it is where it holds only what no shell reads as anything else. */
const word = (text: string) => (/^[\w%+=:,./-]+$/.test(text) ? text : quoted(text));

/** Where all code reads the key from, so that it is in no script and no list of commands. */
export const KEY_VARIABLE = "RASTERWIRE_API_KEY";

const keyHeader = () => (hasApiKey() ? `-H "Authorization: Bearer $${KEY_VARIABLE}" \\\n  ` : "");

export const suffixOf = (params: DownloadParams) =>
  ({ FORMAT_NPY: "npy", FORMAT_PNG: "png", FORMAT_JPEG: "jpg", FORMAT_GEO_TIFF: "tif" })[params.format ?? ""] ?? "zip";

/** Return the address of the gRPC port, as far as the page can know it. */
const grpcAddress = () => {
  const port = document.querySelector<HTMLMetaElement>("meta[name=grpc-port]")?.content;
  return `${location.hostname || "localhost"}:${port}`;
};

function python(params: DownloadParams): string {
  const key = hasApiKey() ? `, api_key=os.environ["${KEY_VARIABLE}"]` : "";
  return `${key && "import os\n\n"}from rasterwire import Client

params = ${pythonLiteral(pythonParams(params))}
with Client("${grpcAddress()}"${key}) as client:
    client.download(params, "piece.${suffixOf(params)}", progress=True)
`;
}

function curl(params: DownloadParams): string {
  const base = address("").replace(/\/$/, "");
  return `url=$(curl -s --fail-with-body ${quoted(`${base}/v1/downloads`)} \\
  ${keyHeader()}-H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify(params, null, 1))} |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["downloadId"]["url"])')
curl -s --fail-with-body -o piece.${suffixOf(params)} "$url"
`;
}

function bufCurl(params: DownloadParams): string {
  return `buf curl --protocol grpc --http2-prior-knowledge \\
  ${keyHeader()}-d ${quoted(JSON.stringify({ params }, null, 1))} \\
  http://${grpcAddress()}/rasterwire.v1.DownloadService/CreateDownload
`;
}

/** Return code for Earth Engine's own client, which this server answers; "" for what that client cannot say. */
function earthEngine(params: DownloadParams): string {
  const format = shortName(params.format ?? "");
  const isKnown = ["GEO_TIFF", "NPY", "ZIPPED_GEO_TIFF_PER_BAND", "ZIPPED_GEO_TIFF"].includes(format);
  const isPlain = !params.cloudOptimized && !params.compression && params.nodata === undefined && !params.clipToRegion;
  const resampling = shortName(params.resampling ?? "NEAREST").toLowerCase();
  if (!isKnown || !isPlain || params.mask || !["nearest", "bilinear", "cubic"].includes(resampling)) return "";
  const { region } = params;
  let image = `ee.Image(${pythonLiteral(params.image)})`;
  if (params.bands) image += `.select(${pythonLiteral(params.bands.map(({ id }) => id))})`;
  if (resampling === "bilinear") image += '.resample("bilinear")';
  if (resampling === "cubic") image += '.resample("bicubic")';
  const options = [`"format": "${format}"`];
  let area = "";
  if (region) {
    area = `region = ee.Geometry(${pythonLiteral(asGeojson(region))}, ${pythonLiteral(region.crs)}, False)\n`;
    options.push('"region": region');
  }
  for (const name of ["scale", "crs", "crsTransform", "dimensions"] as const)
    if (params[name] !== undefined) options.push(`"${snake(name)}": ${pythonLiteral(params[name])}`);
  const [imports, credentials] = hasApiKey()
    ? ["\nimport google.oauth2.credentials", `google.oauth2.credentials.Credentials(os.environ["${KEY_VARIABLE}"])`]
    : ["", "None"];
  return `${imports && "import os\n"}import urllib.request

import ee${imports}

ee.Initialize(credentials=${credentials}, project="rasterwire", url=${pythonLiteral(address("").replace(/\/$/, ""))})
image = ${image}
${area}url = image.getDownloadURL({${options.join(", ")}})
urllib.request.urlretrieve(url, "piece.${suffixOf(params)}")
`;
}

/** What the command line reads at the end of a band as its scale. */
const SCALE = /:\s*[+-]?(\.?\p{Nd}|inf|nan)[^:]*$/iu;

/** Return the options of the command line that say the same; "" for bands that it cannot name. */
function cli(params: DownloadParams): string {
  const options: string[] = [];
  let file = "";
  const { visualization } = params;
  const bands = [...(params.bands ?? []).map(({ id }) => id), ...(visualization?.bands ?? [])];
  if (bands.some((id) => SCALE.test(id))) return "";
  for (const id of bands) options.push(`-b ${word(id)}`);
  const add = (name: string, value: string) => options.push(word(`--${name}=${value}`));
  const { region } = params;
  if (region?.boundingBox && !region.crs) {
    const { west, south, east, north } = region.boundingBox;
    add("region", [west, south, east, north].join(","));
  } else if (region) {
    file = `cat > region.geojson <<'END'\n${JSON.stringify(asGeojson(region))}\nEND\n`;
    options.push("--region region.geojson");
  }
  if (params.scale !== undefined) add("scale", String(params.scale));
  if (params.crs) add("crs", params.crs);
  if (params.crsTransform) add("crs-transform", params.crsTransform.join(","));
  if (params.dimensions) add("dimensions", params.dimensions.join("x"));
  for (const name of ["format", "resampling", "mask", "compression"] as const)
    if (params[name]) add(name, shortName(params[name]).toLowerCase());
  if (params.nodata !== undefined) add("nodata", String(params.nodata));
  if (visualization) options.push("--visualize");
  for (const name of ["min", "max", "gamma", "palette"] as const)
    if (visualization?.[name]) add(name, visualization[name].join(","));
  if (params.clipToRegion) options.push("--clip-to-region");
  if (params.cloudOptimized) options.push("--cloud-optimized");
  options.push(`--server ${grpcAddress()}`, `-o piece.${suffixOf(params)}`);
  const isOption = params.image.startsWith("-");
  const words = [
    ...(isOption ? [] : [word(params.image)]),
    ...options,
    ...(isOption ? [`-- ${word(params.image)}`] : []),
  ];
  return `${file}rasterwire download ${words.join(" \\\n  ")}\n`;
}

/** Return a region as one GeoJSON geometry, with its crs. */
function asGeojson({ boundingBox: box, geojson, crs }: RegionParams): unknown {
  const geometry = box
    ? {
        type: "Polygon",
        coordinates: [
          [
            [box.west, box.south],
            [box.east, box.south],
            [box.east, box.north],
            [box.west, box.north],
            [box.west, box.south],
          ],
        ],
      }
    : JSON.parse(geojson ?? "null");
  return crs ? { ...geometry, crs: { type: "name", properties: { name: crs } } } : geometry;
}

export function snippets(params: DownloadParams): Snippet[] {
  return [
    { name: "Python", code: python(params) },
    { name: "CLI", code: cli(params) },
    { name: "curl", code: curl(params) },
    { name: "buf curl", code: bufCurl(params) },
    { name: "ee", code: earthEngine(params) },
    { name: "JSON", code: `${JSON.stringify(params, null, 2)}\n` },
  ].filter(({ code }) => code);
}
