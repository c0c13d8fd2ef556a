"""The server's own encoder of messages, compared with protobuf's."""

import io
from pathlib import Path

import pytest

from cases import every
from rasterwire.server import open_files
from rasterwire.server.grpc.wire import Answer, with_data
from rasterwire.server.open_files import OpenFile
from rasterwire.v1 import download_pb2, download_service_pb2


@every("size", [0, 1, 127, 128, 16_383, 16_384, 1 << 20, (1 << 21) + 5])
@every(
    "answer",
    [
        download_service_pb2.ReadDownloadResponse(),
        download_service_pb2.StreamDownloadResponse(),
        download_service_pb2.StreamDownloadResponse(plan=download_pb2.DownloadPlan(filename="a.npy", etag="e")),
    ],
)
@every(
    "chunk",
    [
        download_pb2.DownloadChunk(),
        download_pb2.DownloadChunk(offset=1 << 40, crc32c=0),
        download_pb2.DownloadChunk(offset=3, crc32c=7, file=download_pb2.FileInfo(filename="a.npy", size_bytes=9)),
    ],
)
def test_an_answer_is_read_as_what_protobuf_would_have_written(
    answer: Answer, chunk: download_pb2.DownloadChunk, size: int
) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    expected = type(answer).FromString(answer.SerializeToString())
    expected.chunk.CopyFrom(chunk)
    expected.chunk.data = data
    assert type(answer).FromString(with_data(answer, chunk, data)) == expected


def test_a_file_that_cannot_be_read_at_once_is_left_to_who_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = tmp_path / "file", bytes(range(256)) * 9
    path.write_bytes(data)
    with path.open("rb") as file:
        opened = OpenFile(file, download_pb2.FileInfo())
        assert opened.read(5, 1000) == data[5:1005]
        chunk = opened.read_now(5, 1000)
        assert chunk is None or bytes(chunk) == data[5:1005]  # not every file system reports it
        assert opened.read_now(len(data) - 3, 10) is None  # fewer bytes than there should be
        assert opened.read(len(data) - 3, 10) == data[-3:]
        monkeypatch.setattr(open_files, "_AT_ONCE", None)  # not every system supports it
        assert opened.read_now(5, 1000) is None


def test_what_is_in_memory_is_read_at_once() -> None:
    opened = OpenFile(io.BytesIO(b"0123456789"), download_pb2.FileInfo())
    assert bytes(opened.read_now(2, 3) or b"") == b"234"
    assert bytes(opened.read_now(8, 5) or b"") == b"89"
