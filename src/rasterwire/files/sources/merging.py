"""Spans of a file merged into fewer, larger requests, and their bytes cut out of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from rasterwire.files.sources import Span

__all__ = ["MergedSpan", "cut", "merge"]

_GAP_BYTES = 256 << 10
"""Bytes between two spans that are read with them: they take less time than a request of their own."""

_MAX_MERGED_BYTES = 8 << 20
"""Of a request for several spans, so that large windows are read by several requests at the same time."""


@dataclass(frozen=True, slots=True)
class MergedSpan:
    """One request for several spans.

    Attributes:
        offset: first byte.
        count: bytes.
        spans: by number in the sequence that was merged.
    """

    offset: int
    count: int
    spans: tuple[int, ...]


def merge(spans: Sequence[Span], gap: int = _GAP_BYTES, most: int = _MAX_MERGED_BYTES) -> list[MergedSpan]:
    """Return the requests for spans, in the order of the file; spans may overlap, and none of 0 bytes is requested.

    Args:
        spans: in any order.
        gap: most bytes between two spans of a request.
        most: bytes of a request for several spans; one span alone may have more.
    """
    requests: list[MergedSpan] = []
    members: list[int] = []
    first = end = 0
    for number in sorted((number for number, (_, count) in enumerate(spans) if count), key=lambda n: spans[n]):
        offset, count = spans[number]
        until = max(end, offset + count)
        if members and (offset > end + gap or until > max(end, first + most)):
            requests.append(MergedSpan(first, end - first, tuple(members)))
            members = []
        if not members:
            first, until = offset, offset + count
        members.append(number)
        end = until
    if members:
        requests.append(MergedSpan(first, end - first, tuple(members)))
    return requests


def cut(spans: Sequence[Span], requests: Sequence[MergedSpan], bodies: Sequence[bytes]) -> list[bytes]:
    """Return the bytes of spans, in their order; fewer where the body of a request ends before them.

    Args:
        spans: that were merged.
        requests: of ``merge`` for them.
        bodies: the bytes of the requests, in their order.
    """
    parts = [b""] * len(spans)
    for request, body in zip(requests, bodies, strict=True):
        for number in request.spans:
            offset, count = spans[number]
            begin = offset - request.offset
            whole = begin == 0 and count >= len(body)
            parts[number] = body if whole else body[begin : begin + count]
    return parts
