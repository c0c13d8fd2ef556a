// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How patient a download is.
 *
 * @param attempts in a row that bring no new byte before it gives up
 * @param firstWait before the second attempt; it doubles up to {@code longestWait}
 * @param longestWait the longest
 */
public record RetryPolicy(int attempts, Duration firstWait, Duration longestWait) {
  /** 12 attempts, and waits from 0.25 to 8 s. */
  public static final RetryPolicy DEFAULT = new RetryPolicy(12, Duration.ofMillis(250), Duration.ofSeconds(8));

  /** The wait before an attempt, from 1, spread so that clients do not come all at once. */
  Duration before(int attempt) {
    double longest = Math.min(longestWait.toMillis(), firstWait.toMillis() * Math.pow(2, attempt - 1));
    return Duration.ofMillis((long) (longest * ThreadLocalRandom.current().nextDouble(0.5, 1)));
  }
}
