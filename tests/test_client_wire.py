"""The client's own parser of chunks, compared with protobuf's."""

import google_crc32c
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from rasterwire.checksum import concatenated
from rasterwire.client.checker import Checker
from rasterwire.client.errors import CorruptData
from rasterwire.client.wire import read_answer
from rasterwire.server.grpc.wire import with_data
from rasterwire.v1 import download_pb2, download_service_pb2

Response = download_service_pb2.StreamDownloadResponse

SIZES = [0, 1, 2, 3, 127, 128, 4095, 4096, 131_200, (1 << 20) - 1, 1 << 20, (1 << 20) + 5]

chunks = st.builds(
    download_pb2.DownloadChunk,
    data=st.binary(max_size=300),
    offset=st.integers(0, 1 << 60),
    crc32c=st.one_of(st.none(), st.integers(0, (1 << 32) - 1)),
    progress=st.one_of(st.none(), st.builds(download_pb2.RenderProgress, blocks_done=st.integers(0, 9))),
    file=st.one_of(st.none(), st.builds(download_pb2.FileInfo, filename=st.text(max_size=200))),
)
unknown = st.sampled_from([b"", b"\xf8\x07\x01", b"\xfa\x07\x02ab", b"\xf9\x07" + bytes(8), b"\xfd\x07" + bytes(4)])


@given(chunks, unknown, unknown, st.booleans())
def test_any_message_is_read_as_protobuf_reads_it(
    chunk: download_pb2.DownloadChunk, inside: bytes, behind: bytes, planned: bool
) -> None:
    """``inside`` and ``behind`` are fields that a later version of the schema may have."""
    whole = download_pb2.DownloadChunk.FromString(chunk.SerializeToString() + inside)
    answer = Response(chunk=whole, plan=download_pb2.DownloadPlan(etag="e") if planned else None)
    message = answer.SerializeToString() + behind
    piece = read_answer(message)
    assert bytes(piece.data) == chunk.data
    assert piece.checksum() == google_crc32c.value(chunk.data)
    whole.ClearField("data")
    assert piece.info == whole


@pytest.mark.parametrize("size", SIZES)
def test_what_the_server_writes_is_read_and_summed(size: int) -> None:
    data = (b"rasterwire" * (size // 10 + 1))[:size]
    chunk = download_pb2.DownloadChunk(offset=1 << 33, crc32c=google_crc32c.value(data))
    piece = read_answer(with_data(Response(plan=download_pb2.DownloadPlan(etag="e")), chunk, data))
    assert (bytes(piece.data), piece.info) == (data, chunk)
    assert piece.checksum() == google_crc32c.value(data)


@given(st.binary(max_size=60))
def test_what_protobuf_reads_is_not_read_otherwise(message: bytes) -> None:
    try:
        expected = Response.FromString(message).chunk
    except DecodeError:
        return
    try:
        piece = read_answer(message)
    except DecodeError as error:
        assert "wire type" in str(error)  # groups, which this schema does not have
    else:
        assert bytes(piece.data) == expected.data


def test_an_answer_that_was_cut_short_is_refused() -> None:
    chunk = download_pb2.DownloadChunk(offset=7, crc32c=1, file=download_pb2.FileInfo(filename="a.tif"))
    message = with_data(download_service_pb2.ReadDownloadResponse(), chunk, b"0123456789")
    for size in range(1, len(message)):
        with pytest.raises(DecodeError):
            read_answer(message[:size])


def test_bytes_beyond_what_the_server_told_are_refused() -> None:
    checker = Checker()
    for offset, file in ((0, download_pb2.FileInfo(size_bytes=5)), (3, None)):
        chunk = download_pb2.DownloadChunk(offset=offset, crc32c=google_crc32c.value(b"abc"), file=file)
        piece = read_answer(with_data(Response(), chunk, b"abc"))
        if offset:
            with pytest.raises(CorruptData, match="beyond the 5"):
                checker.check(piece)
        else:
            checker.check(piece)


@pytest.mark.parametrize("size", SIZES)
def test_checksums_are_joined(size: int) -> None:
    first, second = b"\x00\xffabc", bytes(range(256)) * (size // 256) + bytes(size % 256)
    parts = google_crc32c.value(first), google_crc32c.value(second)
    assert concatenated(*parts, size) == google_crc32c.value(first + second)
    assert concatenated(0, parts[1], size) == parts[1]


def test_the_checksum_of_a_file_is_that_of_its_chunks_together() -> None:
    data = bytes(range(256)) * 5000
    checker = Checker()
    for offset in range(0, len(data), 1 << 17):
        part = data[offset : offset + (1 << 17)]
        first, last = offset == 0, offset + len(part) == len(data)
        crc32c = google_crc32c.value(data) if last else 0
        file = download_pb2.FileInfo(size_bytes=len(data), crc32c=crc32c) if first or last else None
        chunk = download_pb2.DownloadChunk(offset=offset, crc32c=google_crc32c.value(part), file=file)
        assert bytes(checker.check(read_answer(with_data(Response(), chunk, part)))) == part
    assert checker.finish().size_bytes == len(data)
