// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

import { corrupt } from "./errors.js";

/** What a literal of Python holds. */
export type Literal = string | number | boolean | Literal[] | Map<string, Literal>;

const token = /\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(True|False)|(\d{1,15})(?![\d.])|([{}[\]():,]))/uy;
const escape = /\\(x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|.)/giu;
const named: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const deepest = 16; // of values within values; headers have four

/**
 * Reads a literal of Python, as headers of NumPy files are: dictionaries, lists and tuples (both arrays), texts, whole
 * numbers and booleans.
 */
export function parseLiteral(text: string): Literal {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const end = text.trimEnd().length;
  while (token.lastIndex < end) {
    const match = token.exec(text);
    if (!match) {
      throw broken();
    }
    tokens.push(match[0].trim());
  }
  let position = 0;

  function take(expected: string): boolean {
    const isNext = tokens[position] === expected;
    position += Number(isNext);
    return isNext;
  }

  /** Reads what stands between brackets, with commas between. */
  function list(close: string, item: () => void): void {
    while (!take(close)) {
      item();
      if (!take(",") && tokens[position] !== close) {
        throw broken();
      }
    }
  }

  function value(depth: number): Literal {
    const first = tokens[position++];
    if (first === undefined || depth > deepest) {
      throw broken();
    }
    if (first === "[" || first === "(") {
      const items: Literal[] = [];
      list(first === "[" ? "]" : ")", () => items.push(value(depth + 1)));
      return items;
    }
    if (first === "{") {
      const entries = new Map<string, Literal>();
      list("}", () => {
        const key = value(depth + 1);
        if (typeof key !== "string" || !take(":")) {
          throw broken();
        }
        entries.set(key, value(depth + 1));
      });
      return entries;
    }
    if (first === "True" || first === "False") {
      return first === "True";
    }
    if (/^\d/.test(first)) {
      return Number(first);
    }
    if (!/^['"]/.test(first)) {
      throw broken();
    }
    return first.slice(1, -1).replace(escape, (_, code: string) => {
      const isNumber = code.length > 1;
      return isNumber ? String.fromCodePoint(parseInt(code.slice(1), 16)) : (named[code] ?? code);
    });
  }

  const result = value(0);
  if (position < tokens.length) {
    throw broken();
  }
  return result;
}

const broken = () => corrupt("the header of the array is not understood");
