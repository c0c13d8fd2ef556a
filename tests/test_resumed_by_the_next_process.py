"""A later process resumes the download of an ended one, if the file is the same."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import pytest

from rasterwire.client import transfer
from rasterwire.v1 import download_pb2
from scripted import Scripted, chunks_of, client_of, info_of

DATA = bytes(range(256)) * 40
SIZE = 1024
PARAMS = {"image": "a"}


def serving(etag: str = "e1", data: bytes = DATA) -> Scripted:
    plan = download_pb2.DownloadPlan(format=download_pb2.FORMAT_NPY, estimated_bytes=len(data), etag=etag, filename="x")
    return Scripted(plan, lambda request, _: chunks_of(data, info_of(data, etag, "x"), request.read_offset, SIZE))


def die(path: Path) -> None:
    """Start a download and interrupt it after the half, as the end of a process does."""

    def ended(size: int, _: int | None) -> None:
        if size >= len(DATA) // 2:
            raise KeyboardInterrupt

    with client_of(serving()) as client, pytest.raises(KeyboardInterrupt):
        client.download(PARAMS, path, progress=ended)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_SYNCED", 2 * SIZE)


def test_the_next_process_goes_on_where_the_last_one_was_ended(tmp_path: Path) -> None:
    for path in (tmp_path / "x", tmp_path):
        die(path)
        notes = tmp_path / "x.part.json"
        document = json.loads(notes.read_text())
        assert stat.S_IMODE(notes.stat().st_mode) == 0o600
        assert 0 < document["offset"] <= len(DATA) // 2
        assert document["crc32c"] == google_crc32c.value(DATA[: document["offset"]])
        server = serving()
        with client_of(server) as client:
            client.download(PARAMS, path)
        assert server.requests == [(document["offset"], "e1")]
        assert (tmp_path / "x").read_bytes() == DATA
        assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
        (tmp_path / "x").unlink()


def test_what_is_another_file_or_was_changed_or_is_not_wanted_begins_anew(tmp_path: Path) -> None:
    path, part, notes = tmp_path / "x", tmp_path / "x.part", tmp_path / "x.part.json"
    changes: dict[str, Callable[[], object]] = {
        "another etag": lambda: None,
        "restart": lambda: None,
        "bytes that changed": lambda: part.write_bytes(b"?" + part.read_bytes()[1:]),
        "bytes that are gone": lambda: part.write_bytes(b""),
        "a note that is none": lambda: notes.write_text("[1]"),
        "a note of other types": lambda: notes.write_text('{"etag": "e1", "offset": "a", "crc32c": 0}'),
    }
    for name, change in changes.items():
        die(path)
        change()
        is_other = name == "another etag"
        data = DATA[::-1] if is_other else DATA
        server = serving("e2" if is_other else "e1", data)
        with client_of(server) as client:
            client.download(PARAMS, path, restart=name == "restart")
        assert server.requests == [(0, "")], name
        assert path.read_bytes() == data, name
        assert [entry.name for entry in tmp_path.iterdir()] == ["x"], name
        path.unlink()


def test_two_that_write_one_name_do_not_mix(tmp_path: Path) -> None:
    with client_of(serving("e2", DATA[::-1])) as second:

        def meanwhile(size: int, total: int | None) -> None:
            if size == SIZE:
                second.download(PARAMS, tmp_path / "x")
                assert (tmp_path / "x").read_bytes() == DATA[::-1]

        with client_of(serving()) as first:
            first.download(PARAMS, tmp_path / "x", progress=meanwhile)
    assert (tmp_path / "x").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_part_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"theirs")
    with client_of(serving()) as client:
        client.download(PARAMS, tmp_path / "x")
    assert (tmp_path / "x.part").read_bytes() == b"theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.part"]
