"""The format of a download, and which fields of a request have a meaning in it."""

from rasterwire.errors import Violation, Violations
from rasterwire.plan.types import Ignored, Limits
from rasterwire.request import Compression, DownloadRequest, Encoding, Format

__all__ = [
    "MEDIA_TYPES",
    "SUFFIXES",
    "choose_encoding",
    "choose_format",
    "ignored_band_grids",
    "ignored_encoding",
]

SUFFIXES = {
    Format.GEO_TIFF: ".tif",
    Format.NPY: ".npy",
    Format.PNG: ".png",
    Format.JPEG: ".jpg",
    Format.ZARR: ".zarr",
}
"""Of the files of formats; others are zip files."""

MEDIA_TYPES = {
    Format.GEO_TIFF: "image/tiff",
    Format.NPY: "application/octet-stream",
    Format.PNG: "image/png",
    Format.JPEG: "image/jpeg",
    Format.ZARR: "application/vnd.zarr; version=3",
}
"""Likewise."""


def choose_format(request: DownloadRequest, limits: Limits, problems: Violations) -> tuple[Format, list[Ignored]]:
    """Return the format of a request, and the fields that have no effect beside it."""
    if request.format is Format.ZARR:
        _check_store(request, limits, problems)
    if request.format is not None:
        if request.file_per_band is None:
            return request.format, []
        return request.format, [Ignored("file_per_band", f"format {request.format.value} is given")]
    if request.file_per_band is False:
        return Format.ZIPPED_GEO_TIFF, []
    return Format.ZIPPED_GEO_TIFF_PER_BAND, []


def _check_store(request: DownloadRequest, limits: Limits, problems: Violations) -> None:
    """Add what is wrong with a request for a Zarr store."""
    if not limits.are_of_exports:
        problem = "Zarr stores are written by exports alone; ask for an export, or for GEO_TIFF"
        problems.add(Violation("format", "FORMAT_UNSUPPORTED", problem))
    if request.compression is Compression.LZW:
        problem = "no codec of Zarr is LZW; ask for ZSTD, DEFLATE or NONE"
        problems.add(Violation("compression", "COMPRESSION_UNSUPPORTED", problem))
    for item in ignored_band_grids(request):
        problem = "the arrays of a Zarr store share one grid; leave it out, or export this band by itself"
        problems.add(Violation(item.field, "BAND_GRID_UNSUPPORTED", problem))


def choose_encoding(request: DownloadRequest, format_: Format) -> Encoding:
    """Return how the files of a format are compressed and laid out."""
    if format_ is Format.ZARR:
        return Encoding(request.compression or Compression.ZSTD, request.compression_level)
    return Encoding() if format_.keeps_types else request.encoding


def ignored_band_grids(request: DownloadRequest) -> list[Ignored]:
    """Return the fields of grids of single bands, which have no meaning where all share one."""
    reason = "grids of single bands count only in format ZIPPED_GEO_TIFF_PER_BAND"
    ignored = []
    for index, band in enumerate(request.bands):
        parts = {
            "crs": band.grid.crs,
            "crs_transform": band.grid.transform,
            "dimensions": band.grid.dimensions or None,
            "scale": band.grid.scale,
        }
        ignored += [Ignored(f"bands[{index}].{key}", reason) for key, value in parts.items() if value is not None]
    return ignored


def ignored_encoding(request: DownloadRequest, format_: Format) -> list[Ignored]:
    """Return the fields about how files are written that have no meaning in a format."""
    is_set = {
        "compression": request.compression is not None,
        "compression_level": request.compression_level is not None,
        "cloud_optimized": request.cloud_optimized,
    }
    fields = list(is_set) if format_.keeps_types else []
    if format_ is Format.ZARR:  # which is compressed as well
        fields = ["cloud_optimized"]
    ignored = [Ignored(field, f"format {format_.value} is no GeoTIFF") for field in fields if is_set[field]]
    encoding = choose_encoding(request, format_)
    if encoding.level is not None and encoding.compression in {Compression.NONE, Compression.LZW}:
        ignored.append(Ignored("compression_level", f"compression {encoding.compression.value} has no levels"))
    return ignored
