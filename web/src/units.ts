/** Numbers as people read them. */

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit && value < 100 ? value.toPrecision(value < 10 ? 2 : 3) : Math.round(value)} ${units[unit]}`;
}

export const count = (value: number | string) => Number(value).toLocaleString("en");

/** Return the part of the name of an enum that people say: `GEO_TIFF` of `FORMAT_GEO_TIFF`. */
export const plainName = (name: string, kind: string) => name.replace(`${kind}_`, "");

export const typeName = (name: string) => plainName(name, "DATA_TYPE").toLowerCase();

export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : String(Number(value.toPrecision(6)));
}
