"""Answers with bytes of a file as they go over the wire, with each byte copied once.

Protobuf copies a field's bytes into the message and again out of it; for chunks of a MiB that is most of
what sending them costs.
"""

from rasterwire.v1 import download_pb2, download_service_pb2

_BYTES = 2
"""Wire type of bytes and messages. Source: https://protobuf.dev/programming-guides/encoding"""

_DATA = bytes([download_pb2.DownloadChunk.DATA_FIELD_NUMBER << 3 | _BYTES])
_CHUNKS = {
    answer: bytes([answer.CHUNK_FIELD_NUMBER << 3 | _BYTES])
    for answer in (download_service_pb2.ReadDownloadResponse, download_service_pb2.StreamDownloadResponse)
}

Answer = download_service_pb2.ReadDownloadResponse | download_service_pb2.StreamDownloadResponse


def with_data(answer: Answer, chunk: download_pb2.DownloadChunk, data: bytes | memoryview) -> bytes:
    """Return the bytes of an answer, once ``chunk`` with ``data`` is set in it.

    Args:
        answer: without its chunk.
        chunk: without its data.
        data: of the chunk.
    """
    # the fields of a message may come in any order
    head = chunk.SerializeToString()
    if data:
        head += _DATA + _varint(len(data))
    size = _varint(len(head) + len(data))
    return b"".join((answer.SerializeToString(), _CHUNKS[type(answer)], size, head, data))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
