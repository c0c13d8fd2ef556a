"""Files that know their checksum: the oracle reads them again."""

import io
import os
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasterwire.store.summing import SummingFile

PIECE = 1 << 18


def test_what_is_written_front_to_back_is_summed(tmp_path: Path) -> None:
    data = os.urandom(3 * PIECE + 5)
    summing = SummingFile(tmp_path / "a")
    with io.BufferedRandom(summing) as file:
        file.write(data)
        file.flush()
        assert summing.told() == (len(data), google_crc32c.value(data))
    assert (tmp_path / "a").read_bytes() == data


def test_what_is_written_over_at_the_end_is_summed(tmp_path: Path) -> None:
    summing = SummingFile(tmp_path / "a")
    with io.BufferedRandom(summing) as file:
        file.write(bytes(16) + os.urandom(2 * PIECE))
        file.seek(4)
        file.write(b"head")
        file.seek(2)
        file.write(b"ahead of it")
        file.flush()
        told = summing.told()
    data = (tmp_path / "a").read_bytes()
    assert told == (len(data), google_crc32c.value(data))


@given(
    writes=st.lists(
        st.tuples(st.integers(0, 3 * PIECE), st.one_of(st.binary(max_size=40), st.sampled_from([b"x" * 2 * PIECE]))),
        max_size=8,
    )
)
def test_writes_anywhere_in_any_order_are_summed(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("summing")
    summing = SummingFile(folder / "a")
    with io.BufferedRandom(summing) as file:
        for at, data in writes:
            file.seek(at)
            file.write(data)
        file.flush()
        told = summing.told()
    data = (folder / "a").read_bytes()
    assert told == (len(data), google_crc32c.value(data))
