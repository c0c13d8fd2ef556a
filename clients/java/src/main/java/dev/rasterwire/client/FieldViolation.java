// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

/**
 * One thing that is wrong with a request.
 *
 * @param field its path, such as {@code bands[0].scale}
 * @param description a sentence
 * @param reason a stable name in UPPER_SNAKE_CASE
 */
public record FieldViolation(String field, String description, String reason) {}
