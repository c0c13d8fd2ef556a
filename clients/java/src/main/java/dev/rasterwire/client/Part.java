// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
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
  private static final Set<OpenOption> READ_WRITE =
      Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
  private static final Set<OpenOption> READ_WRITE_NEW =
      Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
  private static final Set<OpenOption> WRITE_OVER =
      Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** Parts that this process writes: a lock of the system is lost with any channel of the file that is closed. */
  private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

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
    Path folder = target.toAbsolutePath().getParent().toRealPath(); // so that each part has one path
    Path path = folder.resolve(target.getFileName() + ".part");
    Known nothing = new Known(etag, 0, 0);
    FileChannel file = null;
    if (OPEN.add(path)) {
      file = locked(path);
      if (file == null) {
        OPEN.remove(path);
      }
    }
    Part part;
    if (file == null) {
      Path own = folder.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".part");
      part = new Part(own, FileChannel.open(own, READ_WRITE_NEW), nothing);
    } else {
      part = new Part(path, file, nothing);
    }
    try {
      if (file != null && !restart) {
        part.recall(etag);
      }
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
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        Files.createFile(path);
      }
      Object identity = identity(path);
      FileChannel file = FileChannel.open(path, READ_WRITE); // not through a link that somebody laid there
      try {
        FileLock lock = file.tryLock();
        if (lock != null && Objects.equals(identity, identity(path))) {
          return file;
        }
      } catch (IOException | OverlappingFileLockException ignored) {
        // it is written by another program, or was removed by one that has ended it
      }
      file.close();
    } catch (IOException ignored) {
      // it gets a name of its own, and fails there where nothing can be written
    }
    return null;
  }

  /** What tells files of one name apart, where the system says it. */
  private static Object identity(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).fileKey();
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

  /** Writes down what was brought to the disk, for this user alone. */
  void note(Known record) throws IOException {
    String document =
        "{\"etag\": \"%s\", \"offset\": %d, \"crc32c\": %d}"
            .formatted(record.etag, record.offset, Integer.toUnsignedLong(record.crc32c));
    Path written = path.resolveSibling(path.getFileName() + ".json.new");
    boolean isPosix = written.getFileSystem().supportedFileAttributeViews().contains("posix");
    FileAttribute<?>[] attributes = isPosix ? new FileAttribute<?>[] {PRIVATE} : new FileAttribute<?>[0];
    try (FileChannel notes = FileChannel.open(written, WRITE_OVER, attributes)) {
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(document);
      while (bytes.hasRemaining()) {
        notes.write(bytes);
      }
    }
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
    try (file) {
      if (!isWhole) {
        Files.deleteIfExists(path);
      }
      Files.deleteIfExists(beside(path));
    } finally {
      OPEN.remove(path);
    }
  }
}
