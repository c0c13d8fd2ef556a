"""Checks the bytes of one file as they come."""

from rasterwire.checksum import concatenated
from rasterwire.client.errors import CorruptData, Garbled
from rasterwire.client.expected import check_size
from rasterwire.client.wire import Piece
from rasterwire.units import plural_text
from rasterwire.v1 import download_pb2


class Checker:
    """Checks the chunks of one file as they come.

    Attributes:
        offset: bytes so far.
        info: about the file, from the server, or None so far.
        etag: of the file that the bytes so far are of, or "".
        crc32c: of the bytes so far.
        plan: that the file was made by, or None.
    """

    def __init__(self, plan: download_pb2.DownloadPlan | None = None, offset: int = 0, limit: int = 0) -> None:
        """Begin at an offset.

        Args:
            plan: that the size of the file is held against.
            offset: of the first byte.
            limit: bytes that were asked for; 0 means all that follow.
        """
        self.offset = offset
        self.etag = ""
        self._start = offset
        self._limit = limit
        self.info: download_pb2.FileInfo | None = None
        self.plan = plan
        self.crc32c = 0
        self._is_over = False

    @property
    def left(self) -> int:
        """Bytes that are still to be asked for; 0 means all."""
        return self._limit and self._start + self._limit - self.offset

    @property
    def is_full(self) -> bool:
        """Whether all came that was asked for by a limit."""
        return self._limit > 0 and self.left <= 0

    def _end(self, size: int) -> int:
        return min(size, self._start + self._limit) if self._limit else size

    def begin(self) -> None:
        """Expect the messages of one more call, which goes on at the offset."""
        self._is_over = False

    def resume(self, etag: str, offset: int, crc32c: int) -> None:
        """Go on behind bytes of an earlier process."""
        self.etag, self.offset, self.crc32c = etag, offset, crc32c

    def expect(self, plan: download_pb2.DownloadPlan) -> None:
        """Hold the size of the file against a plan that comes with it.

        Raises:
            CorruptData: there was one before.
        """
        if self.plan is not None:
            raise CorruptData("the server told two plans for one file")
        self.plan = plan

    def check(self, piece: Piece) -> memoryview:
        """Return the bytes of a chunk.

        Raises:
            Garbled: they are not the ones that follow, or not the ones that were sent.
            CorruptData: they are those of another file, or too many.
        """
        chunk = piece.info
        if self._is_over:
            raise CorruptData("the server goes on after the end of the file")
        if chunk.HasField("file"):
            self._take(chunk.file)
        data = piece.data
        if not data:
            self._is_over = chunk.HasField("file") and self.offset == self._end(chunk.file.size_bytes)
            return data
        if self.info is None:
            raise Garbled("bytes came before the server told of what file they are")
        if chunk.offset != self.offset:
            raise Garbled(f"a chunk for offset {chunk.offset} came where {self.offset} is next")
        if self.offset + len(data) > self._end(self.info.size_bytes):
            what = f"{self.info.size_bytes} that the server told" if not self._limit else f"{self._limit} asked for"
            raise CorruptData(f"bytes came beyond the {what}")
        checksum = piece.checksum()
        if chunk.crc32c != checksum:
            raise Garbled(f"the checksum of the chunk at offset {chunk.offset} is wrong")
        self.crc32c = concatenated(self.crc32c, checksum, len(data))
        self.offset += len(data)
        return data

    def _take(self, info: download_pb2.FileInfo) -> None:
        """Take what is told of the whole file, which may change in its checksum alone."""
        if (self.info is not None or self.etag) and self.etag != info.etag:
            raise CorruptData("the server sends another file than before; start again")
        if self.info is not None and self.info.size_bytes != info.size_bytes:
            raise CorruptData(
                f"the server told {plural_text(self.info.size_bytes, 'byte')} before, and now {info.size_bytes}"
            )
        if self.info is None and self.plan is not None:
            check_size(self.plan, info.size_bytes)
        self.info = info
        self.etag = info.etag

    def end(self) -> download_pb2.FileInfo:
        """Return the file's info once all came that was asked for.

        Raises:
            Garbled: bytes are missing.
        """
        if self.info is None or self.offset < self._end(self.info.size_bytes):
            expected = "no size" if self.info is None else plural_text(self.info.size_bytes, "byte")
            raise Garbled(f"the stream ended after {plural_text(self.offset, 'byte')}, the server told {expected}")
        return self.info

    def finish(self) -> download_pb2.FileInfo:
        """Return the file's info once all came, and is right where that is all of the file.

        Raises:
            CorruptData: bytes are missing, or the whole is not what the server says.
        """
        info = self.end()
        if self._start == 0 and self.offset == info.size_bytes and self.crc32c != info.crc32c:
            raise CorruptData("the checksum of the whole file is wrong")
        return info
