"""Takes a list of many features apart before it is parsed.

Parsed at once, thousands of items take ten times the memory of their text, and more time than one after the other.
"""

import json
import re

from rasterwire.catalog.document import BrokenDocument, read_value

__all__ = ["feature_texts"]

_LEAST_BYTES = 1 << 18
"""Shorter lists are parsed as fast at once."""

_first = re.compile(rb'"features"\s*:\s*\[(\s*)(\{\s*"[^"\\]*"\s*:)')
"""The beginning of a list, and that of its first feature up to the first value, which others mostly have too."""

_MARK = "in place of the features"


def feature_texts(body: bytes) -> list[bytes] | None:
    """Return the texts of the features of a collection; None where it is not easily told where each begins.

    Where each of the texts is an object of JSON, they are the features; else the collection has to be parsed at once.
    """
    begin = _first.search(body) if len(body) >= _LEAST_BYTES else None
    if begin is None:
        return None
    space, first = begin.groups()
    texts = body[begin.end(1) :].split(b"," + (space or b" ") + first)
    if len(texts) == 1 and not space:
        texts = texts[0].split(b"," + first)
    *others, last = [texts[0], *(first + text for text in texts[1:])]
    if not others:
        return None
    try:
        text = last.decode()
        _, end = json.JSONDecoder().raw_decode(text)
        rest = body[: begin.end(1)] + json.dumps(_MARK).encode() + text[end:].encode()
        collection = read_value(rest) or {}
    except (BrokenDocument, ValueError, RecursionError):
        return None
    is_whole = collection.get("type") == "FeatureCollection" and collection.get("features") == [_MARK]
    return [*others, text[:end].encode()] if is_whole else None
