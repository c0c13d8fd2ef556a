// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a literal of Python, as headers of NumPy files are: dictionaries, lists and tuples (both lists), texts, whole
 * numbers and booleans.
 */
final class PythonLiteral {
  private static final int DEEPEST = 16; // of values within values; headers have four

  private final String text;
  private int place;

  PythonLiteral(String text) {
    this.text = text;
  }

  Object read() {
    Object value = value(0);
    if (next() != 0) {
      throw broken();
    }
    return value;
  }

  private static RasterwireException broken() {
    return RasterwireException.corrupt("the header of the array is not understood");
  }

  /** The next letter that is no blank, 0 at the end. */
  private char next() {
    while (place < text.length() && Character.isWhitespace(text.charAt(place))) {
      place++;
    }
    return place < text.length() ? text.charAt(place) : 0;
  }

  private boolean take(char expected) {
    boolean isNext = next() == expected;
    place += isNext ? 1 : 0;
    return isNext;
  }

  private Object value(int depth) {
    char first = next();
    if (depth > DEEPEST) {
      throw broken();
    }
    if (first == '{') {
      return dictionary(depth);
    }
    if (first == '[' || first == '(') {
      return items(first == '[' ? ']' : ')', depth);
    }
    if (first == '\'' || first == '"') {
      return string(first);
    }
    for (boolean value : new boolean[] {true, false}) {
      String name = value ? "True" : "False";
      if (text.startsWith(name, place)) {
        place += name.length();
        return value;
      }
    }
    int start = place;
    while (place < text.length() && text.charAt(place) >= '0' && text.charAt(place) <= '9') {
      place++;
    }
    try {
      return Integer.valueOf(text.substring(start, place));
    } catch (NumberFormatException error) {
      throw broken();
    }
  }

  private List<Object> items(char end, int depth) {
    place++;
    List<Object> items = new ArrayList<>();
    while (!take(end)) {
      items.add(value(depth + 1));
      if (!take(',') && next() != end) {
        throw broken();
      }
    }
    return items;
  }

  private Map<String, Object> dictionary(int depth) {
    place++;
    Map<String, Object> entries = new LinkedHashMap<>();
    while (!take('}')) {
      if (!(value(depth + 1) instanceof String key) || !take(':')) {
        throw broken();
      }
      entries.put(key, value(depth + 1));
      if (!take(',') && next() != '}') {
        throw broken();
      }
    }
    return entries;
  }

  private String string(char quote) {
    place++;
    StringBuilder result = new StringBuilder();
    while (place < text.length() && text.charAt(place) != quote) {
      char letter = text.charAt(place++);
      if (letter != '\\') {
        result.append(letter);
      } else {
        escaped(result);
      }
    }
    if (!take(quote)) {
      throw broken();
    }
    return result.toString();
  }

  private void escaped(StringBuilder result) {
    char kind = place < text.length() ? text.charAt(place++) : 0;
    int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0) {
      result.append(kind == 'n' ? '\n' : kind == 't' ? '\t' : kind == 'r' ? '\r' : kind);
      return;
    }
    try {
      result.appendCodePoint(Integer.parseInt(text.substring(place, place + digits), 16));
    } catch (IllegalArgumentException | IndexOutOfBoundsException error) {
      throw broken();
    }
    place += digits;
  }
}
