// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// Fetches the documentation's NPY request three times, by awaiting each call, by callbacks, and after
// the server prepared it, verifies every byte, and prints the size and checksum of each file.

import { setTimeout as wait } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { CallbackClient, Client } from "@connectrpc/connect";
import { ConnectError, createCallbackClient, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { DownloadParamsSchema, Format } from "../gen/rasterwire/v1/download_pb.js";
import type { CreateDownloadResponse } from "../gen/rasterwire/v1/download_service_pb.js";
import { Download_State, DownloadService } from "../gen/rasterwire/v1/download_service_pb.js";
import { Verifier } from "./verifier.js";

const timeoutMs = 60_000;

/** Between two looks at how far a file is. */
const pauseMs = 100;

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
  return await read(client, readRequest(await client.createDownload({ params }, { timeoutMs })));
}

/** Reads the file of a registered download to its verified end. */
async function read(client: Client<typeof DownloadService>, id: ReturnType<typeof readRequest>): Promise<string> {
  const file = new Verifier();
  for await (const { chunk } of client.readDownload(id, { timeoutMs })) {
    file.add(chunk);
  }
  return file.finish();
}

/** Registers the request, lets the server render the file before it is read, and has it forgotten. */
async function prepared(client: Client<typeof DownloadService>): Promise<string> {
  const id = readRequest(await client.createDownload({ params }, { timeoutMs }));
  await client.prepareDownload(id, { timeoutMs });
  for (;;) {
    const { download } = await client.getDownload(id, { timeoutMs });
    if (download?.state === Download_State.READY) {
      break;
    }
    if (download?.state === Download_State.FAILED) {
      throw new Error(`${id.name}: ${download.failure}`);
    }
    await wait(pauseMs);
  }
  if (!(await isListed(client, id.name))) {
    throw new Error(`${id.name} is not listed`);
  }
  const file = await read(client, id);
  await client.deleteDownload(id, { timeoutMs });
  return file;
}

/** Looks for a download in the pages of all that are registered. */
async function isListed(client: Client<typeof DownloadService>, name: string): Promise<boolean> {
  let pageToken = "";
  do {
    const page = await client.listDownloads({ pageToken }, { timeoutMs });
    if (page.downloads.some((download) => download.name === name)) {
      return true;
    }
    pageToken = page.nextPageToken;
  } while (pageToken);
  return false;
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
  console.log(`typescript prepared ${await prepared(createClient(DownloadService, transport))}`);
} catch (error) {
  console.error(`typescript: ${describe(error)}`);
  process.exitCode = 1;
} finally {
  sessionManager.abort();
}
