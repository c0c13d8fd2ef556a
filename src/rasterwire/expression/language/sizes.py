"""How large values are that hold each other: a list of the same list twice, and so on, is soon larger than memory."""

import itertools
from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression

MAX_PARTS = 2_000_000
"""Values within one value, counted as often as they are met."""

MAX_NESTING = 100
"""Lists and dictionaries within each other."""

MAX_CHARACTERS = 1_000_000
"""Characters of a text, and of all texts within a value that becomes one."""


def check_size(value: Any, most: int = MAX_PARTS) -> int:
    """Return how many values are within lists and dictionaries.

    Raises:
        InvalidExpression: more than ``most``, or nested too deeply.
    """
    pending, count, deep = [value], 0, 0
    while pending:
        deep += 1
        if deep > MAX_NESTING:
            raise InvalidExpression(f"lists are nested more than {MAX_NESTING} deep.")
        pending = [*itertools.chain.from_iterable(_parts(pending, most - count))]
        count += len(pending)
    return count


def _parts(values: list[Any], most: int) -> list[Any]:
    """Return those of some values that hold others, dictionaries as what they hold; see ``check_size``."""
    # a list mostly holds values of few types, and asking each value would take ten times as long
    found: list[Any] = []
    for kind in set(map(type, values)):
        if issubclass(kind, list):
            found += [value for value in values if type(value) is kind]
        elif issubclass(kind, Mapping):
            found += [value.values() for value in values if type(value) is kind]
    if sum(map(len, found)) > most:
        raise InvalidExpression(f"lists within lists of over {most} values are too large.")
    return found


def check_characters(value: Any) -> None:
    """Raise InvalidExpression for lists and dictionaries whose texts are too long together."""
    pending, count = [value], 0
    while pending:
        count += sum(len(item) for item in pending if isinstance(item, str))
        count += sum(len(key) for item in pending if isinstance(item, Mapping) for key in item)
        if count > MAX_CHARACTERS:
            raise InvalidExpression(f"a text of over {MAX_CHARACTERS} characters is too long.")
        pending = [*itertools.chain.from_iterable(_parts(pending, MAX_PARTS))]
