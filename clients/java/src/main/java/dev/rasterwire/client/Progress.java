// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

/** Is told of every chunk. What it throws ends the download. */
@FunctionalInterface
public interface Progress {
  /**
   * Tells how far a download is.
   *
   * @param done bytes
   * @param total bytes in all, 0 while no byte is there yet
   */
  void at(long done, long total);
}
