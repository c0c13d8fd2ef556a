// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import dev.rasterwire.client.Connection;
import dev.rasterwire.client.Created;
import dev.rasterwire.client.Downloaded;
import dev.rasterwire.client.FieldViolation;
import dev.rasterwire.client.Params;
import dev.rasterwire.client.PixelArray;
import dev.rasterwire.client.RasterwireClient;
import dev.rasterwire.client.RasterwireException;
import dev.rasterwire.client.RetryPolicy;
import dev.rasterwire.v1.DownloadParams;
import dev.rasterwire.v1.ExportParams;
import dev.rasterwire.v1.Format;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.CRC32C;

/**
 * The Java library under test: reads requests from stdin and writes answers to stdout, as clients/conformance/README.md
 * describes.
 */
public final class Main {
  private Main() {}

  /** Answers requests until there are no more. */
  public static void main(String[] arguments) throws IOException {
    DataInputStream in = new DataInputStream(System.in);
    DataOutputStream out = new DataOutputStream(System.out);
    while (true) {
      int size;
      try {
        size = in.readInt();
      } catch (EOFException end) {
        return;
      }
      String document = new String(in.readNBytes(size), StandardCharsets.UTF_8);
      byte[] answer = new Gson().toJson(reply(JsonParser.parseString(document).getAsJsonObject())).getBytes(StandardCharsets.UTF_8);
      out.writeInt(answer.length);
      out.write(answer);
      out.flush();
    }
  }

  private static JsonObject reply(JsonObject request) {
    try (RasterwireClient client = connect(request)) {
      return answer(client, request);
    } catch (Exception error) {
      return failed(error);
    }
  }

  private static Duration seconds(JsonObject from, String name, double otherwise) {
    double seconds = from.has(name) ? from.get(name).getAsDouble() : otherwise;
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private static RasterwireClient connect(JsonObject request) {
    JsonObject setup = request.getAsJsonObject("client");
    JsonObject retry = setup.has("retry") ? setup.getAsJsonObject("retry") : new JsonObject();
    int attempts = retry.has("attempts") ? retry.get("attempts").getAsInt() : 4;
    Connection connection =
        Connection.to(request.get("target").getAsString())
            .timeout(seconds(setup, "timeout", 60))
            .idle(seconds(setup, "idle", 60))
            .retry(new RetryPolicy(attempts, seconds(retry, "first_wait", 0.01), seconds(retry, "longest_wait", 0.05)));
    if (setup.has("token")) {
      connection.token(setup.get("token").getAsString());
    }
    if (setup.has("metadata")) {
      setup.getAsJsonObject("metadata").entrySet().forEach(each -> connection.metadata(each.getKey(), each.getValue().getAsString()));
    }
    return connection.connect();
  }

  private static DownloadParams params(JsonObject request) throws InvalidProtocolBufferException {
    JsonObject made = request.getAsJsonObject("made");
    if (!made.has("image")) {
      DownloadParams.Builder message = DownloadParams.newBuilder();
      JsonFormat.parser().merge(request.get("params").toString(), message);
      return message.build();
    }
    Params params = Params.image(made.get("image").getAsString());
    params.format(Format.valueOf("FORMAT_" + (made.has("format") ? made.get("format").getAsString() : "NPY")));
    if (made.has("bands")) {
      params.bands(new Gson().fromJson(made.get("bands"), String[].class));
    }
    if (made.has("box")) {
      double[] box = new Gson().fromJson(made.get("box"), double[].class);
      params.box(box[0], box[1], box[2], box[3]);
    }
    return params.build();
  }

  private static JsonElement json(MessageOrBuilder message) throws InvalidProtocolBufferException {
    return JsonParser.parseString(JsonFormat.printer().alwaysPrintFieldsWithNoPresence().print(message));
  }

  private static JsonObject object(String name, JsonElement value) {
    JsonObject object = new JsonObject();
    object.add(name, value);
    return object;
  }

  private static JsonElement tree(Object value) {
    return new Gson().toJsonTree(value);
  }

  private static JsonObject answer(RasterwireClient client, JsonObject request) throws Exception {
    JsonObject options = request.getAsJsonObject("options");
    DownloadParams params = params(request);
    switch (request.get("call").getAsString()) {
      case "plan":
        return object("plan", json(client.plan(params)));
      case "create": {
        Created created = client.createDownload(params);
        boolean isSame = created.id().getName().equals(client.createDownload(params).id().getName());
        JsonObject result = object("plan", json(created.plan()));
        result.addProperty("is_same", isSame);
        return result;
      }
      case "create_in_background": {
        Created created = client.createDownloadFuture(params).get();
        return object("plan", json(client.createDownloadAsync(params).get().plan()));
      }
      case "limits":
        return object("limits", json(client.limits()));
      case "images": {
        String prefix = options.has("prefix") ? options.get("prefix").getAsString() : "";
        return object("images", tree(client.listImages(prefix).stream().map(image -> image.getId()).toList()));
      }
      case "image":
        return object("image", json(client.getImage(options.get("id").getAsString())));
      case "forgotten": {
        Created created = client.createDownload(params);
        client.deleteDownload(created.id());
        return object("download", json(client.getDownload(created.id())));
      }
      case "save":
        return object("file", save(client, params, Path.of(request.get("path").getAsString()), options));
      case "open": {
        CRC32C sum = new CRC32C();
        long size = 0;
        try (InputStream in = client.open(params)) {
          byte[] buffer = new byte[100_000];
          for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            sum.update(buffer, 0, read);
            size += read;
          }
        }
        return object("file", bytes(size, sum));
      }
      case "stream": {
        byte[] data = client.stream(params);
        CRC32C sum = new CRC32C();
        sum.update(data);
        return object("file", bytes(data.length, sum));
      }
      case "array": {
        PixelArray array = client.array(params);
        List<String> names = array.fields().stream().map(PixelArray.Field::name).toList();
        JsonObject result = object("shape", tree(List.of(array.rows(), array.columns())));
        result.add("fields", tree(names));
        JsonObject checksums = new JsonObject();
        for (String name : names) {
          double[] values = array.values(name);
          ByteBuffer bytes = ByteBuffer.allocate(Double.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
          Arrays.stream(values).forEach(bytes::putDouble);
          CRC32C sum = new CRC32C();
          sum.update(bytes.flip());
          checksums.addProperty(name, "%08x".formatted((int) sum.getValue()));
        }
        result.add("checksums", checksums);
        return result;
      }
      case "export": {
        String[] to = options.get("to").getAsString().split("/", 2);
        var message = ExportParams.newBuilder().setDownload(params).setDestination(to[0]);
        message.setPrefix(to.length > 1 ? to[1] : "");
        var done = client.export(message.build());
        JsonObject result = object("export", json(done));
        result.addProperty("listed", client.listExports().stream().anyMatch(each -> each.getName().equals(done.getName())));
        return result;
      }
      default:
        throw new IllegalArgumentException("there is no such call");
    }
  }

  private static JsonObject bytes(long size, CRC32C sum) {
    JsonObject result = new JsonObject();
    result.addProperty("size", size);
    result.addProperty("crc32c", "%08x".formatted((int) sum.getValue()));
    return result;
  }

  private static JsonObject save(RasterwireClient client, DownloadParams params, Path path, JsonObject options)
      throws Exception {
    if (options.has("copies")) {
      List<CompletableFuture<Downloaded>> copies = new ArrayList<>();
      for (int number = 0; number < options.get("copies").getAsInt(); number++) {
        Path own = path.resolveSibling(path.getFileName() + "-" + number);
        copies.add(client.downloadAsync(params, own, (done, total) -> {}));
      }
      Downloaded last = null;
      for (var copy : copies) {
        last = copy.get();
      }
      return file(last);
    }
    if (options.has("cancel_after")) {
      long after = options.get("cancel_after").getAsLong();
      AtomicReference<CompletableFuture<Downloaded>> own = new AtomicReference<>();
      CompletableFuture<Void> isKnown = new CompletableFuture<>();
      own.set(
          client.downloadAsync(
              params,
              path,
              (done, total) -> {
                isKnown.join();
                if (done >= after) {
                  own.get().cancel(true);
                }
              }));
      isKnown.complete(null);
      return file(own.get().get());
    }
    List<Long> seen = new ArrayList<>();
    Downloaded done = client.download(params, path, (size, total) -> seen.add(size), false);
    JsonObject result = file(done);
    boolean grows = seen.equals(seen.stream().sorted().toList()) && seen.get(seen.size() - 1) == done.size();
    result.addProperty("progress", grows);
    return result;
  }

  private static JsonObject file(Downloaded done) {
    JsonObject result = new JsonObject();
    result.addProperty("size", done.size());
    result.addProperty("crc32c", "%08x".formatted(done.crc32c()));
    result.addProperty("filename", done.filename());
    result.addProperty("mime_type", done.mimeType());
    result.addProperty("path", done.path().toString());
    return result;
  }

  private static JsonObject failed(Throwable error) {
    Throwable why = error instanceof ExecutionException ? error.getCause() : error;
    JsonObject document = new JsonObject();
    document.addProperty("kind", "failed");
    document.addProperty("code", "");
    document.addProperty("reason", "");
    document.addProperty("message", String.valueOf(why));
    document.add("violations", new JsonArray());
    document.add("retry_delay", JsonNull.INSTANCE);
    if (why instanceof RasterwireException ours) {
      document.addProperty("kind", ours.kind().name().toLowerCase(Locale.ROOT));
      document.addProperty("code", ours.code().map(Enum::name).orElse(""));
      document.addProperty("reason", ours.reason());
      JsonArray violations = new JsonArray();
      for (FieldViolation each : ours.violations()) {
        JsonObject violation = object("field", tree(each.field()));
        violation.addProperty("reason", each.reason());
        violations.add(violation);
      }
      document.add("violations", violations);
      ours.retryDelay().ifPresent(delay -> document.addProperty("retry_delay", delay.toMillis() / 1000.0));
    } else if (why instanceof CancellationException) {
      document.addProperty("kind", "cancelled");
    } else if (why instanceof IOException) {
      document.addProperty("kind", "file");
    }
    return object("error", document);
  }
}
