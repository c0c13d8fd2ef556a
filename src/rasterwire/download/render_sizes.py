"""What a render needs, by its plan."""

from rasterwire.plan import RenderPlan
from rasterwire.request import Format

__all__ = ["disk_bytes", "is_small"]

_SMALL = 16 << 20
"""Bytes that are read and made for what never waits behind larger work."""


def is_small(plan: RenderPlan) -> bool:
    """Tell whether a render is done so soon that it never waits for larger ones."""
    return plan.uncompressed_bytes + plan.source_bytes <= _SMALL


def disk_bytes(plan: RenderPlan) -> int:
    """Return roughly what a render needs of the disk: parts of zips and plain files of COGs lie beside it."""
    is_zip = plan.format in {Format.ZIPPED_GEO_TIFF, Format.ZIPPED_GEO_TIFF_PER_BAND}
    return plan.estimated_bytes * (1 + is_zip + 2 * plan.encoding.cloud_optimized)
