// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import dev.rasterwire.v1.DownloadPlan;
import java.nio.file.Path;

/**
 * A file that came.
 *
 * @param path where it is
 * @param size bytes
 * @param crc32c of the whole file, checked
 * @param filename that the server proposed
 * @param mimeType of the file
 * @param plan that the file was made by
 */
public record Downloaded(Path path, long size, int crc32c, String filename, String mimeType, DownloadPlan plan) {}
