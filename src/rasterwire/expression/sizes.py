"""How large values are that hold each other: a list of the same list twice, and so on, is soon larger than memory."""

from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression

MAX_PARTS = 2_000_000
"""Values within one value, counted as often as they are met."""

MAX_NESTING = 100


def check_size(value: Any, most: int = MAX_PARTS) -> int:
    """Return how many values are within lists and dictionaries.

    Raises:
        InvalidExpression: more than ``most``, or nested too deeply.
    """
    pending, count, deep = [value], 0, 0
    while pending:
        deep += 1
        below: list[Any] = []
        for part in pending:
            if isinstance(part, list):
                below.extend(part)
            elif isinstance(part, Mapping):
                below.extend(part.values())
            if count + len(below) > most:
                raise InvalidExpression(f"lists within lists of over {most} values are too large.")
        count += len(below)
        if deep > MAX_NESTING:
            raise InvalidExpression(f"lists are nested more than {MAX_NESTING} deep.")
        pending = below
    return count
