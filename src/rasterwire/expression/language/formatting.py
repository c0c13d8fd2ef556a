"""Plain numbers and keys of answers to clients."""

import math
from typing import Any

from rasterwire.expression.language.sizes import check_size


def number(value: Any) -> float | int:
    """Return a plain number: an int where the value is whole, else a float.

    >>> number(2.0), number(2.5), number(2**53 + 1)
    (2, 2.5, 9007199254740993)
    """
    if type(value) is int and -(1 << 63) <= value < 1 << 63:
        return value
    plain = float(value)
    return int(plain) if math.isfinite(plain) and plain == int(plain) and abs(plain) < 1 << 53 else plain


def as_key(value: Any) -> str:
    """Return a value as a key of a dictionary: 1.0 as the whole number 1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        check_size(value)
    return str(number(value) if isinstance(value, int | float) else value)
