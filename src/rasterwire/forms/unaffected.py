"""What a field that could not be read makes of the others: it is absent, and they may be refused for that alone."""

import difflib
from collections.abc import Iterable
from typing import Protocol, TypeVar

from rasterwire.v1 import download_pb2

_NEEDS = {
    "clip_to_region": {"region"},
    "compression_level": {"compression"},
    "crs_transform": {"crs"},
    "image": {"image", "expression", "mosaic"},
}
"""Fields that can be refused because of the absence of others."""

_FIELDS = frozenset(download_pb2.DownloadParams.DESCRIPTOR.fields_by_name)


class _Violation(Protocol):
    @property
    def field(self) -> str: ...


V = TypeVar("V", bound=_Violation)


def unaffected(misfits: Iterable[_Violation], violations: Iterable[V]) -> list[V]:
    """Return the violations of what was read that do not come from what could not be read, and so is absent.

    Args:
        misfits: of the reading.
        violations: that were found in the message.
    """
    paths = {_independent(misfit.field) for misfit in misfits}
    names = {_name(path) for path in paths}
    for name in names - _FIELDS:  # it may be meant as the field that is like it, or as any
        names |= set(difflib.get_close_matches(name, _FIELDS, 1)) or _FIELDS

    def counts(violation: V) -> bool:
        path = _independent(violation.field)
        is_within = {path, path.partition(".")[0], _name(path)} & paths
        return not is_within and not _NEEDS.get(path, frozenset()) & names

    return [violation for violation in violations if counts(violation)]


def _independent(path: str) -> str:
    """Return the part of a path whose value can be judged without others: a field, or a field of a band."""
    first, _, rest = path.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if rest and first.startswith("bands[") else first


def _name(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
