"""The header of a cloud-optimized GeoTIFF: all directories, before all tiles.

The tags are those that the writer of plain GeoTIFFs gives to a tiny image, but for its size and its tiles. Behind the
directories and their small values stand the places of the tiles, those of the smallest overview first: who reads the
beginning of a file knows all levels, and the places of the coarse ones.

Sources: TIFF 6.0; BigTIFF of libtiff; OGC 21-026 (Cloud Optimized GeoTIFF).
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile

from rasterwire.encode.geotags import geo_tags, resolution_of
from rasterwire.encode.geotiff import image_options, mask_options
from rasterwire.encode.tiles import planes
from rasterwire.export.cog_layout import CogLayout, LevelTiles
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Encoding

__all__ = ["CogHeader"]

_SUBFILE_TYPE, _WIDTH, _HEIGHT = 254, 256, 257
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_SIZES = 322, 323, 324, 325
_NODATA = 42113

_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType."""

_LONG, _LONG8 = 4, 16
"""TIFF data types."""

_type_bytes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

_FILE = struct.Struct("<2sHHHQ")
_COUNT = struct.Struct("<Q")
_ENTRY = struct.Struct("<HHQ8s")
_INLINE = 8
"""Bytes of a value that stand in its entry."""

_TINY = 16
"""Pixels a side of the image whose tags are taken: the smallest tile."""


@dataclass(frozen=True, slots=True)
class _Tag:
    code: int
    kind: int
    count: int
    value: bytes


@dataclass(frozen=True, slots=True)
class _Directory:
    """The tags of one image, but for the places of its tiles.

    Attributes:
        tags: by code.
        level: of the image.
        images: which images of each tile are in it.
    """

    tags: dict[int, _Tag]
    level: int
    images: slice


class CogHeader:
    """The header of a file; its size depends on the plan alone."""

    def __init__(self, raster: RasterPlan, encoding: Encoding, layout: CogLayout) -> None:
        self._layout = layout
        count = len(planes(raster))
        plain = image_options(raster, encoding, (_TINY, _TINY), (_TINY, _TINY))
        geo = geo_tags(raster)
        full = _written_tags({**plain, **resolution_of(raster), "extratags": geo}, count)
        reduced = _written_tags({**plain, "extratags": [tag for tag in geo if tag[0] == _NODATA]}, count)
        mask = _written_tags(mask_options(1, (_TINY, _TINY), _TINY), 1) if raster.masks else None
        self._directories = []
        for level in range(layout.overviews + 1):
            kind = _REDUCED if level else 0
            self._directories.append(self._directory(reduced if level else full, kind, level, slice(0, count)))
            if mask is not None:
                self._directories.append(self._directory(mask, kind | _MASK, level, slice(count, count + 1)))
        self.size = len(self.encode([_nowhere(layout, level) for level in range(layout.overviews + 1)]))

    def encode(self, levels: Sequence[LevelTiles]) -> bytes:
        """Return the header of a file.

        Args:
            levels: where the tiles of each level are.
        """
        complete = [_with_places(directory, levels[directory.level]) for directory in self._directories]
        begins, position = [], _FILE.size
        for tags in complete:
            begins.append(position)
            position += _COUNT.size * 2 + len(tags) * _ENTRY.size + sum(map(_room, _small(tags)))
        places: dict[tuple[int, int], int] = {}
        for index in reversed(range(len(complete))):
            for tag in complete[index]:
                if tag.code in {_TILE_OFFSETS, _TILE_SIZES}:
                    places[index, tag.code] = position
                    position += _room(tag)
        parts = [_FILE.pack(b"II", 43, 8, 0, begins[0])]
        for index, tags in enumerate(complete):
            after = begins[index + 1] if index + 1 < len(begins) else 0
            parts.append(_packed(tags, begins[index], after, index, places))
        parts += [
            _padded(tag.value)
            for tags in reversed(complete)
            for tag in tags
            if tag.code in {_TILE_OFFSETS, _TILE_SIZES} and _room(tag)
        ]
        return b"".join(parts)

    def _directory(self, tags: dict[int, _Tag], kind: int, level: int, images: slice) -> _Directory:
        rows, cols = self._layout.shape(level)
        side = self._layout.tile
        sizes = {_WIDTH: cols, _HEIGHT: rows, _TILE_WIDTH: side, _TILE_HEIGHT: side}
        sizes |= {_SUBFILE_TYPE: kind} if kind else {}
        size_tags = {code: _Tag(code, _LONG, 1, struct.pack("<I", value)) for code, value in sizes.items()}
        return _Directory(tags | size_tags, level, images)


def _nowhere(layout: CogLayout, level: int) -> LevelTiles:
    shape = (*layout.tiles(level), layout.images)
    return LevelTiles(np.zeros(shape, np.uint64), np.zeros(shape, np.uint32))


def _with_places(directory: _Directory, tiles: LevelTiles) -> list[_Tag]:
    """Return all tags, in the order of their codes; tiles are in the order of planes, rows, columns."""
    offsets = np.moveaxis(tiles.offsets[..., directory.images], -1, 0)
    sizes = np.moveaxis(tiles.sizes[..., directory.images], -1, 0)
    places = {
        _TILE_OFFSETS: _Tag(_TILE_OFFSETS, _LONG8, offsets.size, offsets.astype("<u8").tobytes()),
        _TILE_SIZES: _Tag(_TILE_SIZES, _LONG, sizes.size, sizes.astype("<u4").tobytes()),
    }
    return [tag for _, tag in sorted((directory.tags | places).items())]


def _small(tags: Sequence[_Tag]) -> list[_Tag]:
    """Return the tags but for those of the places of tiles."""
    return [tag for tag in tags if tag.code not in {_TILE_OFFSETS, _TILE_SIZES}]


def _room(tag: _Tag) -> int:
    """Return the bytes of a value outside of its entry."""
    return 0 if len(tag.value) <= _INLINE else len(_padded(tag.value))


def _padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % _INLINE)


def _packed(tags: Sequence[_Tag], begin: int, after: int, index: int, places: dict[tuple[int, int], int]) -> bytes:
    """Return a directory and its small values.

    Args:
        tags: of the directory.
        begin: where it is.
        after: where the next directory is, 0 for none.
        index: of the directory.
        places: where the values are that stand behind all directories, by directory and code.
    """
    position = begin + _COUNT.size * 2 + len(tags) * _ENTRY.size
    entries, values = [], []
    for tag in tags:
        if not _room(tag):
            inline = _padded(tag.value) or bytes(_INLINE)
        elif (index, tag.code) in places:
            inline = _COUNT.pack(places[index, tag.code])
        else:
            inline = _COUNT.pack(position)
            values.append(_padded(tag.value))
            position += len(values[-1])
        entries.append(_ENTRY.pack(tag.code, tag.kind, tag.count, inline))
    return b"".join([_COUNT.pack(len(tags)), *entries, _COUNT.pack(after), *values])


def _written_tags(options: dict[str, Any], images: int) -> dict[int, _Tag]:
    """Return the tags that the TIFF writer gives to an image of one tile."""
    memory = io.BytesIO()
    with tifffile.TiffWriter(memory, bigtiff=True, byteorder="<") as writer:
        size = int(np.prod(options["shape"])) * np.dtype(options["dtype"]).itemsize // images
        writer.write(iter([bytes(size)] * images), **options)  # uncompressed tiles have to have their size
    data = memory.getvalue()
    first = _FILE.unpack_from(data)[-1]
    tags = {}
    for index in range(_COUNT.unpack_from(data, first)[0]):
        code, kind, count, inline = _ENTRY.unpack_from(data, first + _COUNT.size + index * _ENTRY.size)
        size = count * _type_bytes[kind]
        position = _COUNT.unpack(inline)[0]
        tags[code] = _Tag(code, kind, count, inline[:size] if size <= _INLINE else data[position : position + size])
    return tags
