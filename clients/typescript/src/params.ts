// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BandSpecSchema } from "../gen/rasterwire/v1/download_pb.js";
import { DownloadParamsSchema } from "../gen/rasterwire/v1/download_pb.js";
import type { DownloadParams } from "../gen/rasterwire/v1/download_pb.js";

/** A request: the message, or an object with the same fields. */
export type Params = MessageInitShape<typeof DownloadParamsSchema>;

type Fields = Exclude<Params, DownloadParams>;

/** A request for an image; more fields follow, of `bands`, `box` or as an object. */
export function image(id: string, ...fields: readonly Fields[]): DownloadParams {
  return create(DownloadParamsSchema, Object.assign({ source: { case: "image", value: id } }, ...fields) as Fields);
}

/**
 * Bands by their names, in this order. A number behind the last colon is the size of the band's pixels in metres:
 * `"B11:20"`.
 */
export function bands(...names: readonly string[]): { bands: MessageInitShape<typeof BandSpecSchema>[] } {
  return { bands: names.map(band) };
}

function band(name: string): MessageInitShape<typeof BandSpecSchema> {
  const colon = name.lastIndexOf(":");
  const scale = name.slice(colon + 1).trim();
  return colon > 0 && scale !== "" && Number.isFinite(Number(scale))
    ? { id: name.slice(0, colon), scale: Number(scale) }
    : { id: name };
}

/**
 * The area between two longitudes and two latitudes, in degrees, or along the axes of a crs. A west that is greater than
 * east crosses the antimeridian.
 */
export function box(west: number, south: number, east: number, north: number, crs = "") {
  return { region: { shape: { case: "boundingBox" as const, value: { west, south, east, north } }, crs } };
}

/** The area of a GeoJSON geometry. */
export function geojson(geometry: object | string) {
  const value = typeof geometry === "string" ? geometry : JSON.stringify(geometry);
  return { region: { shape: { case: "geojson" as const, value } } };
}
