"""Limits of nested values: a list that contains the same list twice, and so on, soon outgrows memory."""

import itertools
from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression

MAX_PARTS = 2_000_000
"""The most values within one value; a value that appears several times counts each time."""

MAX_NESTING = 100
"""Lists and dictionaries within each other."""

MAX_CHARACTERS = 1_000_000
"""Characters of a text, and of all texts within a value that becomes one."""


def check_size(value: Any, most: int = MAX_PARTS) -> int:
    """Count the values within lists and dictionaries.

    Raises:
        InvalidExpression: more than ``most``, or nested too deeply.
    """
    pending, count, depth = [value], 0, 0
    while pending:
        depth += 1
        if depth > MAX_NESTING:
            raise InvalidExpression(f"lists are nested more than {MAX_NESTING} deep.")
        pending = [*itertools.chain.from_iterable(_parts(pending, most - count))]
        count += len(pending)
    return count


def _parts(values: list[Any], most: int) -> list[Any]:
    """Return the lists among some values, and the values of the dictionaries among them; see ``check_size``."""
    # by type, since a list mostly has few types: a test of each value would take ten times as long
    inner_values: list[Any] = []
    for kind in set(map(type, values)):
        if issubclass(kind, list):
            inner_values += [value for value in values if type(value) is kind]
        elif issubclass(kind, Mapping):
            inner_values += [value.values() for value in values if type(value) is kind]
    if sum(map(len, inner_values)) > most:
        raise InvalidExpression(f"lists within lists of over {most} values are too large.")
    return inner_values


def check_characters(value: Any) -> None:
    """Raise InvalidExpression for lists and dictionaries whose texts together are too long."""
    pending, count = [value], 0
    while pending:
        count += sum(len(item) for item in pending if isinstance(item, str))
        count += sum(len(key) for item in pending if isinstance(item, Mapping) for key in item)
        if count > MAX_CHARACTERS:
            raise InvalidExpression(f"a text of over {MAX_CHARACTERS} characters is too long.")
        pending = [*itertools.chain.from_iterable(_parts(pending, MAX_PARTS))]
