"""Matching of regular expressions from clients, in linear time."""

from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from rasterwire.errors import InvalidExpression


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern, in the syntax of RE2, matches a whole text.

    Raises:
        InvalidExpression: the pattern is not valid.
    """
    return _compiled(pattern).fullmatch(text) is not None


def groups(pattern: str, text: str) -> list[str] | None:
    """Return the groups of a match of a whole text; None where the pattern does not match it."""
    match = _compiled(pattern).fullmatch(text)
    return None if match is None else [group or "" for group in match.groups()]


def replace_matches(text: str, pattern: str, replacement: str, flags: str) -> str:
    """Return a text with the first match of a pattern, or with the flag g all of them, replaced."""
    sought = f"(?i){pattern}" if "i" in flags else pattern
    if (len(text) + 1) * len(replacement) > _MAX_REPLACED:
        enough = _MAX_REPLACED // len(replacement) + 1
        hits = sum(1 for _ in islice(_compiled(sought).finditer(text), enough)) if "g" in flags else 1
        if hits * len(replacement) + len(text) > _MAX_REPLACED:
            raise InvalidExpression(f"a text of over {_MAX_REPLACED} characters is too long.")
    result: str = _compiled(sought).sub(lambda _: replacement, text, count=0 if "g" in flags else 1)
    return result


def find_matches(text: str, pattern: str, flags: str) -> list[str | None]:
    """Return the first match of a pattern and its groups, or with the flag g all matches.

    A group without a match is None. The list is empty where the pattern does not match.
    """
    expression = _compiled(_flagged(pattern, flags))
    if "g" in flags:
        return [match.group() for match in expression.finditer(text)]
    match = expression.search(text)
    if match is None:
        return []
    spans = [match.span(group) for group in range(expression.groups + 1)]
    if sum(end - start for start, end in spans) > _MAX_REPLACED:
        raise InvalidExpression(f"matches of over {_MAX_REPLACED} characters are too long.")
    return [None if start < 0 else text[start:end] for start, end in spans]


def split_text(text: str, pattern: str, flags: str) -> list[str]:
    """Return the parts of a text between the matches of a pattern; single characters for an empty pattern."""
    parts, start = [], 0
    for match in _compiled(_flagged(pattern, flags)).finditer(text):
        if match.end() in {0, start} or match.start() == len(text):
            continue  # an empty match at either end, or right after another match, does not split
        parts.append(text[start : match.start()])
        start = match.end()
    return [*parts, text[start:]]


def _flagged(pattern: str, flags: str) -> str:
    """Return a pattern with the flag i, if it is set, written into it."""
    unknown = set(flags) - {"g", "i"}
    if unknown:
        raise InvalidExpression(f"'{min(unknown)}' is no flag; the flags are g and i.")
    return f"(?i){pattern}" if "i" in flags else pattern


_MAX_REPLACED = 1_000_000
"""Characters of a text after matches of a regular expression are replaced, and of all matches."""

_MAX_PATTERN = 10_000
"""Characters of a regular expression."""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    if len(pattern) > _MAX_PATTERN:
        raise InvalidExpression(f"a regular expression of {len(pattern)} characters is too long.")
    try:
        return re2.compile(pattern, _options)
    except (re2.error, UnicodeError):
        raise InvalidExpression(f"'{pattern[:60]}' is no regular expression.") from None


_options = re2.Options()
_options.log_errors = False
_options.max_mem = 1 << 20
