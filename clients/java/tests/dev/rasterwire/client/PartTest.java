// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

/** Checks parts of files; a program, since the library needs no framework of tests for more. */
public final class PartTest {
  private PartTest() {}

  /** Fails where something is wrong, and takes the name of a part as the only argument to tell whether it is locked. */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0) {
      try (FileChannel file = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE)) {
        System.exit(file.tryLock() == null ? 0 : 1);
      }
    }
    Path folder = Files.createTempDirectory("rasterwire-");
    isLeftAloneByOthers(folder.resolve("a"));
    expect(names(folder).isEmpty(), "left behind: " + names(folder));
    hasModesOfTheOthers(folder.resolve("a"));
    somebodysFileIsLeftAlone(folder.resolve("a"));
    Files.delete(folder.resolve("a.part"));
    Files.delete(folder);
    System.out.println("parts are right");
  }

  private static void isLeftAloneByOthers(Path target) throws Exception {
    Path part = target.resolveSibling("a.part");
    try (Part first = Part.open(target, "e", false);
        Part second = Part.open(target, "e", false);
        Part third = Part.open(target.getParent().resolve(".").resolve("a"), "e", false)) {
      expect(names(target.getParent()).stream().filter(name -> name.endsWith(".part")).count() == 3, "parts of their own");
      second.close();
      expect(isLocked(part), "the lock is lost with another part");
      first.write(ByteBuffer.wrap(new byte[] {1}));
      expect(Files.size(part) == 1, "the first has the name");
      third.close();
    }
    Part again = Part.open(target, "e", false);
    expect(Files.exists(part), "the name is free again");
    again.close();
  }

  private static boolean isLocked(Path part) throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = System.getProperty("java.class.path");
    return new ProcessBuilder(java, "-cp", classes, PartTest.class.getName(), part.toString()).start().waitFor() == 0;
  }

  private static void hasModesOfTheOthers(Path target) throws IOException {
    if (!target.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return;
    }
    Path plain = Files.write(target.resolveSibling("plain"), new byte[0]); // as the umask of the process has it
    try (Part first = Part.open(target, "e", false);
        Part second = Part.open(target, "e", false)) {
      for (String name : names(target.getParent())) {
        Path path = target.resolveSibling(name);
        var expected = name.endsWith(".json") ? PosixFilePermissions.fromString("rw-------") : Files.getPosixFilePermissions(plain);
        expect(Files.getPosixFilePermissions(path).equals(expected), name + " has other permissions");
      }
    }
    Files.delete(plain);
  }

  private static void somebodysFileIsLeftAlone(Path target) throws IOException {
    Path part = Files.writeString(target.resolveSibling("a.part"), "somebody's");
    Part.open(target, "e", false).close();
    expect(Files.readString(part).equals("somebody's"), "the file of somebody else was written to");
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private static void expect(boolean isRight, String problem) {
    if (!isRight) {
      throw new AssertionError(problem);
    }
  }
}
