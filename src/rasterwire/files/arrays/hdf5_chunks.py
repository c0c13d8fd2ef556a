"""Chunks of HDF5 files, which are decompressed here where that is possible.

The library would take as much memory as a compressed chunk asks for, and holds its lock meanwhile.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.hdf5_filters import (
    CHECKSUM_BYTES,
    COMPRESSORS,
    DEFLATE,
    SHUFFLE,
    check_decompressed,
    chunk_bytes,
    filters_of,
)
from rasterwire.files.arrays.inflating import inflate
from rasterwire.files.arrays.variables import Place, Selection, places_of

__all__ = ["Chunks"]

_MAX_STORED_BYTES = 512 << 20
"""Bytes of a chunk of HDF5, as it is stored."""


class Chunks:
    """The chunks of a dataset. Several threads may use it.

    Attributes:
        are_plain: whether ``read`` can read them.
    """

    def __init__(self, dataset: h5py.Dataset, call: Callable[[Callable[[], Any]], Any]) -> None:
        """Set the dataset, and what calls a function with the lock of the library; it is called with the lock."""
        self._dataset = dataset
        self._call = call
        self._filters = [stage.code for stage in filters_of(dataset)]
        self._bytes = chunk_bytes(dataset)
        self._dtype = dataset.dtype
        self._shape = tuple(int(size) for size in dataset.chunks)
        self._fill = dataset.fillvalue if self._dtype.kind in "iufS" else None
        self.are_plain = self._dtype.kind in "iufS" and self._filters in (
            [],
            [DEFLATE],
            [SHUFFLE, DEFLATE],
            [SHUFFLE],
        )

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
        number = next((number for number, code in enumerate(self._filters) if code in COMPRESSORS), None)
        if number is None:
            return
        for place in places_of(selection, self._dataset.shape, self._shape):
            mask, body = self._call(partial(self._stored, place))
            if body is not None and not mask >> number & 1:
                has_checksum = any(not mask >> behind & 1 for behind in range(number + 1, len(self._filters)))
                body = body[:-CHECKSUM_BYTES] if has_checksum else body
                check_decompressed(self._filters[number], body, self._bytes)

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
            body = inflate(body, self._bytes) if code == DEFLATE else _unshuffled(body, self._dtype.itemsize)
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
