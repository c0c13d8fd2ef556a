"""Filters of HDF5 datasets: which are read, and what comes out of them at most.

The library takes the sizes of what filters give from the file, and plug-ins of filters are code of others. So the
filters of a dataset are looked at before any chunk of it is decoded, and only those are let through whose sizes can be
checked.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import imagecodecs

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.inflating import check_length, inflate, most_bytes

__all__ = [
    "CHECKSUM",
    "CHECKSUM_BYTES",
    "COMPRESSORS",
    "DEFLATE",
    "SHUFFLE",
    "Filter",
    "check_decompressed",
    "chunk_bytes",
    "filters_of",
    "problem_of_filters",
]

DEFLATE, SHUFFLE, CHECKSUM, SZIP, NUMBER_BITS, SCALE_AND_OFFSET, LZF = 1, 2, 3, 4, 5, 6, 32000

CHECKSUM_BYTES = 4

COMPRESSORS = {DEFLATE, SZIP, LZF}
"""Those after which other filters see a number of bytes that the chunk alone tells."""

_KNOWN = COMPRESSORS | {SHUFFLE, CHECKSUM, NUMBER_BITS, SCALE_AND_OFFSET}

_PLUG_INS = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32026: "Blosc2",
}
"""Names of filters that are often used. Source: the registry of the HDF Group."""

_SIZE_BYTES = 4
"""Of the number at the beginning of what szip made: the bytes that come out."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of a dataset.

    Attributes:
        code: its number.
        settings: numbers that the file gives it.
    """

    code: int
    settings: tuple[int, ...]


def filters_of(dataset: h5py.Dataset) -> list[Filter]:
    """Return the filters of a dataset, in the order in which they were applied. Called with the lock of the library."""
    properties = dataset.id.get_create_plist()
    filters = (properties.get_filter(number) for number in range(properties.get_nfilters()))
    return [Filter(int(code), tuple(map(int, settings))) for code, _, settings, _ in filters]


def chunk_bytes(dataset: h5py.Dataset) -> int:
    """Return how many bytes a chunk has in the end; 0 where there are no chunks."""
    return math.prod(map(int, dataset.chunks)) * int(dataset.dtype.itemsize) if dataset.chunks else 0


def problem_of_filters(filters: Sequence[Filter], count: int) -> str:
    """Return why what chunks hold cannot be bounded, "" where it can be.

    Args:
        filters: in the order in which they were applied.
        count: of the bytes of a chunk in the end.
    """
    codes = [stage.code for stage in filters]
    unknown = next((code for code in codes if code not in _KNOWN), None)
    if unknown is not None:
        name = f"{unknown} ({_PLUG_INS[unknown]})" if unknown in _PLUG_INS else f"{unknown}"
        return f"it is compressed by the HDF5 filter {name}, which is not read; use shuffle and deflate"
    first = next((number for number, code in enumerate(codes) if code in COMPRESSORS), len(codes))
    if {*codes[first + 1 :]} - {CHECKSUM}:
        return "its chunks are filtered again after they were compressed, which is not read; use shuffle and deflate"
    if any(_given_bytes(stage) > count for stage in filters):
        return "a filter of it gives more bytes than a chunk has; store it again"
    return ""


def _given_bytes(stage: Filter) -> int:
    """Return how many bytes a filter gives by the numbers that the file sets for it; 0 where they tell none.

    Source: the parameters of H5Znbit.c and H5Zscaleoffset.c, in the file format of HDF5, and those of LZF of h5py.
    """
    match stage.code, stage.settings:
        case (5, (_, _, elements, _, size, *_)) | (6, (_, _, elements, _, size, *_)):
            return elements * size
        case (32000, (_, _, size, *_)):
            return size
        case _:
            return 0


def check_decompressed(code: int, body: bytes, count: int) -> None:
    """Refuse what a compressor made of a chunk, where more bytes would come out than may.

    Args:
        code: of the compressor.
        body: without a checksum.
        count: of the bytes of a chunk in the end.

    Raises:
        SourceUnavailable: more would come out.
        Exception: of a codec; it is damaged.
    """
    limit = most_bytes(count)
    if code == DEFLATE:
        inflate(body, limit)
    elif code == SZIP:
        check_length(int.from_bytes(body[:_SIZE_BYTES], "little"), limit)
    else:
        try:
            imagecodecs.lzf_decode(body, out=limit)
        except imagecodecs.LzfError as error:
            raise SourceUnavailable.of_file("a chunk of it is damaged, or holds more bytes than it may") from error
