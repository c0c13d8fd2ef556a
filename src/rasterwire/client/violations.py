"""All that is wrong with a request in one error: what the client cannot understand, and what the server refuses."""

from collections.abc import Sequence

from rasterwire.client.errors import FieldViolation, InvalidParams

SOURCES = ("image", "mosaic", "expression")
"""Fields of a request that say what its image is."""


def invalid_params(problems: Sequence[FieldViolation]) -> InvalidParams:
    """Return the error of a request with all that is wrong with it."""
    said = "; ".join(f"{p.field}: {p.description}" if p.field else p.description for p in problems)
    return InvalidParams(said, violations=tuple(problems))


def of_other_fields(found: Sequence[FieldViolation], problems: Sequence[FieldViolation]) -> list[FieldViolation]:
    """Return the violations that a server found in other fields than those that the client could not understand.

    Args:
        found: by the server, in the message without these fields.
        problems: the client's own; where one is of the image, the server has none of it.
    """
    fields = [_plain(problem.field) for problem in problems]
    if any(field.split(".")[0] in (*SOURCES, "id") for field in fields):
        fields += SOURCES
    within = tuple(field + mark for field in fields for mark in ".[")
    return [one for one in found if _plain(one.field) not in fields and not _plain(one.field).startswith(within)]


def _plain(field: str) -> str:
    """Return what a field's two spellings share.

    >>> _plain("bands[0].crsTransform") == _plain("bands[0].crs_transform")
    True
    """
    return field.replace("_", "").lower()
