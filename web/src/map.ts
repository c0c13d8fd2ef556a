/** The map: what is under the image, the image, the region that is drawn, and what the pointer is over. */

import { effect, signal } from "@preact/signals";
import Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import { Polygon } from "ol/geom";
import { fromExtent } from "ol/geom/Polygon";
import Draw, { createBox } from "ol/interaction/Draw";
import Modify from "ol/interaction/Modify";
import TileLayer from "ol/layer/Tile";
import VectorLayer from "ol/layer/Vector";
import OlMap from "ol/Map";
import { transform } from "ol/proj";
import TileImage from "ol/source/TileImage";
import VectorSource from "ol/source/Vector";
import { Fill, Stroke, Style, Text } from "ol/style";
import View from "ol/View";
import type { ImageInfo, VisualizationPlan } from "./api";
import { showFootprints } from "./footprints";
import { drawableBox, graticule, landFeatures } from "./ground";
import type { Area } from "./params";
import { LONLAT, MERCATOR, projectionOf } from "./projections";
import { choices, image, look, ownProjection, setArea, visualization } from "./state";
import { type Footprint, finestBand, footprintOf, pyramidOf, register, tileUrl } from "./tiles";

export type Tool = "" | "box" | "polygon";

export const tool = signal<Tool>("");
export const pointer = signal<{ x: number; y: number; projection: string } | null>(null);
export const tileProblem = signal("");
export const shownAs = signal<VisualizationPlan | null>(null);
export const theme = signal(0); // counts changes of the colours

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const landSource = new VectorSource();
const lineSource = new VectorSource();
const outlineSource = new VectorSource();
const areaSource = new VectorSource();

const landLayer = new VectorLayer({
  source: landSource,
  style: () => new Style({ fill: new Fill({ color: colour("--map-land") }) }),
});
const lineLayer = new VectorLayer({
  source: lineSource,
  updateWhileInteracting: false,
  style: (feature) => {
    const label = feature.get("label") as string | undefined;
    if (!label) return new Style({ stroke: new Stroke({ color: colour("--map-line"), width: 1 }) });
    const isMeridian = feature.get("isMeridian") as boolean;
    return new Style({
      text: new Text({
        text: label,
        font: "11px ui-sans-serif, system-ui, sans-serif",
        fill: new Fill({ color: colour("--map-label") }),
        stroke: new Stroke({ color: colour("--map-halo"), width: 3 }),
        textAlign: "left",
        textBaseline: "bottom",
        offsetX: 4,
        offsetY: isMeridian ? -4 : -2,
      }),
    });
  },
});
const outlineLayer = new VectorLayer({
  source: outlineSource,
  style: () => new Style({ stroke: new Stroke({ color: colour("--map-outline"), width: 1.5 }) }),
});
const areaLayer = new VectorLayer({
  source: areaSource,
  style: () => [
    new Style({ stroke: new Stroke({ color: "rgba(0,0,0,.45)", width: 4 }) }),
    new Style({
      stroke: new Stroke({ color: colour("--region"), width: 2 }),
      fill: new Fill({ color: colour("--region-fill") }),
    }),
  ],
});
const tileLayer = new TileLayer<TileImage>({ preload: 0 });

const map = new OlMap({
  layers: [landLayer, tileLayer, lineLayer, outlineLayer, areaLayer],
  view: new View({ projection: MERCATOR, center: [0, 2_000_000], zoom: 1.6 }),
});

const projection = () => map.getView().getProjection().getCode();
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** Put the map into an element, and follow the state. */
export function showMap(element: HTMLElement): () => void {
  map.setTarget(element);
  const stops = [followImage(), followLook(), followArea(), followTool(), followTheme(), showFootprints(map, colour)];
  map.on("moveend", drawLines);
  map.on("moveend", noteView);
  map.on("pointermove", (event) => {
    const [x, y] = event.coordinate as [number, number];
    pointer.value = event.dragging ? null : { x, y, projection: projection() };
  });
  const leave = () => {
    pointer.value = null;
  };
  element.addEventListener("pointerleave", leave);
  return () => {
    for (const stop of stops) stop();
    element.removeEventListener("pointerleave", leave);
    map.setTarget(undefined);
  };
}

// -- the ground --------------------------------------------------------------------------------

let drawable: [number, number, number, number] = [-180, -85, 180, 85];

async function drawGround(): Promise<void> {
  const name = projection();
  const features = await landFeatures(name, drawable);
  if (name !== projection()) return;
  landSource.clear();
  landSource.addFeatures(features);
}

/** The longitudes and latitudes that are seen; null for the whole world. */
export const viewBounds = signal<number[] | null>(null);

function noteView(): void {
  const [west, south, east, north] = lonLatBox(map.getView().calculateExtent(map.getSize()));
  const isWorld = !((east as number) - (west as number) < 350);
  viewBounds.value = isWorld
    ? null
    : [wrapped(west as number), south as number, wrapped(east as number), north as number];
}

/** Return a longitude from 180 degrees west to 180 degrees east. */
export const wrapped = (lon: number) => ((((lon + 180) % 360) + 360) % 360) - 180;

function drawLines(): void {
  const size = map.getSize();
  lineSource.clear();
  if (size) lineSource.addFeatures(graticule(projection(), map.getView().calculateExtent(size), drawable));
}

function followTheme(): () => void {
  return effect(() => {
    theme.value;
    for (const layer of [landLayer, lineLayer, outlineLayer, areaLayer]) layer.changed();
  });
}

// -- the image ---------------------------------------------------------------------------------

let footprint: Footprint | null = null;

/** Show an image, in its own projection where the map can draw it. */
function followImage(): () => void {
  return effect(() => {
    const shown = image.value;
    const own = ownProjection.value;
    outlineSource.clear();
    tileLayer.setSource(null);
    shownAs.value = null;
    footprint = shown && footprintOf(shown, own);
    const name = footprint?.projection ?? MERCATOR;
    if (name !== projection()) setView(name);
    else if (!landSource.getFeatures().length) void drawGround();
    if (!footprint) return;
    outlineSource.addFeature(new Feature(new Polygon([footprint.ring])));
    map.getView().setMinZoom(0);
    fitImage(true);
    drawArea(choices.peek().area);
  });
}

function setView(name: string): void {
  const extent = footprint?.extent;
  const middle = extent
    ? [((extent[0] as number) + (extent[2] as number)) / 2, ((extent[1] as number) + (extent[3] as number)) / 2]
    : [0, 2_000_000];
  drawable = drawableBox(name, transform(middle, name, LONLAT) as [number, number]);
  map.setView(
    new View({
      projection: name,
      center: middle,
      resolution: footprint ? footprint.pixel * 8 : 60_000,
      minResolution: footprint ? footprint.pixel / 64 : 0.01,
      maxResolution: name === LONLAT ? 0.5 : 100_000,
      constrainOnlyCenter: true,
    }),
  );
  void drawGround();
}

/** Show all of the image. */
export function fitImage(isNew = false): void {
  if (!footprint || !map.getSize()) return;
  const duration = isNew || isStill.matches ? 0 : 250;
  map.getView().fit(footprint.extent, { padding: [40, 40, 40, 40], duration });
}

/** Show all of the region. */
export function fitArea(): void {
  const extent = areaSource.getExtent();
  if (extent?.every(Number.isFinite))
    map.getView().fit(extent, { padding: [80, 80, 80, 80], duration: isStill.matches ? 0 : 250 });
}

export function zoomBy(step: number): void {
  const view = map.getView();
  view.animate({ zoom: (view.getZoom() ?? 0) + step, duration: isStill.matches ? 0 : 150 });
}

/** Say whether tiles are still to come. */
function tellBusy(isBusy: boolean): void {
  map.getTargetElement()?.setAttribute("aria-busy", String(isBusy));
}

function followLook(): () => void {
  return effect(() => {
    const shown = image.value;
    const wanted = visualization.value;
    const own = ownProjection.value;
    look.value;
    const place = shown && footprintOf(shown, own);
    if (!shown || !place) return;
    const crs = finestBand(shown)?.grid.crs ?? "";
    const { grid, top } = pyramidOf(place, crs);
    tellBusy(true);
    const abort = new AbortController();
    const params = { image: shown.id, ...top, format: "FORMAT_PNG", visualization: wanted };
    register(params, abort.signal).then(
      (registered) => {
        if (abort.signal.aborted) return;
        tileProblem.value = "";
        shownAs.value = registered.plan.visualization ?? null;
        const shape = new Polygon([place.ring]);
        const source = new TileImage({
          projection: place.projection,
          tileGrid: grid,
          interpolate: false,
          transition: 120,
          // corners of the extent may hold nothing of the image
          tileUrlFunction: ([zoom, x, y]) =>
            shape.intersectsExtent(grid.getTileCoordExtent([zoom, x, y] as number[]))
              ? tileUrl(registered, zoom as number, x as number, y as number)
              : undefined,
          wrapX: false,
        });
        tileLayer.setSource(source);
        map.once("rendercomplete", () => tellBusy(false));
      },
      (error) => {
        if (abort.signal.aborted) return;
        tileProblem.value = String(error.message);
        tellBusy(false);
      },
    );
    return () => abort.abort();
  });
}

// -- the region --------------------------------------------------------------------------------

const geojson = new GeoJSON();

function drawArea(area: Area | null): void {
  areaSource.clear();
  if (!area) return;
  const source = area.crs ? projectionOf(area.crs) : LONLAT;
  if (!source) return;
  const geometry = area.kind === "box" ? fromExtent(area.corners) : geojson.readGeometry(area.geometry);
  if (!geometry) return;
  if (source !== projection()) {
    if (area.kind === "box") addPoints(geometry as Polygon);
    geometry.transform(source, projection());
  }
  areaSource.addFeature(new Feature(geometry));
}

/** Put points on the sides of a box, which are curves in another projection. */
function addPoints(box: Polygon): void {
  const [corners] = box.getCoordinates() as [number[][]];
  const ring = corners.slice(1).flatMap((end, index) => {
    const start = corners[index] as number[];
    return Array.from({ length: 16 }, (_, i) =>
      [0, 1].map((axis) => (start[axis] as number) + (((end[axis] as number) - (start[axis] as number)) * i) / 16),
    );
  });
  box.setCoordinates([[...ring, ring[0] as number[]]]);
}

function followArea(): () => void {
  return effect(() => {
    const { area } = choices.value;
    ownProjection.value;
    drawArea(area);
  });
}

/** Return digits behind the point that tell a hundredth of a pixel. */
function digits(): number {
  const resolution = map.getView().getResolution() ?? 1;
  const size = projection() === MERCATOR ? resolution / 111_320 : resolution;
  return Math.max(0, Math.min(9, Math.ceil(-Math.log10(size)) + 1));
}

const round = (value: number, places: number) => Number(value.toFixed(places));

/** Return the crs that a region of this map is told in: that of the image, or longitude and latitude. */
function areaCrs(): string {
  const name = projection();
  if (name === MERCATOR || name === LONLAT) return "";
  const band = image.value && finestBand(image.value);
  return band ? band.grid.crs : name;
}

function boxArea(extent: number[]): Area {
  const crs = areaCrs();
  const places = digits();
  const corners = (crs || projection() === LONLAT ? extent : lonLatBox(extent)).map((value) => round(value, places));
  return { kind: "box", crs, corners: corners as [number, number, number, number] };
}

function lonLatBox([west, south, east, north]: number[]): number[] {
  return [
    ...transform([west as number, south as number], projection(), LONLAT),
    ...transform([east as number, north as number], projection(), LONLAT),
  ];
}

/** Move the sides of a box outward to the nearest lines between pixels. */
export function snapArea(): void {
  const { area } = choices.peek();
  const band = image.peek() && finestBand(image.peek() as ImageInfo);
  if (area?.kind !== "box" || !band || area.crs !== band.grid.crs) return;
  const [a, , c, , e, f] = band.grid.crsTransform.map(Number) as [number, number, number, number, number, number];
  const line = (value: number, origin: number, step: number, outward: (value: number) => number) =>
    round(origin + outward(round((value - origin) / Math.abs(step), 6)) * Math.abs(step), 9);
  const [west, south, east, north] = area.corners;
  setArea({
    ...area,
    corners: [
      line(west, c, a, Math.floor),
      line(south, f, e, Math.floor),
      line(east, c, a, Math.ceil),
      line(north, f, e, Math.ceil),
    ],
  });
}

/** Tell whether the region is a box along the pixels of the image, whose sides can lie between them. */
export function canSnap(area: Area | null): boolean {
  const band = image.value && finestBand(image.value);
  const [, b, , d] = band?.grid.crsTransform.map(Number) ?? [0, 1];
  return area?.kind === "box" && !!band && area.crs === band.grid.crs && b === 0 && d === 0;
}

/** Choose what the map shows as the region, within the image. */
export function takeView(): void {
  const [west, south, east, north] = map.getView().calculateExtent(map.getSize()) as [number, number, number, number];
  const limits = footprint?.extent ?? [west, south, east, north];
  const box = [
    Math.max(west, limits[0] as number),
    Math.max(south, limits[1] as number),
    Math.min(east, limits[2] as number),
    Math.min(north, limits[3] as number),
  ];
  if ((box[0] as number) < (box[2] as number) && (box[1] as number) < (box[3] as number)) setArea(boxArea(box));
}

function takeDrawn(geometry: Polygon, kind: Tool): void {
  if (kind === "box") {
    setArea(boxArea(geometry.getExtent()));
    return;
  }
  const crs = areaCrs();
  const drawn = geometry.clone();
  if (!crs && projection() !== LONLAT) drawn.transform(projection(), LONLAT);
  const places = digits();
  drawn.setCoordinates(
    drawn.getCoordinates().map((ring) => ring.map((point) => point.slice(0, 2).map((value) => round(value, places)))),
  );
  setArea({ kind: "shape", crs, geometry: geojson.writeGeometryObject(drawn) as GeoJSON.Geometry });
}

function followTool(): () => void {
  return effect(() => {
    const kind = tool.value;
    const viewport = map.getViewport() as HTMLElement;
    viewport.classList.toggle("is-drawing", kind !== "");
    if (!kind) return;
    const draw =
      kind === "box"
        ? new Draw({
            source: new VectorSource(),
            type: "Circle",
            geometryFunction: createBox(),
            style: areaLayer.getStyle() as never,
          })
        : new Draw({ source: new VectorSource(), type: "Polygon", style: areaLayer.getStyle() as never });
    draw.on("drawstart", () => areaSource.clear());
    draw.on("drawend", (event) => {
      takeDrawn(event.feature.getGeometry() as Polygon, kind);
      setTimeout(() => {
        tool.value = "";
      });
    });
    map.addInteraction(draw);
    return () => map.removeInteraction(draw);
  });
}

const modify = new Modify({ source: areaSource, style: () => [] });
modify.on("modifyend", () => {
  const area = choices.peek().area;
  const geometry = areaSource.getFeatures()[0]?.getGeometry();
  if (area && geometry instanceof Polygon) takeDrawn(geometry, area.kind === "box" ? "box" : "polygon");
});
map.addInteraction(modify);
