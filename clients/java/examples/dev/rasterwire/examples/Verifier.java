// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.examples;

import com.google.protobuf.ByteString;
import dev.rasterwire.v1.DownloadChunk;
import dev.rasterwire.v1.FileInfo;
import java.util.zip.CRC32C;

/** Checks the chunks of a file as they come. */
final class Verifier {
  private final CRC32C whole = new CRC32C();
  private long size;
  private FileInfo info;

  /** Takes the next message of the stream; one without bytes only says how far the render is. */
  void add(DownloadChunk chunk) {
    if (chunk.hasFile()) {
      info = chunk.getFile();
    }
    ByteString data = chunk.getData();
    if (data.isEmpty()) {
      return;
    }
    require(chunk.getOffset() == size, "a chunk begins at byte %d, want %d", chunk.getOffset(), size);
    require(chunk.hasCrc32C(), "the chunk at byte %d has no checksum", size);
    CRC32C part = new CRC32C();
    part.update(data.asReadOnlyByteBuffer());
    int crc = (int) part.getValue();
    require(crc == chunk.getCrc32C(), "the chunk at byte %d has crc32c %08x, want %08x", size, crc, chunk.getCrc32C());
    whole.update(data.asReadOnlyByteBuffer());
    size += data.size();
  }

  /** Checks the whole file, after the last message; returns its size and checksum as text. */
  String finish() {
    require(info != null, "the stream ended without the size and checksum of the file");
    require(size == info.getSizeBytes(), "the file has %d bytes, want %d", size, info.getSizeBytes());
    int crc = (int) whole.getValue();
    require(crc == info.getCrc32C(), "the file has crc32c %08x, want %08x", crc, info.getCrc32C());
    return String.format("%d %08x", size, crc);
  }

  private static void require(boolean condition, String message, Object... values) {
    if (!condition) {
      throw new IllegalStateException(String.format(message, values));
    }
  }
}
