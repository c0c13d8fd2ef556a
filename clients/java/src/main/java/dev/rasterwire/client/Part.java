// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/** {@code NAME.part}, and {@code NAME.part.json} which says what of it is there and was brought to the disk. */
final class Part implements AutoCloseable {
  /** What is known of the beginning of a file; clients of all languages write it alike. */
  record Known(String etag, long offset, int crc32c) {}

  private static final Pattern NOTES =
      Pattern.compile("\\{\\s*\"etag\":\\s*\"([^\"\\\\]*)\",\\s*\"offset\":\\s*(\\d{1,18}),\\s*\"crc32c\":\\s*(\\d{1,10})\\s*}\\s*");
  private static final int READ = 1 << 20;

  private final Path path;
  private final FileChannel file;
  private boolean isWhole;
  private Known known;
  private CRC32C checksum = new CRC32C();

  private Part(Path path, FileChannel file, Known known) {
    this.path = path;
    this.file = file;
    this.known = known;
  }

  /**
   * Opens the part of a file, behind what is known of the file of this etag. Where another program writes the part of
   * this name, it gets a name of its own.
   */
  static Part open(Path target, String etag, boolean restart) throws IOException {
    Path path = target.resolveSibling(target.getFileName() + ".part");
    FileChannel file = locked(path);
    Known nothing = new Known(etag, 0, 0);
    Part part;
    if (file == null) {
      Path own = Files.createTempFile(target.toAbsolutePath().getParent(), "." + target.getFileName() + ".", ".part");
      part = new Part(own, FileChannel.open(own, StandardOpenOption.READ, StandardOpenOption.WRITE), nothing);
    } else {
      part = new Part(path, file, nothing);
      if (!restart) {
        part.recall(etag);
      }
    }
    try {
      part.file.truncate(part.known.offset);
      part.file.position(part.known.offset);
      part.note(part.known); // tells that the part is of a client of rasterwire
    } catch (IOException error) {
      part.close();
      throw error;
    }
    return part;
  }

  Known known() {
    return known;
  }

  /** The checksum of what is known, to go on with. */
  CRC32C checksum() {
    return checksum;
  }

  /** Returns a part that no other program writes, or null. */
  private static FileChannel locked(Path path) {
    try {
      boolean isFilled = Files.exists(path, LinkOption.NOFOLLOW_LINKS) && Files.size(path) > 0;
      if (isFilled && !Files.exists(beside(path))) {
        return null; // a file of somebody else
      }
      FileChannel file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              LinkOption.NOFOLLOW_LINKS); // not through a link that somebody laid there
      try {
        FileLock lock = file.tryLock();
        if (lock != null && Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
          return file;
        }
      } catch (IOException | OverlappingFileLockException ignored) {
        // it is written by another program, or by another thread of this one
      }
      file.close();
    } catch (IOException ignored) {
      // it gets a name of its own, and fails there where nothing can be written
    }
    return null;
  }

  private static Path beside(Path path) {
    return path.resolveSibling(path.getFileName() + ".json");
  }

  /** Recalls what is known of the part, if its bytes are those that were noted, of this etag. */
  private void recall(String etag) throws IOException {
    Path notes = beside(path);
    Matcher match = NOTES.matcher(Files.exists(notes) ? Files.readString(notes) : "");
    if (etag.isEmpty() || !match.matches() || !match.group(1).equals(etag)) {
      return;
    }
    long offset = Long.parseLong(match.group(2));
    CRC32C sum = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(READ);
    for (long place = 0; place < offset; ) {
      buffer.clear().limit((int) Math.min(READ, offset - place));
      int size = file.read(buffer, place);
      if (size < 0) {
        return;
      }
      sum.update(buffer.flip());
      place += size;
    }
    if (offset > 0 && sum.getValue() == Long.parseLong(match.group(3))) {
      known = new Known(etag, offset, (int) sum.getValue());
      checksum = sum;
    }
  }

  void write(ByteBuffer data) throws IOException {
    while (data.hasRemaining()) {
      file.write(data);
    }
  }

  /** Brings all that was written to the disk. */
  void sync() throws IOException {
    file.force(false);
  }

  /** Writes down what was brought to the disk. */
  void note(Known record) throws IOException {
    String document =
        "{\"etag\": \"%s\", \"offset\": %d, \"crc32c\": %d}"
            .formatted(record.etag, record.offset, Integer.toUnsignedLong(record.crc32c));
    Path written = path.resolveSibling(path.getFileName() + ".json.new");
    Files.writeString(written, document);
    Files.move(written, beside(path), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Gives the file its name. */
  void become(Path target) throws IOException {
    Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    isWhole = true;
  }

  /** Ends the part; where the file has not got its name, nothing stays of it. */
  @Override
  public void close() throws IOException {
    if (!isWhole) {
      Files.deleteIfExists(path);
    }
    Files.deleteIfExists(beside(path));
    file.close();
  }
}
