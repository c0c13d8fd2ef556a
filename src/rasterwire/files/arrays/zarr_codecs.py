"""Codecs of Zarr arrays, whose decompression is bounded; see ``bounded_codecs``."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numcodecs.abc import Codec as Numcodec
from zarr import Array, config
from zarr.abc.codec import BytesBytesCodec
from zarr.core.array import AsyncArray
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer
from zarr.core.metadata import ArrayV2Metadata
from zarr.registry import get_codec_class, register_codec

from rasterwire.files.arrays.bounded_codecs import COMPRESSORS, name_of, unpack
from rasterwire.files.arrays.inflating import most_bytes

__all__ = ["CODECS", "Compression", "bounded", "register", "stored_plainly"]

CODECS = {
    *("bytes", "endian", "transpose", "sharding_indexed", "crc32c", "shuffle", "delta", "fixedscaleoffset"),
    *("quantize", "bitround", "packbits", "astype", "crc32", "adler32", "fletcher32", "jenkins_lookup3"),
    *("vlen-utf8", "vlen-bytes", *COMPRESSORS),
}
"""Those that are read, by the names of version 3 without a prefix, and the ids of version 2. Others run code that a
store holds, or give as many bytes as a store likes."""

_FILTER_GROWTH = 8
"""How often the bytes of a chunk what a filter has still to decode may take: a wider type, say."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A codec that compresses bytes.

    Attributes:
        name: one of ``COMPRESSORS``.
        configuration: as the metadata give it.
    """

    name: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class _BoundedCodec(BytesBytesCodec):
    """Takes the place of a codec of zarr-python, which still compresses."""

    is_fixed_size = False
    original = BytesBytesCodec
    """The class of the codec."""

    own: Any
    document: Mapping[str, Any] = field(hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the codec that the metadata give."""
        return cls(cls.original.from_dict(dict(data)), dict(data))

    def to_dict(self) -> dict[str, Any]:
        """Return it as it stands in metadata."""
        whole: dict[str, Any] = self.own.to_dict()
        return whole

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the codec for chunks of a type."""
        return replace(self, own=self.own.evolve_from_array_spec(array_spec))

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        dtype: Any = chunk_spec.dtype
        item = int(np.dtype(dtype.to_native_dtype() if hasattr(dtype, "to_native_dtype") else dtype).itemsize)
        limit = most_bytes(math.prod(chunk_spec.shape) * item)
        configuration = self.document.get("configuration") or {}
        data = await asyncio.to_thread(
            unpack, name_of(str(self.document["name"])), configuration, chunk_bytes.to_bytes(), limit
        )
        return chunk_spec.prototype.buffer.from_bytes(data)

    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded: Buffer | None = await self.own._encode_single(chunk_bytes, chunk_spec)  # noqa: SLF001
        return encoded

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Return the size of a chunk as it is stored, where it is always the same."""
        size: int = self.own.compute_encoded_size(input_byte_length, chunk_spec)
        return size


def register() -> None:
    """Let zarr-python decompress by bounded codecs, in this process and from now on."""
    chosen = dict(config.get("codecs", {}))
    for name in (*COMPRESSORS, *(f"numcodecs.{each}" for each in COMPRESSORS)):
        try:
            original = get_codec_class(name)
        except (KeyError, ValueError):  # by the version of zarr-python
            continue
        if issubclass(original, _BoundedCodec):
            return
        bounded_class = type(f"Bounded_{name}", (_BoundedCodec,), {"original": original})
        register_codec(name, bounded_class)
        chosen[name] = f"{bounded_class.__module__}.{bounded_class.__qualname__}"
    config.set({"codecs": chosen})


class _BoundedNumcodec(Numcodec):  # type: ignore[misc]  # without types
    """Takes the place of a codec of version 2."""

    codec_id = ""  # zarr-python looks for it in the class

    def __init__(self, own: Any, limit: int) -> None:
        self.codec_id = str(own.codec_id)
        self._own = own
        self._limit = limit

    def encode(self, buf: Any) -> Any:
        """See ``Numcodec.encode``."""
        return self._own.encode(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:  # noqa: ARG002  nobody here gives it
        """See ``Numcodec.decode``."""
        data = buf if isinstance(buf, bytes) else np.asarray(buf).tobytes()
        return unpack(self.codec_id, self._own.get_config(), data, self._limit)

    def get_config(self) -> Any:
        """See ``Numcodec.get_config``."""
        return self._own.get_config()


def bounded(array: Array[Any]) -> Array[Any]:
    """Return an array whose codecs are bounded. Those of version 3 are already, after ``register``."""
    metadata = array.metadata
    if not isinstance(metadata, ArrayV2Metadata):
        return array
    growth = _FILTER_GROWTH if metadata.filters else 1
    limit = most_bytes(growth * math.prod(array.chunks) * np.dtype(array.dtype).itemsize)

    def replaced(codec: Any) -> Any:
        return _BoundedNumcodec(codec, limit) if codec is not None and codec.codec_id in COMPRESSORS else codec

    filters = None if metadata.filters is None else tuple(map(replaced, metadata.filters))
    metadata = replace(metadata, compressor=replaced(metadata.compressor), filters=filters)
    return Array(AsyncArray(metadata=metadata, store_path=array.store_path))


def stored_plainly(array: Array[Any]) -> tuple[np.dtype[Any], tuple[Compression, ...]] | None:
    """Return the type of the stored values and the codecs that compressed a chunk, the last one first.

    None where other codecs are used too, or several chunks are stored together.
    """
    metadata = array.metadata
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biuf":
        return None
    if isinstance(metadata, ArrayV2Metadata):
        compressor = metadata.compressor
        if metadata.filters or metadata.order != "C":
            return None
        if compressor is None:
            return dtype, ()
        return (dtype, (_compression(compressor.get_config()),)) if compressor.codec_id in COMPRESSORS else None
    codecs: list[dict[str, Any]] = [codec.to_dict() for codec in metadata.codecs]
    first, others = codecs[0], codecs[1:]
    if first["name"] not in {"bytes", "endian"} or any(
        name_of(str(each["name"])) not in COMPRESSORS for each in others
    ):
        return None
    endian = (first.get("configuration") or {}).get("endian") or "little"
    stored = dtype.newbyteorder("<" if str(endian) == "little" else ">")
    return stored, tuple(map(_compression, reversed(others)))


def _compression(document: Mapping[str, Any]) -> Compression:
    """Return a codec by its document of version 3, or its configuration of version 2."""
    name = name_of(str(document.get("name") or document["id"]))
    return Compression(name, document.get("configuration") or document)
