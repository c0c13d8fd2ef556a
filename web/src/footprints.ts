/** Where the images of the list lie: outlines, and dots where these would be too small to see. */
import { effect, signal } from "@preact/signals";
import { getCenter, isEmpty } from "ol/extent";
import Feature from "ol/Feature";
import { Point, Polygon } from "ol/geom";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import VectorSource from "ol/source/Vector";
import { Circle, Fill, Stroke, Style } from "ol/style";
import { isInView, listed, previews } from "./previews";
import { MERCATOR } from "./projections";
import { imageId, openImage } from "./state";
import { mercator } from "./tiles";

const SMALL = 10; // pixels of the screen

export const pointed = signal(""); // the image that the pointer is over, in the list or on the map

/** Draw the footprints of the list onto the map while no image is open. */
export function showFootprints(map: OlMap, colour: (name: string) => string): () => void {
  const source = new VectorSource();
  const layer = new VectorLayer({
    source,
    style: (feature, resolution) => {
      const isPointed = feature.getId() === pointed.value;
      const stroke = new Stroke({
        color: colour(isPointed ? "--region" : "--map-outline"),
        width: isPointed ? 3 : 1.5,
      });
      const fill = new Fill({ color: colour(isPointed ? "--region-fill" : "--footprint-fill") });
      const extent = feature.getGeometry()?.getExtent() ?? [0, 0, 0, 0];
      const side = ((extent[2] as number) - (extent[0] as number)) / resolution;
      if (side >= SMALL) return new Style({ stroke, fill });
      const dot = new Fill({ color: colour(isPointed ? "--region" : "--map-outline") });
      return new Style({
        geometry: new Point(getCenter(extent)),
        image: new Circle({ radius: isPointed ? 7 : 5, fill: dot, stroke: new Stroke({ color: "#fff", width: 1.5 }) }),
      });
    },
  });
  let isMoved = false;
  map.addLayer(layer);
  const idAt = (pixel: number[]) =>
    map.forEachFeatureAtPixel(pixel, (feature) => String(feature.getId() ?? ""), {
      layerFilter: (each) => each === layer,
      hitTolerance: 4,
    }) ?? "";
  map.on("click", (event) => {
    const id = imageId.value ? "" : idAt(event.pixel);
    if (id) openImage(id);
  });
  map.on("pointermove", (event) => {
    if (imageId.value || event.dragging) return;
    pointed.value = idAt(event.pixel);
    const element = map.getTargetElement();
    if (element) element.style.cursor = pointed.value ? "pointer" : "";
  });
  const stops = [
    effect(() => {
      layer.setVisible(!imageId.value);
      map.getTargetElement()?.style.removeProperty("cursor");
      if (imageId.value) return;
      const ids = new Set(listed.value);
      for (const feature of source.getFeatures()) if (!ids.has(String(feature.getId()))) source.removeFeature(feature);
      for (const id of ids) {
        const ring = previews.value.get(id)?.ring ?? [];
        if (!ring.length || source.getFeatureById(id)) continue;
        const feature = new Feature(new Polygon([ring.map(mercator)]));
        feature.setId(id);
        source.addFeature(feature);
      }
    }),
    effect(() => {
      pointed.value;
      layer.changed();
    }),
    effect(() => {
      if (imageId.value || isInView.value || !previews.value.size) return;
      listed.value;
      const extent = source.getExtent();
      if (extent && !isEmpty(extent) && map.getView().getProjection().getCode() === MERCATOR && !isMoved)
        map.getView().fit(extent, { padding: [60, 60, 60, 60], maxZoom: 9 });
    }),
  ];
  const note = () => {
    isMoved = true;
  };
  const viewport = map.getViewport() as HTMLElement;
  viewport.addEventListener("pointerdown", note);
  viewport.addEventListener("wheel", note, { passive: true });
  return () => {
    for (const stop of stops) stop();
  };
}
