"""Which images of TIFF files are plain: GDAL is not needed to decode their tiles; see ``tiff_file``."""

from collections.abc import Sequence

import numpy as np
import tifffile

__all__ = ["CODECS", "has_mask", "is_plain"]

_MAX_TILE_BYTES = 32 << 20
"""GDAL is better for a file in one huge strip, since it can stop halfway."""

CODECS = {1: "NONE", 5: "LZW", 8: "DEFLATE", 32946: "DEFLATE", 50000: "ZSTD"}
"""TIFF compressions."""

_UNCOMPRESSED = 1
_SEPARATE_PLANES = 2
_DELTA, _FLOAT = 2, 3
"""Predictors of differences along a row."""

_predictors = {"u": {_DELTA}, "i": {_DELTA}, "f": {_DELTA, _FLOAT}}
"""By kind of the type. GDAL refuses others, and ignores the predictor of uncompressed pixels."""

_METADATA = 42112
"""GDAL's own tag."""


def has_mask(pages: Sequence[tifffile.TiffPage]) -> bool:
    """Tell whether a mask, alpha or nodata values of several bands mark invalid pixels of a file."""

    def by_tags(page: tifffile.TiffPage) -> bool:
        metadata = page.tags.valueof(_METADATA)
        return bool(page.subfiletype & 4 or (page.extrasamples and set(page.extrasamples) & {1, 2})) or (
            isinstance(metadata, str) and "NODATA_VALUES" in metadata
        )

    return any(map(by_tags, pages))


def is_plain(page: tifffile.TiffPage) -> bool:
    """Tell whether tiles of an image can be decoded without GDAL."""
    dtype = page.dtype
    if dtype is None or dtype.kind not in "uif" or dtype.itemsize * 8 != page.bitspersample or dtype == np.float16:
        return False
    tile = page.tilelength * page.tilewidth if page.is_tiled else page.rowsperstrip * page.imagewidth
    samples = page.samplesperpixel if page.planarconfig != _SEPARATE_PLANES else 1
    return (
        page.compression in CODECS
        and (page.predictor == 1 or (page.compression != _UNCOMPRESSED and page.predictor in _predictors[dtype.kind]))
        and page.photometric in {0, 1, 2, 3}
        and page.fillorder == 1
        and page.imagedepth == 1
        and tile * samples * dtype.itemsize <= _MAX_TILE_BYTES
    )
