"""Exports and files that were there before: an export removes none but its own."""

from collections.abc import Iterator, Sequence

import pytest

from effort import HANG
from exporting import Exporter, exporter, warped
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.v1 import export_service_pb2
from rasterwire.v1.export_service_pb2 import Export
from waiting import until


@pytest.fixture(scope="module")
def replacing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter(tmp_path_factory.mktemp("replacing")) as running:
        yield running


def test_a_cancelled_export_leaves_the_file_that_it_was_to_replace(replacing: Exporter) -> None:
    before = replacing.ended(replacing.create(warped(), prefix="kept").name)
    pixels = (replacing.folder / "kept.tif").read_bytes()
    params = warped()
    params.scale = 0.5
    export = replacing.create(params, prefix="kept", overwrite=True, max_pixels=10**9)
    until(lambda: replacing.get(export.name).parts_done > 0, wanted=True)
    replacing.stub.CancelExport(export_service_pb2.CancelExportRequest(name=export.name), timeout=HANG)
    assert replacing.ended(export.name).state == Export.STATE_CANCELLED
    assert (replacing.folder / "kept.tif").read_bytes() == pixels
    assert [name for name in replacing.files() if name.startswith("kept")] == [file.key for file in before.files]


def test_an_export_leaves_a_file_that_another_has_made_meanwhile(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = FolderDestination.finish

    def finish_late(
        destination: FolderDestination,
        key: str,
        upload: str,
        parts: Sequence[tuple[int, str]],
        *,
        replace: bool = False,
    ) -> None:
        (replacing.folder / key).write_bytes(b"of another")
        finish(destination, key, upload, parts, replace=replace)

    monkeypatch.setattr(FolderDestination, "finish", finish_late)
    ended = replacing.ended(replacing.create(warped(), prefix="raced").name)
    assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "FILE_EXISTS")
    assert (replacing.folder / "raced.tif").read_bytes() == b"of another"
    assert [name for name in replacing.files() if "raced" in name] == ["raced.tif"]
