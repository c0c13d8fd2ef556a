"""Zarr stores, versions 2 and 3, read by zarr-python through a reader of ours.

The reader follows no link out of a store and refuses huge objects. Codecs are those of a list; see ``zarr_codecs``.
Chunks that are stored in the usual way are decoded here, the others by zarr-python.
"""

import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from zarr import Array, Group, open_group
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.bounded_codecs import name_of, unpack
from rasterwire.files.arrays.inflating import most_bytes
from rasterwire.files.arrays.object_reader import ObjectReader, Range
from rasterwire.files.arrays.variables import MAX_VARIABLES, Place, Selection, Variable, Variables
from rasterwire.files.arrays.zarr_codecs import CODECS, Compression, bounded, register, stored_plainly

__all__ = ["read_variables"]

_MAX_DEPTH = 6
"""Groups within groups."""


class _ReadStore(Store):
    """A store of zarr-python that cannot be written."""

    supports_writes = False
    supports_deletes = False
    supports_partial_writes = False
    supports_listing = True

    def __init__(self, reader: ObjectReader) -> None:
        super().__init__(read_only=True)
        self._is_open = True
        self.reader = reader

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ReadStore) and self.reader == other.reader

    def __hash__(self) -> int:
        return hash(self.reader)

    def with_read_only(self, read_only: bool = True) -> "_ReadStore":  # noqa: ARG002
        """Return the store itself, which is read-only."""
        return self

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """See ``Store.get``."""
        data = await self.reader.read(key, _range(byte_range))
        return None if data is None else prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """See ``Store.get_partial_values``."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """See ``Store.exists``."""
        return await self.reader.read(key, (0, 1)) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse."""
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        """Refuse."""
        raise NotImplementedError

    async def list(self) -> AsyncIterator[str]:
        """Refuse: a store may hold millions of chunks."""
        raise NotImplementedError
        yield ""

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:  # noqa: ARG002
        """Refuse, see ``list``."""
        raise NotImplementedError
        yield ""

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """See ``Store.list_dir``."""
        for name in await self.reader.names(f"{prefix.strip('/')}/" if prefix.strip("/") else ""):
            yield name


def _range(byte_range: ByteRequest | None) -> Range | None:
    match byte_range:
        case None:
            return None
        case RangeByteRequest(start=start, end=end):
            return start, end
        case OffsetByteRequest(offset=offset):
            return offset, None
        case SuffixByteRequest(suffix=suffix):
            return None, suffix
    raise TypeError(f"an unknown range: {byte_range}")


def read_variables(reader: ObjectReader) -> Variables:
    """Return the variables of a store, and of all groups in it.

    Raises:
        SourceUnavailable: it is no Zarr group, is damaged, or holds too many variables.
    """
    register()
    try:
        (document,) = reader.read_all(["zarr.json"])  # zarr-python would look for the documents of both versions
        root = open_group(_ReadStore(reader), mode="r", zarr_format=2 if document is None else 3)
        groups: dict[str, Mapping[str, Any]] = {"": dict(root.attrs)}
        arrays: dict[str, Array[Any]] = {}
        _collect(root, "", arrays, groups)
    except SourceUnavailable:
        raise
    except Exception as error:  # the errors of zarr-python and its codecs share no root
        raise SourceUnavailable.of_file("it is no Zarr group, or its metadata are damaged") from error
    variables: dict[str, Variable] = {}
    left_out: list[tuple[str, str]] = []
    for path, array in arrays.items():
        codec = next(iter(_unknown_codecs(array.metadata.to_dict())), None)
        if codec is not None:
            left_out.append((path, f"it is stored with the codec {codec[:40]!r}, which is not read; store it again"))
        else:
            variables[path] = _variable(path, bounded(array), _chunk_reader(reader, path, array))
    return Variables(variables, groups, tuple(left_out))


def _collect(group: Group, prefix: str, arrays: dict[str, Array[Any]], groups: dict[str, Mapping[str, Any]]) -> None:
    for name, member in sorted(group.members(max_depth=0), key=lambda item: item[0]):
        path = f"{prefix}{name}"
        if len(arrays) + len(groups) >= MAX_VARIABLES:
            raise SourceUnavailable.of_file(f"it has more than {MAX_VARIABLES} arrays and groups; split it")
        if isinstance(member, Array):
            arrays[path] = member
        elif path.count("/") < _MAX_DEPTH:
            groups[path] = dict(member.attrs)
            _collect(member, f"{path}/", arrays, groups)


def _unknown_codecs(metadata: Mapping[str, Any]) -> Iterable[str]:
    """Yield the names of the codecs of an array that are not of the list, those within shards included."""
    pending: list[Any] = [*(metadata.get("codecs") or ()), *(metadata.get("filters") or ()), metadata.get("compressor")]
    while pending:
        codec = pending.pop()
        if codec is None:
            continue
        if not isinstance(codec, dict):
            codec = codec.to_dict() if hasattr(codec, "to_dict") else codec.get_config()
        name = str(codec.get("name") or codec.get("id") or "")
        if name_of(name) not in CODECS:
            yield name
        configuration = codec.get("configuration") or {}
        pending += [*(configuration.get("codecs") or ()), *(configuration.get("index_codecs") or ())]


_ChunkReader = Callable[[Sequence[Place]], list[npt.NDArray[Any]]]


def _chunk_reader(reader: ObjectReader, path: str, array: Array[Any]) -> _ChunkReader | None:
    """Return what reads whole chunks without zarr-python, which takes half of the time; None where only it can."""
    plain = stored_plainly(array)
    if plain is None:
        return None
    dtype, codecs = plain
    shape, fill = tuple(array.chunks), array.metadata.fill_value
    encode_key = array.metadata.encode_chunk_key
    empty = np.broadcast_to(np.asarray(0 if fill is None else fill, dtype), shape)

    def read_chunks(places: Sequence[Place]) -> list[npt.NDArray[Any]]:
        bodies = reader.read_all([f"{path}/{encode_key(place)}" for place in places])
        return [empty if body is None else _decoded(body, codecs, dtype, shape) for body in bodies]

    return read_chunks


def _decoded(
    body: bytes, codecs: Sequence[Compression], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    for number, codec in enumerate(codecs, 1):
        limit = size if number == len(codecs) else most_bytes(size)
        body = unpack(codec.name, codec.configuration, body, limit)
    if len(body) != size:
        raise SourceUnavailable.of_file("a chunk of it has another size than its metadata say")
    return np.frombuffer(body, dtype).reshape(shape)


def _variable(path: str, array: Array[Any], read_chunks: _ChunkReader | None) -> Variable:
    metadata = array.metadata
    attributes = dict(array.attrs)
    if metadata.zarr_format == 3:
        names = [name or "" for name in (metadata.dimension_names or ())]
        fill = None  # of chunks that are not stored; in version 3 it marks no value as missing
    else:
        stored = attributes.pop("_ARRAY_DIMENSIONS", ())
        names = [str(name) for name in stored] if isinstance(stored, list | tuple) else []
        fill = metadata.fill_value
    if len(names) != len(array.shape):
        names = [f"dimension_{number}" for number in range(1, len(array.shape) + 1)]

    def read(selection: Selection) -> npt.NDArray[Any]:
        values = np.asarray(array[selection])
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    return Variable(
        path=path,
        dimensions=tuple(re.sub(r"[\x00-\x1f]", "", name) for name in names),
        shape=tuple(array.shape),
        dtype=np.dtype(array.dtype),
        attributes=attributes,
        chunk=tuple(array.chunks),
        unit=tuple(array.shards or array.chunks),
        fill=fill,
        read=read,
        read_chunks=read_chunks,
    )
