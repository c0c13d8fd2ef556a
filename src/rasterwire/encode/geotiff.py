"""Tiled GeoTIFFs, written front to back from blocks, so that memory does not grow with the raster."""

import contextlib
import io
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import tifffile

from rasterwire.encode import BlockSource
from rasterwire.encode.geotags import colors_of, geo_tags, resolution_of
from rasterwire.encode.tiles import TILE, encoder, planes, predictor, tile_shape, tile_windows
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Compression, Encoding

_CLASSIC_BYTES = 3_900_000_000
"""Classic TIFF holds 4 GiB, and data that cannot be compressed grows a little."""

_LZW_GROWTH = 1.5
"""The largest growth by LZW: a code of 12 bits for each byte."""

_schemes = {
    Compression.NONE: "none",
    Compression.DEFLATE: "adobe_deflate",
    Compression.LZW: "lzw",
    Compression.ZSTD: "zstd",
}

_plain = {"software": False, "metadata": None, "contiguous": False}
"""What the TIFF writer adds by itself, and shall not."""

_MASK_BYTES = TILE * TILE // 8

_NEW_SUBFILE_TYPE = 254


def needs_bigtiff(raster: RasterPlan, encoding: Encoding) -> bool:
    """Tell whether a raster may not fit into a classic TIFF, by its size before compression."""
    growth = _LZW_GROWTH if encoding.compression is Compression.LZW else 1
    height, width = (int(n) for n in raster.grid.shape)
    rows, cols = tile_shape(raster)
    pixels = -(-height // rows) * -(-width // cols) * rows * cols
    sample = len(raster.bands) * np.dtype(raster.bands[0].dtype).itemsize
    return growth * pixels * sample + raster.masks * pixels // 8 > _CLASSIC_BYTES


def encode_geotiff(raster: RasterPlan, encoding: Encoding, render: BlockSource, out: BinaryIO, scratch: Path) -> None:
    """Write a raster with its bands interleaved by pixel unless they are many, and its masks as an internal image.

    Args:
        raster: its bands share one type and one nodata value.
        encoding: compression.
        render: of the blocks.
        out: empty and seekable.
        scratch: folder for the mask, one bit a pixel, until the image is written.
    """
    with contextlib.ExitStack() as stack:
        masks: BinaryIO | None = None
        if raster.masks:
            masks = stack.enter_context(tempfile.TemporaryFile(dir=scratch))
        writer = stack.enter_context(tifffile.TiffWriter(out, bigtiff=needs_bigtiff(raster, encoding), byteorder="<"))
        _write_image(writer, raster, encoding, render, masks)
        if masks is not None:
            masks.seek(0)
            _write_masks(writer, raster, masks)
    if raster.masks > 1:
        _mark_as_mask(out)


def _write_image(
    writer: tifffile.TiffWriter, raster: RasterPlan, encoding: Encoding, render: BlockSource, masks: BinaryIO | None
) -> None:
    height, width = (int(n) for n in raster.grid.shape)
    parts = planes(raster)
    whole = -(-height // TILE) * -(-width // TILE) * _MASK_BYTES

    def tiles() -> Iterator[bytes]:
        for number, part in enumerate(parts):
            offset = 0
            for block in render(part, tile_windows(part), encoder(part, encoding)):
                for index, bits in enumerate(map(b"".join, block.masks)):
                    if masks is not None:
                        masks.seek(offset + whole * (index if raster.masks == 1 else number + index))
                        _write_bits(masks, bits, combine=number > 0 and raster.masks == 1)
                offset += sum(map(len, block.masks[0])) if block.masks else 0
                yield from block.images

    options = image_options(raster, encoding, (height, width), tile_shape(raster))
    writer.write(tiles(), **options, **resolution_of(raster), extratags=geo_tags(raster))


def image_options(
    raster: RasterPlan, encoding: Encoding, shape: tuple[int, int], tile: tuple[int, int]
) -> dict[str, Any]:
    """Return what the TIFF writer has to know of an image of a raster, without the tags that place it on earth.

    Args:
        raster: its bands share one type.
        encoding: compression.
        shape: rows and columns of the image.
        tile: rows and columns of a tile.
    """
    dtype, count = raster.bands[0].dtype, len(raster.bands)
    colors, is_contiguous = colors_of(raster), len(planes(raster)) == 1
    return {
        "shape": shape if count == 1 else (*shape, count) if is_contiguous else (count, *shape),
        "dtype": np.dtype(dtype).newbyteorder("<"),
        "photometric": colors.photometric,
        "colormap": colors.colormap,
        "planarconfig": None if count == 1 else "contig" if is_contiguous else "separate",
        "tile": tile,
        "compression": _schemes[encoding.compression],
        "predictor": predictor(encoding, dtype) if raster.tiling is None else raster.tiling.predictor,
        "extrasamples": colors.extrasamples or None,
        **_plain,
    }


def _write_bits(masks: BinaryIO, bits: bytes, *, combine: bool) -> None:
    """Write bits of a mask, or combine them with those of other bands: a pixel is valid where all bands are."""
    if combine:
        common = np.frombuffer(masks.read(len(bits)), np.uint8)
        masks.seek(-len(bits), io.SEEK_CUR)
        bits = (common & np.frombuffer(bits, np.uint8)).tobytes()
    masks.write(bits)


def _write_masks(writer: tifffile.TiffWriter, raster: RasterPlan, masks: BinaryIO) -> None:
    """Write the bits of all masks: 1 valid, 0 not; source: TIFF 6.0, NewSubfileType bit 2.

    Where each band has a mask, GDAL reads one sample for each band. Neither the standard nor the writer provides for
    that, so that the image is marked as a mask after it is written.
    """
    height, width = (int(n) for n in raster.grid.shape)
    count = raster.masks

    def tiles() -> Iterator[bytes]:
        while bits := masks.read(_MASK_BYTES):
            yield compress_mask(bits)

    writer.write(tiles(), **mask_options(count, (height, width), TILE))


def mask_options(count: int, shape: tuple[int, int], side: int) -> dict[str, Any]:
    """Return what the TIFF writer has to know of the image of masks.

    Args:
        count: of the masks.
        shape: rows and columns of the image.
        side: pixels of a tile.
    """
    return {
        "shape": shape if count == 1 else (count, *shape),
        "dtype": np.bool_,
        "bitspersample": 1,
        "photometric": 4,
        "planarconfig": None if count == 1 else "separate",
        "extrasamples": None if count == 1 else [0] * (count - 1),
        "subfiletype": 4 if count == 1 else 0,
        "tile": (side, side),
        "compression": "adobe_deflate",
        **_plain,
    }


def compress_mask(bits: bytes) -> bytes:
    """Return the tile of a mask as it is stored."""
    return bytes(imagecodecs.deflate_encode(bits, level=6, raw=False))


def _mark_as_mask(out: BinaryIO) -> None:
    """Mark the second image of a file as a mask."""
    out.seek(0)
    with tifffile.TiffFile(out) as file:
        offset = file.pages[1].aspage().tags[_NEW_SUBFILE_TYPE].valueoffset
    out.seek(offset)
    out.write(struct.pack("<I", 4))
    out.seek(0, io.SEEK_END)
