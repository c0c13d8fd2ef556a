// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import com.google.protobuf.ByteString;
import dev.rasterwire.v1.DownloadChunk;
import dev.rasterwire.v1.DownloadPlan;
import dev.rasterwire.v1.FileInfo;
import dev.rasterwire.v1.Format;
import java.util.zip.CRC32C;

/** Checks the chunks of one file as they come, over all the streams that bring them. */
final class Checker {
  DownloadPlan plan;
  FileInfo info;
  String etag = "";
  long offset;
  private final CRC32C whole;
  private boolean isOver;

  /** Begins at an offset, with the checksum of what is there; {@code plan} is held against the size, where it is known. */
  Checker(DownloadPlan plan, Part.Known known, CRC32C whole) {
    this.plan = plan;
    this.etag = known.offset() > 0 ? known.etag() : "";
    this.offset = known.offset();
    this.whole = whole;
  }

  Checker(DownloadPlan plan) {
    this(plan, new Part.Known("", 0, 0), new CRC32C());
  }

  /** Expects the messages of one more stream, which goes on at the offset. */
  void begin() {
    isOver = false;
  }

  int crc32c() {
    return (int) whole.getValue();
  }

  /** Returns the bytes of a chunk, which may be none. */
  ByteString check(DownloadChunk chunk) {
    if (isOver) {
      throw RasterwireException.corrupt("the server goes on after the end of the file");
    }
    if (chunk.hasFile()) {
      take(chunk.getFile());
    }
    ByteString data = chunk.getData();
    if (data.isEmpty()) {
      isOver = chunk.hasFile() && offset == chunk.getFile().getSizeBytes();
      return data;
    }
    if (info == null) {
      throw RasterwireException.garbled("bytes came before the server told of what file they are");
    }
    if (chunk.getOffset() != offset) {
      throw RasterwireException.garbled(
          "a chunk for offset " + chunk.getOffset() + " came where " + offset + " is next");
    }
    if (offset + data.size() > info.getSizeBytes()) {
      throw RasterwireException.corrupt("bytes came beyond the " + info.getSizeBytes() + " that the server told");
    }
    CRC32C one = new CRC32C();
    one.update(data.asReadOnlyByteBuffer());
    if (!chunk.hasCrc32C() || (int) one.getValue() != chunk.getCrc32C()) {
      throw RasterwireException.garbled("the checksum of the chunk at offset " + offset + " is wrong");
    }
    whole.update(data.asReadOnlyByteBuffer());
    offset += data.size();
    return data;
  }

  /** Takes what is told of the whole file, which may change in its checksum alone. */
  private void take(FileInfo told) {
    if ((info != null || !etag.isEmpty()) && !etag.equals(told.getEtag())) {
      throw RasterwireException.corrupt("the server sends another file than before; start again");
    }
    if (info != null && info.getSizeBytes() != told.getSizeBytes()) {
      throw RasterwireException.corrupt(
          "the server told " + info.getSizeBytes() + " bytes before, and now " + told.getSizeBytes());
    }
    boolean isExact = plan != null && plan.getFormat() == Format.FORMAT_NPY;
    if (info == null && isExact && plan.getEstimatedBytes() != told.getSizeBytes()) {
      throw RasterwireException.corrupt(
          "the server tells of " + told.getSizeBytes() + " bytes, where its plan makes " + plan.getEstimatedBytes());
    }
    info = told;
    etag = told.getEtag();
  }

  /** Fails where bytes are missing at the end of a stream. */
  void end() {
    if (info == null || offset < info.getSizeBytes()) {
      String size = info == null ? "no size" : String.valueOf(info.getSizeBytes());
      throw RasterwireException.garbled("the stream ended after " + offset + " bytes, the server told " + size);
    }
  }

  /** Fails where the whole file is not what the server says. */
  void finish() {
    end();
    if (crc32c() != info.getCrc32C()) {
      throw RasterwireException.corrupt("the checksum of the whole file is wrong");
    }
  }
}
