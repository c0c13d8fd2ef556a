/** Where the pointer is: in degrees, in the crs of the map, and in pixels of the image. */
import { transform } from "ol/proj";
import { pointer, wrapped } from "./map";
import { LONLAT, MERCATOR, projectionOf } from "./projections";
import { image } from "./state";
import { finestBand } from "./tiles";
import { number } from "./units";
import { values } from "./values";

export function Readout() {
  const at = pointer.value;
  if (!at) return null;
  const [east, lat] = transform([at.x, at.y], at.projection, LONLAT) as [number, number];
  const lon = wrapped(east);
  const band = image.value && finestBand(image.value);
  const projection = band && projectionOf(band.grid.crs);
  const parts = [
    `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}  ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`,
  ];
  if (band && projection) {
    const [x, y] = transform([at.x, at.y], at.projection, projection) as [number, number];
    if (projection !== LONLAT && projection !== MERCATOR) parts.push(`${x.toFixed(1)}, ${y.toFixed(1)}`);
    const pixel = pixelAt(band.grid.crsTransform.map(Number), x, y);
    if (pixel.every((value, axis) => value >= 0 && value < Number(axis ? band.grid.height : band.grid.width)))
      parts.push(`column ${Math.floor(pixel[0] as number)}, row ${Math.floor(pixel[1] as number)}`);
  }
  return (
    <output class="readout">
      <div>
        {parts.map((part) => (
          <span key={part}>{part}</span>
        ))}
      </div>
      {values.value.length > 0 && (
        <div class="values">
          {values.value.map(({ band: name, value }) => (
            <span key={name}>
              <span class="faint">{name}</span> {value === null ? "–" : number(value)}
            </span>
          ))}
        </div>
      )}
    </output>
  );
}

/** Return column and row of a position. */
export function pixelAt(crsTransform: number[], x: number, y: number): [number, number] {
  const [a, b, c, d, e, f] = crsTransform as [number, number, number, number, number, number];
  const area = a * e - b * d;
  return [(e * (x - c) - b * (y - f)) / area, (a * (y - f) - d * (x - c)) / area];
}
