"""The directories of a TIFF file, read in bounded time and memory before a library reads them.

Directories form a chain. In a damaged or hostile file the chain may loop, be extremely long, or claim billions
of values. Libraries differ in how they treat such a file, and some never return.
"""

import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasterwire.files.byte_reader import ByteReader

__all__ = ["MAX_DIRECTORIES", "Directory", "TooManyDirectories", "directories_of", "walk"]

MAX_DIRECTORIES = 2048
"""Pages, overviews and masks of a file; GDAL looks at all of them each time it opens the file."""

_MAX_ENTRIES = 4096
"""Of a directory; GDAL refuses more."""

_MAX_KEPT_ENTRIES = 4096
"""Of all directories of a file, about 1 MB: of one with more, the directories are not kept."""

_CHUNK_VALUES = 1 << 18

_MAX_NUMBER = 1 << 60
"""Offsets beyond any file stay beyond it where they are larger, and sums do not overflow."""

_MAX_CHARACTERS = 1 << 10

_END_OF_DIRECTORY = bytes(12)
"""In a description; no tag has the number 0 and no value."""

_bytes_of_type = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_numpy_of_type = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
_struct_of_type = {1: "B", 3: "H", 4: "I", 16: "Q"}
_whole_types = {3, 4, 16}

_SUBFILE_TYPE = 254
_REDUCED, _MASK = 1, 4
_offsets_and_sizes = ((273, 279), (324, 325))
"""Tags of the offsets of strips and tiles, and of their sizes in bytes."""

_WIDTH, _HEIGHT, _SAMPLES, _ROWS_PER_STRIP, _PLANES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 277, 278, 284, 322, 323
_layout_tags = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339}
"""Tags of whole numbers, by which pixels are found and decoded."""

_SEPARATE = 2

_COMPRESSION = 259
_DEFLATE = {8, 32946}

_PLACES = frozenset(tag for pair in _offsets_and_sizes for tag in pair)
_REFERENCES = frozenset({330, 34665, 34853, 40965})
_REFERENCE_TYPES = frozenset({13, 18})
"""Tags, and types of tags, whose values are offsets of further directories."""

_MAX_DESCRIPTION = 1 << 16
"""Bytes of all tags of a file that ``Directories.description`` reads."""


class TooManyDirectories(Exception):
    """A chain of more than ``MAX_DIRECTORIES`` different directories."""


@dataclass(frozen=True, slots=True)
class _Entry:
    type: int
    count: int
    offset: int

    @property
    def end(self) -> int:
        return self.offset + self.count * _bytes_of_type.get(self.type, 1)


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a file.

    Attributes:
        order: of bytes, as in ``struct``.
        entries: by tag.
        has_repeats: whether it has further entries of the same tags.
    """

    order: str
    entries: dict[int, _Entry]
    has_repeats: bool

    def is_of_first(self, reader: ByteReader) -> bool:
        """Tell whether it belongs to the first image of a file: an overview of it or a mask."""
        kind = self.entries.get(_SUBFILE_TYPE)
        return kind is not None and any(int(value) & (_REDUCED | _MASK) for value in _values(reader, self.order, kind))

    def text(self, reader: ByteReader, tag: int) -> str:
        """Return the text of a tag up to its first NUL, without spaces around it; "" where the tag is missing."""
        entry = self.entries.get(tag)
        data = b"" if entry is None else _read(reader, entry.offset, min(entry.count, _MAX_CHARACTERS))
        return data.partition(b"\0")[0].decode("latin-1").strip()

    def is_regular(self, reader: ByteReader) -> bool:
        """Tell whether its layout is stored as TIFF 6.0 has it: in the types of whole numbers, and each tile once.

        Libraries differ in what they make of others: one takes a fraction for an offset, or invents the sizes of tiles.
        """
        numbers = [self.entries[tag] for tag in _layout_tags & self.entries.keys()]
        if any(entry.type not in _whole_types or not entry.count for entry in numbers):
            return False
        return all(count == self._tile_count(reader) for count in self._list_lengths())

    def is_deflated(self, reader: ByteReader) -> bool:
        """Tell whether its pixels are compressed by deflate."""
        return self.compression(reader) in _DEFLATE

    def compression(self, reader: ByteReader) -> int:
        """Return TIFF's number of its compression."""
        return self._number(reader, _COMPRESSION, 1)

    def blocks(self, reader: ByteReader) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the offsets and the sizes in bytes of its tiles or strips, of those that are stored."""
        entries = [self.entries.get(tag) for tag in _offsets_and_sizes[_TILE_WIDTH in self.entries]]
        offsets, sizes = (
            np.concatenate([np.empty(0, np.int64), *_chunks(reader, self.order, entry)])
            if entry is not None
            else np.empty(0, np.int64)
            for entry in entries
        )
        common = min(len(offsets), len(sizes))
        is_stored = (offsets[:common] > 0) & (sizes[:common] > 0)
        return offsets[:common][is_stored], sizes[:common][is_stored]

    def lists_too_few_tiles(self, reader: ByteReader) -> bool:
        """Tell whether its lists of tiles are shorter than its size needs; GDAL makes pixels of what is in memory."""
        return any(0 < count < self._tile_count(reader) for count in self._list_lengths())

    def _list_lengths(self) -> list[int]:
        """Return how many offsets and sizes of tiles or strips there are, 0 for those that are missing."""
        entries = (self.entries.get(tag) for tag in _offsets_and_sizes[_TILE_WIDTH in self.entries])
        return [0 if entry is None else entry.count for entry in entries]

    def _tile_count(self, reader: ByteReader) -> int:
        """Return how many tiles or strips there are by the size of the image; -1 where it has none."""
        width, height = self._number(reader, _WIDTH, 0), self._number(reader, _HEIGHT, 0)
        if _TILE_WIDTH in self.entries:
            across, down = self._number(reader, _TILE_WIDTH, 0), self._number(reader, _TILE_HEIGHT, 0)
        else:
            across, down = width, min(self._number(reader, _ROWS_PER_STRIP, height), height)
        if min(width, height, across, down) < 1:
            return -1
        planes = self._number(reader, _SAMPLES, 1) if self._number(reader, _PLANES, 1) == _SEPARATE else 1
        return -(-width // across) * -(-height // down) * planes

    def _number(self, reader: ByteReader, tag: int, default: int) -> int:
        entry = self.entries.get(tag)
        form = None if entry is None else _struct_of_type.get(entry.type)
        if entry is None or form is None or not entry.count:
            return default
        data = _read(reader, entry.offset, struct.calcsize(form))  # some dozens for each file: arrays take long to make
        return min(_number(self.order, form, data), _MAX_NUMBER) if len(data) == struct.calcsize(form) else default

    def pixels_end(self, reader: ByteReader) -> int:
        """Return the first byte after the last of its strips or tiles, 0 where none is stored."""
        end = 0
        for offset_tag, size_tag in _offsets_and_sizes:
            if offset_tag in self.entries and size_tag in self.entries:
                pair = self.entries[offset_tag], self.entries[size_tag]
                end = max(end, *(entry.end for entry in pair))  # the values of the tags may be lost themselves
                for offsets, sizes in zip(*(_chunks(reader, self.order, entry) for entry in pair), strict=False):
                    common = min(len(offsets), len(sizes))
                    offsets, sizes = offsets[:common], sizes[:common]
                    is_stored = (offsets > 0) & (sizes > 0)
                    if is_stored.any():
                        end = max(end, int((offsets[is_stored] + sizes[is_stored]).max()))
        return end


@dataclass(frozen=True, slots=True)
class Directories:
    """The chain of a file.

    Attributes:
        chain: from the first.
        is_sound: whether the chain ends, each directory is complete, and all values lie within the file and
            fit into it; a library may then read them all.
    """

    chain: Sequence[Directory]
    is_sound: bool

    def of_first(self, reader: ByteReader) -> list[Directory]:
        """Return those of the first image, its overviews and masks."""
        return [directory for number, directory in enumerate(self.chain) if not number or directory.is_of_first(reader)]

    def description(self, reader: ByteReader) -> bytes:
        """Return what the directories say but for where pixels are: all that libraries know of a file by its header.

        Returns:
            The kind of file, and the values of all tags but the offsets and sizes of tiles. "" where they are long,
            or more may be said elsewhere in the file.
        """
        parts = [_read(reader, 0, 4)]
        size = 0
        for directory in self.chain:
            for tag, entry in directory.entries.items():
                is_place = tag in _PLACES
                size += 0 if is_place else entry.end - entry.offset
                if size > _MAX_DESCRIPTION or tag in _REFERENCES or entry.type in _REFERENCE_TYPES:
                    return b""
                # small offsets and sizes may be of a smaller type
                parts.append(struct.pack("<HHQ", tag, 0 if is_place else entry.type, entry.count))
                parts.append(b"" if is_place else _read(reader, entry.offset, entry.end - entry.offset))
            parts.append(_END_OF_DIRECTORY)
        is_whole = self.is_sound and not any(directory.has_repeats for directory in self.chain)
        return b"".join(parts) if is_whole else b""


_last = threading.local()
"""The file whose directories a thread read last, by address and version, and these directories."""


def directories_of(reader: ByteReader) -> Directories:
    """Return what ``walk`` does; of the version of a file that this thread asked for last, without reading it again.

    Whoever opens a file looks at its directories several times: whether it is whole, what it says, and how it is read.
    """
    key = reader.href, reader.version
    if getattr(_last, "key", None) == key:
        directories: Directories = _last.directories
        return directories
    _last.key = None
    directories = walk(reader)
    if sum(len(directory.entries) for directory in directories.chain) <= _MAX_KEPT_ENTRIES:
        _last.directories, _last.key = directories, key
    return directories


def walk(reader: ByteReader) -> Directories:
    """Return the directories of a TIFF or BigTIFF file, each once.

    Raises:
        TooManyDirectories: there are more than ``MAX_DIRECTORIES``.
        OSError: the file cannot be read.
        SourceUnavailable: see ``ByteReader.pread``.
    """
    size = reader.size
    start = _read(reader, 0, 16)
    order = ">" if start[:2] == b"MM" else "<"
    is_big = start[2:4] in {b"+\0", b"\0+"}
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if is_big else ("H", 12, "I")
    offset = _number(order, next_format, start[8:] if is_big else start[4:])
    chain: list[Directory] = []
    visited: set[int] = set()
    total = 0
    while offset:
        if offset in visited:
            return Directories(chain, is_sound=False)
        if len(chain) == MAX_DIRECTORIES:
            raise TooManyDirectories
        visited.add(offset)
        count_bytes = struct.calcsize(count_format)
        count = _number(order, count_format, _read(reader, offset, count_bytes))
        if not 0 < count <= _MAX_ENTRIES:
            return Directories(chain, is_sound=False)
        body = _read(reader, offset + count_bytes, count * entry_bytes + struct.calcsize(next_format))
        if len(body) < count * entry_bytes:
            return Directories(chain, is_sound=False)
        entries = _entries(body[: count * entry_bytes], order, is_big, offset + count_bytes)
        chain.append(Directory(order, entries, has_repeats=len(entries) < count))
        total += len(body) + sum(entry.end - entry.offset for entry in entries.values())
        if total > 2 * size or any(entry.end > size for entry in entries.values()):
            return Directories(chain, is_sound=False)
        offset = _number(order, next_format, body[count * entry_bytes :])
    return Directories(chain, is_sound=bool(chain))


def _entries(body: bytes, order: str, is_big: bool, offset: int) -> dict[int, _Entry]:
    """Return the entries of a directory; the first one of each tag. ``offset`` is that of the first entry."""
    form, inline = (f"{order}HHQQ", 8) if is_big else (f"{order}HHII", 4)
    step = struct.calcsize(form)
    entries: dict[int, _Entry] = {}
    for number, (tag, kind, count, value) in enumerate(struct.iter_unpack(form, body)):
        fits = count * _bytes_of_type.get(kind, 1) <= inline
        entries.setdefault(tag, _Entry(kind, count, offset + (number + 1) * step - inline if fits else value))
    return entries


def _values(reader: ByteReader, order: str, entry: _Entry) -> npt.NDArray[np.int64]:
    return next(_chunks(reader, order, entry), np.zeros(0, np.int64))


def _chunks(reader: ByteReader, order: str, entry: _Entry) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the values of an entry of whole numbers, in chunks; fewer where the file ends."""
    name = _numpy_of_type.get(entry.type)
    if name is None:
        return
    dtype = np.dtype(order + name)
    for first in range(0, entry.count, _CHUNK_VALUES):
        count = min(_CHUNK_VALUES, entry.count - first)
        data = _read(reader, entry.offset + first * dtype.itemsize, count * dtype.itemsize)
        values = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
        yield np.minimum(values.astype(np.uint64), _MAX_NUMBER).astype(np.int64)
        if len(values) < count:
            return


def _number(order: str, form: str, data: bytes) -> int:
    """Return the number at the beginning of some bytes, 0 where the bytes end before the number does."""
    size = struct.calcsize(form)
    return int(struct.unpack(order + form, data[:size])[0]) if len(data) >= size else 0


def _read(reader: ByteReader, offset: int, count: int) -> bytes:
    """Read bytes at an offset; fewer where the file ends."""
    return reader.pread(count, offset) if offset < 1 << 62 else b""
