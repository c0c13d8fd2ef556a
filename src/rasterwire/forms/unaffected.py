"""What a field that could not be read makes of the others: it is absent, and they may be refused for that alone."""

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
    unread = {misfit.field.partition(".")[0].partition("[")[0] for misfit in misfits}
    is_misspelt = any(name not in download_pb2.DownloadParams.DESCRIPTOR.fields_by_name for name in unread)
    unread_items = {misfit.field.partition(".")[0] for misfit in misfits}

    def counts(violation: V) -> bool:
        item = violation.field.partition(".")[0]
        needs = _NEEDS.get(item)
        if item in unread_items or item.partition("[")[0] in unread_items:
            return False
        return needs is None or not (is_misspelt or needs & unread)

    return [violation for violation in violations if counts(violation)] if unread else list(violations)
