// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Fetches the documentation's NPY request twice, by awaiting each call and by callbacks, verifies
// every byte, and prints the size and checksum of each file.

import { create } from "@bufbuild/protobuf";
import type { CallbackClient, Client } from "@connectrpc/connect";
import { ConnectError, createCallbackClient, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { DownloadParamsSchema, Format } from "../gen/rasterwire/v1/download_pb.js";
import type { CreateDownloadResponse } from "../gen/rasterwire/v1/download_service_pb.js";
import { DownloadService } from "../gen/rasterwire/v1/download_service_pb.js";
import { Verifier } from "./verifier.js";

const timeoutMs = 60_000;

/** The documentation's request: three bands around Santa Cruz, as a NumPy file. */
const params = create(DownloadParamsSchema, {
  source: { case: "image", value: "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG" },
  bands: [{ id: "B3" }, { id: "B8" }, { id: "B11" }],
  region: {
    shape: {
      case: "boundingBox",
      value: { west: -122.0859, south: 37.0436, east: -122.0626, north: 37.0586 },
    },
  },
  scale: 20,
  format: Format.NPY,
});

/** Asks for the bytes of a registered download. */
const readRequest = ({ downloadId }: CreateDownloadResponse) => ({
  name: downloadId?.name ?? "",
  token: downloadId?.token ?? "",
});

/** Registers the request and reads the file to its verified end, step by step. */
async function download(client: Client<typeof DownloadService>): Promise<string> {
  const created = await client.createDownload({ params }, { timeoutMs });
  const file = new Verifier();
  for await (const { chunk } of client.readDownload(readRequest(created), { timeoutMs })) {
    file.add(chunk);
  }
  return file.finish();
}

/** The same by callbacks: returns at once, and calls `done` when the file is there or failed. */
function downloadLater(
  client: CallbackClient<typeof DownloadService>,
  done: (error: unknown, text?: string) => void,
): void {
  const file = new Verifier();
  const onClose = (error?: ConnectError) => {
    if (error) {
      done(error);
      return;
    }
    let text: string;
    try {
      text = file.finish();
    } catch (incomplete) {
      done(incomplete);
      return;
    }
    done(undefined, text);
  };
  client.createDownload(
    { params },
    (refused, created) => {
      if (refused) {
        done(refused);
        return;
      }
      // What `add` throws ends the stream and comes to `onClose`.
      client.readDownload(readRequest(created), ({ chunk }) => file.add(chunk), onClose, { timeoutMs });
    },
    { timeoutMs },
  );
}

/** Tells an error with the reason and the fields that the server named. */
function describe(error: unknown): string {
  if (!(error instanceof ConnectError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const reasons = error.findDetails(ErrorInfoSchema).map((info) => `\n  reason ${info.reason}`);
  const violations = error.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
  return [error.message, ...reasons, ...violations.map((v) => `\n  ${v.field}: ${v.description}`)].join("");
}

const baseUrl = `http://${process.env["RASTERWIRE_ADDRESS"] || "127.0.0.1:50051"}`;
const sessionManager = new Http2SessionManager(baseUrl);
const transport = createGrpcTransport({ baseUrl, sessionManager });
try {
  console.log(`typescript sync ${await download(createClient(DownloadService, transport))}`);
  const later = await new Promise<string | undefined>((resolve, reject) => {
    downloadLater(createCallbackClient(DownloadService, transport), (error, text) =>
      error ? reject(error) : resolve(text),
    );
  });
  console.log(`typescript async ${later}`);
} catch (error) {
  console.error(`typescript: ${describe(error)}`);
  process.exitCode = 1;
} finally {
  sessionManager.abort();
}
