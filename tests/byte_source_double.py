"""A source of bytes in memory, which counts requests and can fail."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import HEAD_BYTES, OpenedFile, Span, configure
from rasterwire.files.sources.merging import cut, merge

PREFIX = "memory://bucket/"

_versions = itertools.count(1)
"""Of all objects of a process: what it keeps of one that was read before is never taken for another."""

REPLACED = "it was replaced while it was read; ask again"


class MemorySource:
    """Objects by address.

    Attributes:
        objects: their versions and bytes.
        opened: addresses, one for each request that opened an object.
        ranges: address and span of each other request.
        cut_after: bytes of each answer that arrive, or None for all.
        refusal: the problem of all requests but those that open an object, or "".
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.opened: list[str] = []
        self.ranges: list[tuple[str, Span]] = []
        self.cut_after: int | None = None
        self.refusal = ""
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """Number of all requests."""
        return len(self.opened) + len(self.ranges)

    def forget(self) -> None:
        """Begin to count again."""
        self.opened.clear()
        self.ranges.clear()

    def put(self, name: str, content: bytes | Path) -> str:
        """Store an object, or replace it; return its address."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        with self._lock:
            self.objects[PREFIX + name] = f"etag-{next(_versions)}", data
        return PREFIX + name

    def open(self, href: str) -> OpenedFile:
        """See ``ByteSource.open``."""
        with self._lock:
            self.opened.append(href)
            if href not in self.objects:
                raise SourceUnavailable.of_file("the file is missing")
            version, data = self.objects[href]
        return OpenedFile(href, len(data), version, data[:HEAD_BYTES])

    def read(self, file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        """See ``ByteSource.read``."""
        requests = merge(spans)
        bodies = []
        for request in requests:
            with self._lock:
                self.ranges.append((file.href, (request.offset, request.count)))
                version, data = self.objects[file.href]
                if self.refusal:
                    raise SourceUnavailable.of_file(self.refusal)
                if version != file.version:
                    raise SourceUnavailable.of_file(REPLACED)
            bodies.append(data[request.offset : request.offset + request.count][: self.cut_after])
        return cut(spans, requests, bodies)


@contextmanager
def memory_source() -> Iterator[MemorySource]:
    """Serve addresses below ``PREFIX`` from memory for the time of the block."""
    source = MemorySource()
    configure({PREFIX: source})
    try:
        yield source
    finally:
        configure({})
