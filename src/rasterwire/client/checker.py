"""Checks the bytes of one file as they come."""

from rasterwire.checksum import joined
from rasterwire.client.errors import CorruptData
from rasterwire.client.expected import check_size
from rasterwire.client.wire import Piece
from rasterwire.v1 import download_pb2


class Checker:
    """Checks the chunks of one file as they come.

    Attributes:
        offset: bytes so far.
        info: about the file, from the server, or None so far.
        plan: that the file was made by, or None.
    """

    def __init__(self, plan: download_pb2.DownloadPlan | None = None) -> None:
        """Begin at offset 0; the size of the file is held against the plan, where there is one."""
        self.offset = 0
        self.info: download_pb2.FileInfo | None = None
        self.plan = plan
        self._crc = 0
        self._is_over = False

    def begin(self) -> None:
        """Expect the messages of one more call, which goes on at the offset."""
        self._is_over = False

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
            CorruptData: they are not the ones that follow, or not the ones that were sent.
        """
        chunk = piece.told
        if self._is_over:
            raise CorruptData("the server goes on after the end of the file")
        if chunk.HasField("file"):
            self._take(chunk.file)
        data = piece.data
        if not data:
            self._is_over = chunk.HasField("file") and self.offset == chunk.file.size_bytes
            return data
        if self.info is None:
            raise CorruptData("bytes came before the server told of what file they are")
        if chunk.offset != self.offset:
            raise CorruptData(f"a chunk for offset {chunk.offset} came where {self.offset} is next")
        if self.offset + len(data) > self.info.size_bytes:
            raise CorruptData(f"bytes came beyond the {self.info.size_bytes} that the server told")
        checksum = piece.checksum()
        if chunk.crc32c != checksum:
            raise CorruptData(f"the checksum of the chunk at offset {chunk.offset} is wrong")
        self._crc = joined(self._crc, checksum, len(data))
        self.offset += len(data)
        return data

    def _take(self, info: download_pb2.FileInfo) -> None:
        """Take what is told of the whole file, which may change in its checksum alone."""
        if self.info is not None and self.info.etag != info.etag:
            raise CorruptData("the server sends another file than before; start again")
        if self.info is not None and self.info.size_bytes != info.size_bytes:
            raise CorruptData(f"the server told {self.info.size_bytes} bytes before, and now {info.size_bytes}")
        if self.info is None and self.plan is not None:
            check_size(self.plan, info.size_bytes)
        self.info = info

    def finish(self) -> download_pb2.FileInfo:
        """Return the file's info once all of it came.

        Raises:
            CorruptData: bytes are missing, or the whole is not what the server says.
        """
        if self.info is None or self.offset != self.info.size_bytes:
            expected = "no size" if self.info is None else f"{self.info.size_bytes} bytes"
            raise CorruptData(f"the stream ended after {self.offset} bytes, the server told {expected}")
        if self._crc != self.info.crc32c:
            raise CorruptData("the checksum of the whole file is wrong")
        return self.info
