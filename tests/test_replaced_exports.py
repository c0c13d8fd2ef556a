"""Exports and files that were there before: an export removes none but its own."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from effort import HANG
from exporting import Exporter, exporter, warped
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.errors import SourceUnavailable, StorageUnavailable
from rasterwire.export import attempt as attempts
from rasterwire.export import cog_part, file_export
from rasterwire.export import driver as drivers
from rasterwire.export.attempt import Attempt
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.render.block import render_block
from rasterwire.v1 import export_service_pb2
from rasterwire.v1.export_service_pb2 import Export
from waiting import until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "_SOURCE_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(attempts, "_FIRST_WAIT", 0.01)


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


def cancel(exporter: Exporter, name: str) -> None:
    exporter.stub.CancelExport(export_service_pb2.CancelExportRequest(name=name), timeout=HANG)


def put_of_another(exporter: Exporter, prefix: str) -> str:
    """Make the first file of an export of several before it begins, and return its name."""
    key = f"{prefix}-0000000000-0000000000.tif"
    exporter.folder.mkdir(exist_ok=True)
    (exporter.folder / key).write_bytes(b"of another")
    return key


@pytest.mark.parametrize(("times", "overwrite"), [(1, False), (3, False), (3, True)])
def test_an_image_that_cannot_be_read_costs_no_file_of_another(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch, times: int, overwrite: bool
) -> None:
    calls: list[int] = []

    def encode(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) <= times:
            raise SourceUnavailable("a", "B1", "it is gone")
        encode_geotiff(*arguments)

    monkeypatch.setattr(file_export, "encode_geotiff", encode)
    prefix = f"unread-{times}-{overwrite}"
    key = put_of_another(replacing, prefix)
    ended = replacing.ended(replacing.create(warped(), prefix=prefix, file_side=4096, overwrite=overwrite).name)
    reason = "FILE_EXISTS" if times == 1 else "SOURCE_UNAVAILABLE"
    assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, reason)
    assert (replacing.folder / key).read_bytes() == b"of another"


def test_an_export_that_is_cancelled_before_it_finds_a_file_of_another_leaves_it(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    renders, is_cancelled = threading.Event(), threading.Event()

    def encode(*arguments: Any) -> None:
        encode_geotiff(*arguments)
        renders.set()
        is_cancelled.wait()

    monkeypatch.setattr(file_export, "encode_geotiff", encode)
    key = put_of_another(replacing, "late")
    name = replacing.create(warped(), prefix="late", file_side=4096).name
    renders.wait()
    cancel(replacing, name)
    is_cancelled.set()
    assert replacing.ended(name).state == Export.STATE_CANCELLED
    assert (replacing.folder / key).read_bytes() == b"of another"


def test_an_export_that_is_cancelled_before_its_file_is_whole_leaves_that_of_another(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    finishes = threading.Event()

    def fail(*_: object, **__: object) -> None:
        (replacing.folder / "head.tif").write_bytes(b"of another")
        finishes.set()
        raise StorageUnavailable

    monkeypatch.setattr(FolderDestination, "finish", fail)
    name = replacing.create(warped(), prefix="head").name
    finishes.wait()
    cancel(replacing, name)
    assert replacing.ended(name).state == Export.STATE_CANCELLED
    assert (replacing.folder / "head.tif").read_bytes() == b"of another"


def test_a_file_whose_storing_was_not_confirmed_is_known_as_the_exports_own(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, lost = FolderDestination.put, set[str]()

    def put_unheard(destination: FolderDestination, key: str, data: bytes, **options: Any) -> None:
        put(destination, key, data, **options)
        if key not in lost:
            lost.add(key)
            raise StorageUnavailable

    monkeypatch.setattr(FolderDestination, "put", put_unheard)
    ended = replacing.ended(replacing.create(warped(), prefix="unheard", file_side=4096).name)
    assert ended.state == Export.STATE_SUCCEEDED
    assert {file.key for file in ended.files} == lost


@pytest.mark.parametrize(("step", "side"), [("put", 4096), ("finish", 0), ("begin", 0)])
def test_nothing_is_left_of_what_was_stored_while_the_export_was_cancelled(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch, step: str, side: int
) -> None:
    real, prefix, names = getattr(FolderDestination, step), f"cancelled-{step}", list[str]()
    is_asked = threading.Event()

    def do_and_cancel(destination: FolderDestination, key: str, *arguments: Any, **options: Any) -> Any:
        answer = real(destination, key, *arguments, **options)
        is_asked.wait()
        cancel(replacing, names[0])
        return answer

    monkeypatch.setattr(FolderDestination, step, do_and_cancel)
    names.append(replacing.create(warped(), prefix=prefix, file_side=side).name)
    is_asked.set()
    assert replacing.ended(names[0]).state == Export.STATE_CANCELLED
    assert [name for name in replacing.files() if prefix in name or name.startswith(".uploads/")] == []


def test_a_cancelled_export_renders_no_further_and_removes_its_parts_after_the_last_block(
    replacing: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    render, stop, abort = render_block, Attempt.stop, FolderDestination.abort
    renders, is_stopped = threading.Event(), threading.Event()
    lock, running, ended = threading.Lock(), list[object](), set[int]()
    late, at_abort = list[object](), list[int]()

    def render_slowly(raster: Any, window: Any) -> Any:
        with lock:
            running.append(window)
            if threading.get_ident() in ended:
                late.append(window)
        renders.set()
        is_stopped.wait()
        try:
            return render(raster, window)
        finally:
            with lock:
                running.remove(window)
                ended.add(threading.get_ident())  # it knows by now that it is stopped

    def stop_and_tell(attempt: Attempt) -> None:
        stop(attempt)
        is_stopped.set()

    def abort_and_count(destination: FolderDestination, key: str, upload: str) -> None:
        with lock:
            at_abort.append(len(running))
        abort(destination, key, upload)

    monkeypatch.setattr(cog_part, "render_block", render_slowly)
    monkeypatch.setattr(Attempt, "stop", stop_and_tell)
    monkeypatch.setattr(FolderDestination, "abort", abort_and_count)
    params = warped()
    params.scale = 0.5
    name = replacing.create(params, prefix="stopped", max_pixels=10**9).name
    renders.wait()
    cancel(replacing, name)
    assert replacing.ended(name).state == Export.STATE_CANCELLED
    assert (late, at_abort) == ([], [0])
    assert [name for name in replacing.files() if "stopped" in name or name.startswith(".uploads/")] == []
