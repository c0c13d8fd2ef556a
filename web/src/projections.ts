/** Projections of images, as far as the map can draw them without asking anybody. */
import { get as known, type Projection, transform } from "ol/proj";
import { register } from "ol/proj/proj4";
import proj4 from "proj4";
import { DEFINITIONS } from "./definitions";

export const MERCATOR = "EPSG:3857";
export const LONLAT = "EPSG:4326";

const names = new Map<string, string>();

/** Return the definition of a zone of UTM, of the datums whose zones have codes in a row; "" for other codes. */
function utm(code: string): string {
  const match = /^EPSG:(326|327|258|269|282)(\d\d)$/.exec(code);
  const zone = Number(match?.[2]);
  if (!match || zone < 1 || zone > 60) return "";
  const [series] = [match[1]];
  if (series === "326" || series === "327")
    return `+proj=utm +zone=${zone}${series === "327" ? " +south" : ""} +datum=WGS84 +units=m`;
  if (series === "258") return `+proj=utm +zone=${zone} +ellps=GRS80 +units=m`;
  if (series === "269" && zone <= 23) return `+proj=utm +zone=${zone} +datum=NAD83 +units=m`;
  return "";
}

/** Return the name by which the map knows a crs, null where it cannot draw it. */
export function projectionOf(crs: string): string | null {
  if (!crs) return null;
  if (crs === "OGC:CRS84") return LONLAT;
  const earlier = names.get(crs);
  if (earlier !== undefined) return earlier || null;
  let name = "";
  try {
    const definition = DEFINITIONS[crs] ?? (utm(crs) || (crs.includes("[") ? crs : ""));
    if (known(crs) && !definition) name = crs;
    else if (definition) {
      name = definition === crs ? `crs-${names.size}` : crs;
      proj4.defs(name, definition);
      register(proj4);
      const middle = transform([0, 0], LONLAT, name);
      if (!known(name) || middle.some(Number.isNaN)) name = "";
    }
  } catch {
    name = "";
  }
  names.set(crs, name);
  return name || null;
}

/** Return how many metres a unit of a projection has. */
export function metresOf(projection: Projection): number {
  return projection.getMetersPerUnit() ?? 1;
}
