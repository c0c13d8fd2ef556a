"""Checksums that are computed while files are written, compared with those of the files read again."""

import io
import os
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasterwire.store.checksum_file import ChecksumFile

PIECE = 1 << 18


def test_the_checksum_of_a_file_written_in_order(tmp_path: Path) -> None:
    data = os.urandom(3 * PIECE + 5)
    raw = ChecksumFile(tmp_path / "a")
    with io.BufferedRandom(raw) as file:
        file.write(data)
        file.flush()
        assert raw.size_and_crc() == (len(data), google_crc32c.value(data))
    assert (tmp_path / "a").read_bytes() == data


def test_the_checksum_of_a_file_whose_start_is_overwritten(tmp_path: Path) -> None:
    raw = ChecksumFile(tmp_path / "a")
    with io.BufferedRandom(raw) as file:
        file.write(bytes(16) + os.urandom(2 * PIECE))
        file.seek(4)
        file.write(b"head")
        file.seek(2)
        file.write(b"ahead of it")
        file.flush()
        size_and_crc = raw.size_and_crc()
    data = (tmp_path / "a").read_bytes()
    assert size_and_crc == (len(data), google_crc32c.value(data))


@given(
    writes=st.lists(
        st.tuples(st.integers(0, 3 * PIECE), st.one_of(st.binary(max_size=40), st.sampled_from([b"x" * 2 * PIECE]))),
        max_size=8,
    )
)
def test_the_checksum_of_writes_anywhere_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("checksum")
    raw = ChecksumFile(folder / "a")
    with io.BufferedRandom(raw) as file:
        for offset, data in writes:
            file.seek(offset)
            file.write(data)
        file.flush()
        size_and_crc = raw.size_and_crc()
    data = (folder / "a").read_bytes()
    assert size_and_crc == (len(data), google_crc32c.value(data))
