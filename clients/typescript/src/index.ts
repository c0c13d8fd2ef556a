// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

export { PixelArray, readNpy } from "./array.js";
export type { Values } from "./array.js";
export { Client, interceptor } from "./client.js";
export type { Callback, CallSetup, ClientOptions, Created } from "./client.js";
export { crc32c } from "./crc32c.js";
export { RasterwireError } from "./errors.js";
export type { FieldViolation, Kind } from "./errors.js";
export { connect, NodeClient } from "./node.js";
export type { ConnectOptions, Downloaded, DownloadSetup } from "./node.js";
export { bands, box, geojson, image } from "./params.js";
export type { Params } from "./params.js";
export type { RetryPolicy } from "./stream.js";
export { Compression, DownloadParamsSchema, Format, Mask, Resampling } from "../gen/rasterwire/v1/download_pb.js";
