"""The shards of a Zarr store: rendered, cut into chunks, compressed, and joined with the index of their places.

Source: Zarr core specification 3.0, and its codecs sharding_indexed 1.0, bytes, zstd, gzip and crc32c.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import google_crc32c
import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.encode.tiles import masks_of
from rasterwire.export.zarr_layout import StoredArray, ZarrLayout, ZarrPart
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.request import Compression, Encoding

__all__ = ["BYTES_CODEC", "Shard", "ZarrTask", "codecs_of", "compress", "shard_codec"]

_BLOCK_BYTES = 8 << 20
"""Of the pixels that are rendered at once."""

_LEVEL = 1
"""Of compression, where the request gives none."""

_NOT_STORED = (1 << 64) - 1
"""The offset and the size of a chunk that is not stored: all of it has the fill value."""

BYTES_CODEC: Mapping[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}


def codecs_of(encoding: Encoding) -> list[Mapping[str, Any]]:
    """Return the codecs of a chunk, as metadata name them."""
    level = encoding.level or _LEVEL
    match encoding.compression:
        case Compression.ZSTD:
            return [BYTES_CODEC, {"name": "zstd", "configuration": {"level": level, "checksum": False}}]
        case Compression.DEFLATE:
            return [BYTES_CODEC, {"name": "gzip", "configuration": {"level": level}}]
        case _:
            return [BYTES_CODEC]


def shard_codec(encoding: Encoding, chunk: int) -> Mapping[str, Any]:
    """Return the codec of a shard of square chunks, as metadata name it."""
    configuration = {
        "chunk_shape": [chunk, chunk],
        "codecs": codecs_of(encoding),
        "index_codecs": [BYTES_CODEC, {"name": "crc32c"}],
        "index_location": "end",
    }
    return {"name": "sharding_indexed", "configuration": configuration}


def compress(values: npt.NDArray[Any], encoding: Encoding) -> bytes:
    """Return values as ``codecs_of`` stores them; equal ones give equal bytes."""
    data: Any = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    level = encoding.level or _LEVEL
    match encoding.compression:
        case Compression.ZSTD:
            return bytes(imagecodecs.zstd_encode(data, level=level))
        case Compression.DEFLATE:
            return bytes(imagecodecs.gzip_encode(data, level=level))
        case _:
            return bytes(data)


class Shard:
    """An object of many chunks, on its way."""

    def __init__(self, layout: ZarrLayout, array: StoredArray, encoding: Encoding) -> None:
        """Begin without chunks; those that are never added have the fill value."""
        rows, cols = layout.shard
        self._chunk = layout.chunk
        self._array = array
        self._encoding = encoding
        self._index = np.full((rows // layout.chunk, cols // layout.chunk, 2), _NOT_STORED, "<u8")
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, values: npt.NDArray[Any], row: int, col: int) -> None:
        """Add the chunks of a row of them.

        Args:
            values: with as many rows as a chunk has, or fewer at the edge.
            row: of the chunks in the shard, from 0.
            col: of the first one.
        """
        side, dtype = self._chunk, np.dtype(self._array.dtype)
        empty = np.full((side, side), self._array.fill, dtype)
        for place, first in enumerate(range(0, values.shape[1], side), col):
            piece = values[:, first : first + side]
            chunk = piece
            if piece.shape != empty.shape:
                chunk = empty.copy()
                chunk[: piece.shape[0], : piece.shape[1]] = piece
            if _is_same(chunk, empty):
                continue
            data = compress(chunk, self._encoding)
            self._index[row, place] = self._size, len(data)
            self._chunks.append(data)
            self._size += len(data)

    def joined(self) -> bytes:
        """Return the bytes of the object, and forget the chunks."""
        index = self._index.tobytes()
        chunks, self._chunks = self._chunks, []
        return b"".join([*chunks, index, int(google_crc32c.value(index)).to_bytes(4, "little")])


def _is_same(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> bool:
    """Tell whether values have the same bits: -0 is not 0, and a NaN is itself."""
    bits = f"u{first.dtype.itemsize}"
    return np.array_equal(np.ascontiguousarray(first).view(bits), second.view(bits))


@dataclass(frozen=True, slots=True)
class ZarrTask:
    """Makes the parts of one store; it can be sent to other processes.

    Attributes:
        raster: of all bands.
        encoding: compression.
        layout: of the store.
    """

    raster: RasterPlan
    encoding: Encoding
    layout: ZarrLayout

    def __call__(self, part: ZarrPart, check: Callable[[], None] = lambda: None) -> Sequence[Shard]:
        """Render a part, and return its shards.

        Args:
            part: of the layout.
            check: is called before each block; what it raises ends the part.

        Raises:
            SourceUnavailable: see ``render_block``.
        """
        first, end = part.bands
        raster = replace(self.raster, bands=self.raster.bands[first:end])
        arrays = [self.layout.arrays[index] for _, index in part.shards]
        shards = [Shard(self.layout, array, self.encoding) for array in arrays]
        side = self.layout.chunk
        for window in self._blocks(part.window, raster):
            check()
            block = render_block(raster, window)
            masks = masks_of(raster, block)
            for array, shard in zip(arrays, shards, strict=True):
                index = 0 if array.band is None else array.band - first
                values = masks[index].view(np.uint8) if array.is_mask else block[index].filled(array.fill)
                shard.add(values, (window.row - part.window.row) // side, (window.col - part.window.col) // side)
        return shards

    def _blocks(self, whole: Window, raster: RasterPlan) -> Iterator[Window]:
        """Yield the blocks of a window: some chunks of a row of them, left to right, top to bottom."""
        side = self.layout.chunk
        sample = sum(np.dtype(band.dtype).itemsize + 1 for band in raster.bands)
        step = side * max(1, _BLOCK_BYTES // (side * side * sample))
        bottom, right = whole.row + whole.height, whole.col + whole.width
        for row in range(whole.row, bottom, side):
            for col in range(whole.col, right, step):
                yield Window(row, col, min(side, bottom - row), min(step, right - col))
