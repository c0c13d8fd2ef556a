"""Reads the bytes of one version of a file: of this machine by its descriptor, of others through their source."""

import io
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from rasterwire.errors import SourceUnavailable
from rasterwire.files.opened_files import OpenedFiles
from rasterwire.files.regular_file import LinkInPath, NotRegular, name_of, open_regular
from rasterwire.files.seekable_file import SeekableFile
from rasterwire.files.sources import HEAD_BYTES, ByteSource, OpenedFile, Span, is_local, source_of
from rasterwire.files.stored_tiles import StoredTiles
from rasterwire.files.tile_folder import TileFolder
from rasterwire.files.whole_blocks import WholeBlocks

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "ByteReader",
    "LocalReader",
    "ReaderFile",
    "RemoteReader",
    "ask_again",
    "keep_tiles",
    "open_reader",
    "reader_of",
    "version_of",
]

CHANGED = "the file changed since the request was planned; ask again"

_NO_TILES: Mapping[Span, bytes] = {}

_blocks = WholeBlocks(32 << 20)
_tiles = StoredTiles(24 << 20)


def keep_tiles(folder: TileFolder | None) -> None:
    """Keep the stored tiles of remote files in a folder that the processes of a server share; None keeps none."""
    _tiles.folder = folder


def forget_tiles() -> None:
    """Drop the stored tiles in memory; those in a folder stay."""
    _tiles.clear()


class ByteReader(Protocol):
    """Reads one version of a file; threads may share it.

    Attributes:
        href: address of the file.
        size: in bytes.
        version: see ``OpenedFile``.
    """

    href: str
    size: int
    version: str

    def pread(self, count: int, offset: int) -> bytes:
        """Return bytes of headers and other small parts; fewer where the file ends.

        Raises:
            OSError: a local file cannot be read.
            SourceUnavailable: the file was replaced, or its source does not answer.
        """
        ...

    def tile(self, count: int, offset: int) -> bytes:
        """Return the bytes of a stored tile; see ``pread``."""
        ...

    def tiles(self, spans: Sequence[Span]) -> Mapping[Span, bytes]:
        """Return the bytes of stored tiles that are best read together; none where ``tile`` is as fast.

        Raises:
            SourceUnavailable: see ``pread``.
        """
        ...

    def file(self) -> "io.BufferedReader | ReaderFile":
        """Return the file for a library, to be closed by the caller."""
        ...


class LocalReader:
    """Reads a file of this machine, which stays open until the last reference to the reader is gone.

    Attributes:
        name: by which a library opens the same file meanwhile, whatever is at its path.
    """

    def __init__(self, href: str, descriptor: int) -> None:
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        self.name = name_of(descriptor, href)
        status = os.fstat(descriptor)
        self.href, self.size, self.version = href, status.st_size, version_of(status)

    def pread(self, count: int, offset: int) -> bytes:
        """See ``ByteReader.pread``."""
        return os.pread(self._descriptor, count, offset)

    tile = pread

    def tiles(self, spans: Sequence[Span]) -> Mapping[Span, bytes]:  # noqa: ARG002
        """See ``ByteReader.tiles``: none."""
        return _NO_TILES

    def file(self) -> io.BufferedReader:
        """See ``ByteReader.file``."""
        file = os.fdopen(os.dup(self._descriptor), "rb")
        file.seek(0)
        return file


class RemoteReader:
    """Reads a file through its source. Small parts are read in whole blocks, which are kept for a while."""

    def __init__(self, source: ByteSource, opened: OpenedFile) -> None:
        # its first bytes are among the blocks, where they do not stay for ever
        self._source, self._opened = source, replace(opened, head=b"")
        self.href, self.size, self.version = opened.href, opened.size, opened.version
        self._blocks = _blocks.of_file(self._key, opened.size, opened.head)

    @property
    def _key(self) -> tuple[str, str]:
        return self.href, self.version

    def pread(self, count: int, offset: int) -> bytes:
        """See ``ByteReader.pread``."""
        return self._blocks.read(count, offset, self._read)

    def load(self, spans: Sequence[Span]) -> None:
        """Read spans together for later calls of ``pread``.

        Raises:
            SourceUnavailable: see ``pread``.
        """
        self._blocks.load(spans, self._read)

    def tile(self, count: int, offset: int) -> bytes:
        """See ``ByteReader.tile``."""
        return self.tiles([(offset, count)])[offset, count]

    def tiles(self, spans: Sequence[Span]) -> Mapping[Span, bytes]:
        """See ``ByteReader.tiles``."""
        return _tiles.fetch(self._key, spans, self._read_tiles)

    def file(self) -> "ReaderFile":
        """See ``ByteReader.file``."""
        return ReaderFile(self)

    def _read_tiles(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of tiles; those of the first block are known, unless it was dropped."""
        in_head = [span for span in spans if sum(span) <= HEAD_BYTES]
        behind_head = [span for span in spans if sum(span) > HEAD_BYTES]
        tiles = {span: self.pread(span[1], span[0]) for span in in_head}
        tiles |= zip(behind_head, self._read(behind_head) if behind_head else [], strict=True)
        return [tiles[span] for span in spans]

    def _read(self, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of spans from the source.

        Raises:
            SourceUnavailable: of the source, or because bytes are missing.
        """
        try:
            parts = self._source.read(self._opened, spans)
        except SourceUnavailable:
            _remote_files.doubt(self.href)
            raise
        for (offset, count), part in zip(spans, parts, strict=True):
            if len(part) != max(0, min(count, self.size - offset)):
                raise SourceUnavailable.of_file("its server sent fewer bytes than the file has; ask again")
        return parts


_remote_files = OpenedFiles(lambda href: RemoteReader(source_of(href), source_of(href).open(href)))


class ReaderFile(SeekableFile):
    """A reader as a file.

    Attributes:
        failure: the first error of the reader; libraries may take an error for the end of a damaged file.
    """

    def __init__(self, reader: ByteReader) -> None:
        super().__init__(reader.size)
        self._reader = reader
        self.failure: SourceUnavailable | None = None

    def read(self, count: int = -1, /) -> bytes:
        """Return bytes from the position on; fewer where the file ends, all of them for a negative count.

        Raises:
            SourceUnavailable: see ``ByteReader.pread``.
        """
        try:
            part = self._reader.pread(self.size if count < 0 else count, self._position)
        except SourceUnavailable as error:
            self.failure = self.failure or error
            raise
        self._position += len(part)
        return part

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read bytes into a buffer, and return how many; see ``read``."""
        view = memoryview(buffer).cast("B")
        part = self.read(len(view))
        view[: len(part)] = part
        return len(part)


def open_reader(href: str) -> ByteReader:
    """Open a file in its present version; a remote file that was opened shortly before is not asked for again.

    Raises:
        SourceUnavailable: the file is missing, is no regular file, or cannot be opened.
    """
    if is_local(href):
        return _open_local(href)
    if "://" not in href:
        raise SourceUnavailable.of_file("its address is not a plain file path")
    return _remote_files.present(href)


def reader_of(href: str, version: str) -> ByteReader:
    """Return a reader of a version of a file; of a remote file without a request where it was opened before.

    A local file is opened in its present version: whoever reads its pixels looks at its version before and after.

    Args:
        href: of the file.
        version: of a remote file; "" for any.

    Raises:
        SourceUnavailable: see ``open_reader``; or a remote file has another version now.
    """
    if is_local(href):
        return _open_local(href)
    opened = _remote_files.known(href, version)
    if opened is not None:
        return opened
    reader = open_reader(href)
    if version and reader.version != version:
        _remote_files.doubt(href)
        reader = open_reader(href)
    if version and reader.version != version:
        raise SourceUnavailable.of_file(CHANGED)
    return reader


def open_ahead(hrefs: Iterable[str]) -> dict[str, SourceUnavailable]:
    """Open remote files at the same time, so that ``open_reader`` need not wait for each; of very many the first.

    Returns:
        The errors of those that cannot be opened.
    """
    return _remote_files.open_ahead(href for href in hrefs if "://" in href)


def ask_again(hrefs: Iterable[str]) -> None:
    """Let the next ``open_reader`` of each remote file ask for its version, however shortly before it was opened."""
    for href in hrefs:
        _remote_files.doubt(href)


def _open_local(href: str) -> LocalReader:
    if href.startswith("/vsi"):
        raise SourceUnavailable.of_file("its address is not a plain file path")
    try:
        return LocalReader(href, open_regular(href))
    except NotRegular as error:
        raise SourceUnavailable.of_file("it is not a regular file") from error
    except LinkInPath as error:
        raise SourceUnavailable.of_file("its path leads through a link that was put there since; ask again") from error
    except FileNotFoundError as error:
        raise SourceUnavailable.of_file("the file is missing") from error
    except (OSError, ValueError) as error:
        raise SourceUnavailable.of_file("the file cannot be opened by this server") from error


def version_of(status: os.stat_result) -> str:
    """Return a text that changes when a file does: modification and change time in ns, inode, and size in bytes.

    Size and modification time alone are not enough: a copy may have those of its original.
    """
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}-{status.st_ctime_ns}"
