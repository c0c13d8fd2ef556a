// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.examples;

import static dev.rasterwire.v1.Format.FORMAT_NPY;

import dev.rasterwire.client.Downloaded;
import dev.rasterwire.client.Params;
import dev.rasterwire.client.RasterwireClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Downloads the documentation's NPY request with the library, and prints its size and checksum. */
public final class Save {
  private static final String ID = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG";

  private Save() {}

  /** Downloads from the server at {@code RASTERWIRE_ADDRESS}. */
  public static void main(String[] arguments) throws IOException {
    String address = Objects.requireNonNullElse(System.getenv("RASTERWIRE_ADDRESS"), "127.0.0.1:50051");
    Path folder = Files.createTempDirectory("rasterwire-");
    Path path = folder.resolve("piece.npy");
    Downloaded file = save(address, ID, path);
    Files.delete(path);
    Files.delete(folder);
    System.out.printf("java library %d %08x%n", file.size(), file.crc32c());
  }

  private static Downloaded save(String address, String id, Path path) throws IOException {
    // begin of the README's example
    try (RasterwireClient client = RasterwireClient.connect(address)) {
      var piece = Params.image(id).bands("B3", "B8", "B11").box(-122.0859, 37.0436, -122.0626, 37.0586);
      return client.download(piece.scale(20).format(FORMAT_NPY).build(), path);
    }
    // end of the README's example
  }
}
