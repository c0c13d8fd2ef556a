"""Chunks of HDF5 files, which are decompressed here where that is possible.

The library would take as much memory as a compressed chunk asks for, and holds its lock meanwhile.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.inflating import inflate, most_bytes
from rasterwire.files.arrays.variables import Place, Selection, places_of

__all__ = ["Chunks", "problem_of_filters"]

_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3

_CHECKSUM_BYTES = 4

_MAX_STORED_BYTES = 512 << 20
"""Bytes of a chunk of HDF5, as it is stored."""


def problem_of_filters(codes: Sequence[int]) -> str:
    """Return why what chunks hold cannot be bounded, "" where it can be.

    Args:
        codes: of the filters, in the order in which they were applied.
    """
    behind = codes[codes.index(_DEFLATE) + 1 :] if _DEFLATE in codes else ()
    if set(behind) - {_CHECKSUM}:
        return "its chunks are filtered again after deflate, which is not read; use shuffle and deflate"
    return ""


class Chunks:
    """The chunks of a dataset. Several threads may use it.

    Attributes:
        are_plain: whether ``read`` can read them.
    """

    def __init__(self, dataset: h5py.Dataset, call: Callable[[Callable[[], Any]], Any]) -> None:
        """Set the dataset, and what calls a function with the lock of the library; it is called with the lock."""
        self._dataset = dataset
        self._call = call
        properties = dataset.id.get_create_plist()
        self._filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
        self._dtype = dataset.dtype
        self._shape = tuple(int(size) for size in dataset.chunks)
        self._fill = dataset.fillvalue if self._dtype.kind in "iufS" else None
        self.are_plain = self._dtype.kind in "iufS" and self._filters in (
            [],
            [_DEFLATE],
            [_SHUFFLE, _DEFLATE],
            [_SHUFFLE],
        )

    @property
    def _bytes(self) -> int:
        return math.prod(self._shape) * int(self._dtype.itemsize)

    def read(self, places: Sequence[Place]) -> list[npt.NDArray[Any]]:
        """Return whole chunks; see ``Variable.read_chunks``.

        Raises:
            SourceUnavailable: one holds more bytes than it may.
            Exception: of the library, or of zlib; they are damaged.
        """
        bodies = self._call(lambda: [self._stored(place) for place in places])
        return [self._decoded(*body) for body in bodies]

    def check(self, selection: Selection) -> None:
        """Refuse a selection that the library will read, where a chunk under it holds more bytes than it may.

        Raises:
            SourceUnavailable: one does.
            Exception: of the library, or of zlib; they are damaged.
        """
        if _DEFLATE not in self._filters:
            return
        number = self._filters.index(_DEFLATE)
        for place in places_of(selection, self._dataset.shape, self._shape):
            mask, body = self._call(partial(self._stored, place))
            if body is not None and not mask >> number & 1:
                has_checksum = any(not mask >> behind & 1 for behind in range(number + 1, len(self._filters)))
                inflate(body[:-_CHECKSUM_BYTES] if has_checksum else body, most_bytes(self._bytes))

    def _stored(self, place: Place) -> tuple[int, bytes | None]:
        """Return which filters were left out of a chunk, and its bytes; None where it is not stored."""
        corner = tuple(number * size for number, size in zip(place, self._shape, strict=True))
        info = self._dataset.id.get_chunk_info_by_coord(corner)
        if info.byte_offset is None:
            return 0, None
        if info.size > _MAX_STORED_BYTES:
            raise SourceUnavailable.of_file(
                f"a chunk of it has more than {_MAX_STORED_BYTES} bytes, which are not read"
            )
        mask, body = self._dataset.id.read_direct_chunk(corner)
        return int(mask), bytes(body)

    def _decoded(self, mask: int, body: bytes | None) -> npt.NDArray[Any]:
        if body is None:
            return np.full(self._shape, self._fill, self._dtype)
        for number, code in reversed(list(enumerate(self._filters))):
            if mask >> number & 1:
                continue
            body = inflate(body, self._bytes) if code == _DEFLATE else _unshuffled(body, self._dtype.itemsize)
        if len(body) != self._bytes:
            raise SourceUnavailable.of_file("a chunk of it has another size than its metadata say")
        return np.frombuffer(body, self._dtype).reshape(self._shape)


def _unshuffled(body: bytes, size: int) -> bytes:
    """Return bytes in their order; they are stored with the first bytes of all values first."""
    count = len(body) // size
    if size == 1 or count < 2:
        return body
    planes = np.frombuffer(body, np.uint8, count * size).reshape(size, count)
    return planes.T.tobytes() + body[count * size :]
