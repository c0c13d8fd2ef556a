"""Names of the places along a dimension, by its coordinates."""

import re
from typing import Any

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.variables import Variable

__all__ = ["MAX_BANDS", "MAX_LABEL", "TOO_MANY_BANDS", "labels_of"]

MAX_BANDS = 10_000
"""Bands of an image of a file."""

TOO_MANY_BANDS = f"its levels give more than {MAX_BANDS} bands; store it in several variables"

MAX_LABEL = 60
"""Characters of the label of a place along a dimension, in the name of a band."""


def labels_of(coordinate: Variable | None, size: int) -> tuple[tuple[str, ...], bool]:
    """Return a label for each place of a dimension, all different, and whether they are texts of the file.

    The only place of a dimension has no label.
    """
    if size == 1:
        return ("",), False
    if size > MAX_BANDS:  # before as many labels are made
        raise SourceUnavailable.of_file(TOO_MANY_BANDS)
    numbered = tuple(str(place) for place in range(1, size + 1))
    if coordinate is None:
        return numbered, False
    values = coordinate.read((slice(0, size),)).tolist()
    labels = tuple(_label(value) for value in values)
    if not all(labels) or len(set(labels)) < size:
        return numbered, False
    return labels, all(isinstance(value, str | bytes) for value in values)


def _label(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 1e15 else f"{value:.7g}"
    if not isinstance(value, str | int):
        return ""
    return re.sub(r"[^\w.+-]+", "_", str(value)).strip("_")[:MAX_LABEL]
