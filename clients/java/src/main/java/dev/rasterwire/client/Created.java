// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import dev.rasterwire.v1.DownloadId;
import dev.rasterwire.v1.DownloadPlan;

/**
 * A registered download.
 *
 * @param id what names it
 * @param plan what it will hold
 */
public record Created(DownloadId id, DownloadPlan plan) {}
