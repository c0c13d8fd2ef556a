// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

// The TypeScript library under test: reads requests from stdin and writes answers to stdout, as
// clients/conformance/README.md describes.

import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { fromJson, toJson } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ImageInfoSchema } from "../gen/rasterwire/v1/catalog_service_pb.js";
import { DownloadPlanSchema } from "../gen/rasterwire/v1/download_pb.js";
import { DownloadSchema, GetLimitsResponseSchema } from "../gen/rasterwire/v1/download_service_pb.js";
import { ExportSchema } from "../gen/rasterwire/v1/export_service_pb.js";
import type { Created, Downloaded, NodeClient, Params } from "../src/index.js";
import { bands, box, connect, crc32c, DownloadParamsSchema, Format, image, RasterwireError } from "../src/index.js";

interface Request {
  call: string;
  target: string;
  params: JsonValue;
  path: string;
  made: { image?: string; bands?: string[]; box?: [number, number, number, number]; format?: keyof typeof Format };
  options: { prefix?: string; id?: string; cancel_after?: number; copies?: number; to?: string };
  client: {
    timeout?: number;
    idle?: number;
    token?: string;
    metadata?: Record<string, string>;
    retry?: { attempts?: number; first_wait?: number; longest_wait?: number };
  };
}

type Answer = Record<string, unknown>;

const hex = (crc: number) => crc.toString(16).padStart(8, "0");

const documentOf = <T extends DescMessage>(schema: T, message: MessageShape<T>) =>
  toJson(schema, message, { alwaysEmitImplicit: true });

function client({ target, client: setup }: Request): NodeClient {
  const { attempts = 4, first_wait: firstWait = 0.01, longest_wait: longestWait = 0.05 } = setup.retry ?? {};
  return connect(target, {
    timeout: setup.timeout ?? 60,
    idle: setup.idle ?? 60,
    retry: { attempts, firstWait, longestWait },
    token: setup.token ?? "",
    metadata: setup.metadata ?? {},
  });
}

function paramsOf({ made, params }: Request): Params {
  if (!made.image) {
    return fromJson(DownloadParamsSchema, params);
  }
  const fields = [made.bands ? bands(...made.bands) : {}, made.box ? box(...made.box) : {}];
  return image(made.image, ...fields, { format: Format[made.format ?? "NPY"] });
}

async function save(to: NodeClient, params: Params, { path, options }: Request): Promise<Answer> {
  if (options.copies) {
    const copies = Array.from({ length: options.copies }, (_, number) => to.download(params, `${path}-${number}`));
    return { file: fileOf((await Promise.all(copies)).at(-1)!) };
  }
  const cancelled = new AbortController();
  const seen: number[] = [];
  const progress = (done: number) => {
    seen.push(done);
    if (done >= (options.cancel_after ?? Infinity)) {
      cancelled.abort();
    }
  };
  const file = await to.download(params, path, { progress, signal: cancelled.signal });
  const grows = seen.every((done, index) => index === 0 || done >= seen[index - 1]!) && seen.at(-1) === file.size;
  return { file: { ...fileOf(file), progress: grows } };
}

const fileOf = ({ size, crc32c: crc, filename, mimeType, path }: Downloaded) => ({
  size,
  crc32c: hex(crc),
  filename,
  mime_type: mimeType,
  path,
});

const calls: Record<string, (to: NodeClient, params: Params, request: Request) => Promise<Answer>> = {
  plan: async (to, params) => ({ plan: documentOf(DownloadPlanSchema, await to.plan(params)) }),
  create: async (to, params) => {
    const [created, again] = [await to.createDownload(params), await to.createDownload(params)];
    return { plan: documentOf(DownloadPlanSchema, created.plan), is_same: created.id.name === again.id.name };
  },
  create_in_background: async (to, params) => {
    const created = await new Promise<Created>((resolve, reject) => {
      to.createDownloadLater(params, (error, value) => (value ? resolve(value) : reject(error)));
    });
    return { plan: documentOf(DownloadPlanSchema, created.plan) };
  },
  limits: async (to) => ({ limits: documentOf(GetLimitsResponseSchema, await to.limits()) }),
  images: async (to, _, { options }) => {
    const images: string[] = [];
    for await (const { id } of to.listImages(options.prefix)) {
      images.push(id);
    }
    return { images };
  },
  image: async (to, _, { options }) => ({ image: documentOf(ImageInfoSchema, await to.getImage(options.id ?? "")) }),
  forgotten: async (to, params) => {
    const { id } = await to.createDownload(params);
    await to.deleteDownload(id);
    return { download: documentOf(DownloadSchema, (await to.getDownload(id))!) };
  },
  save,
  open: async (to, params) => {
    let [size, crc] = [0, 0];
    for await (const data of to.open(params)) {
      [size, crc] = [size + data.length, crc32c(data, crc)];
    }
    return { file: { size, crc32c: hex(crc) } };
  },
  stream: async (to, params) => {
    const { data } = await to.stream(params);
    return { file: { size: data.length, crc32c: hex(crc32c(data)) } };
  },
  array: async (to, params) => {
    const array = await to.array(params);
    const checksum = (name: string) => {
      const values = Float64Array.from(array.values(name) as ArrayLike<unknown>, Number);
      return hex(crc32c(new Uint8Array(values.buffer)));
    };
    const checksums = Object.fromEntries(array.names.map((name) => [name, checksum(name)]));
    return { shape: array.shape, fields: array.names, checksums };
  },
  export: async (to, params, { options }) => {
    const [destination = "", prefix = ""] = (options.to ?? "").split("/");
    const download = params as MessageShape<typeof DownloadParamsSchema>;
    const done = await to.export({ download, destination, prefix });
    let listed = false;
    for await (const { name } of to.listExports()) {
      listed ||= name === done.name;
    }
    return { export: documentOf(ExportSchema, done), listed };
  },
};

function failed(error: unknown): Answer {
  const found = { kind: "failed", code: "", reason: "", violations: [] as Answer[], retry_delay: null as number | null };
  if (error instanceof RasterwireError) {
    found.kind = error.kind;
    found.code = error.code === undefined ? "" : Code[error.code].replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
    found.reason = error.reason;
    found.violations = error.violations.map(({ field, reason }) => ({ field, reason }));
    found.retry_delay = error.retryDelay ?? null;
  } else if (error instanceof Error && error.name === "AbortError") {
    found.kind = "cancelled";
  } else if (error instanceof Error && "syscall" in error) {
    found.kind = "file";
  }
  return { error: { ...found, message: error instanceof Error ? (error.stack ?? "") : String(error) } };
}

async function reply(request: Request): Promise<Answer> {
  const to = client(request);
  try {
    return await calls[request.call]!(to, paramsOf(request), request);
  } catch (error) {
    return failed(error);
  } finally {
    to.close();
  }
}

let waiting = Buffer.alloc(0);
for await (const data of process.stdin as AsyncIterable<Buffer>) {
  waiting = Buffer.concat([waiting, data]);
  while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE()) {
    const end = 4 + waiting.readUInt32BE();
    const request = JSON.parse(waiting.toString("utf8", 4, end)) as Request;
    waiting = waiting.subarray(end);
    const answer = Buffer.from(JSON.stringify(await reply(request)));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(answer.length);
    process.stdout.write(Buffer.concat([size, answer]));
  }
}
