// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

/**
 * Downloads exact pieces of images from a rasterwire server, as verified files that survive a lost connection, the end of
 * the program and a restart of the server. {@link dev.rasterwire.client.RasterwireClient} is where to begin.
 */
package dev.rasterwire.client;
