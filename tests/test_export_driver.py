"""What the driver of exports does with images, stores and destinations that fail."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.download import NO_METER
from rasterwire.errors import DownloadConflict, SourceUnavailable, StorageUnavailable, WorkersUnavailable
from rasterwire.export import attempt as attempts
from rasterwire.export import claims
from rasterwire.export import driver as drivers
from rasterwire.export.attempt import Attempt
from rasterwire.export.claims import ExportClaims
from rasterwire.export.destination import UnknownUpload
from rasterwire.export.driver import ExportDriver
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.export.job import ExportJob
from rasterwire.export.side_files import write_file
from rasterwire.render.engine import SerialEngine
from rasterwire.store.jobs import ENDED, ExportRecord, ExportState, PartRecord
from rasterwire.store.leases import SqliteLeases
from rasterwire.store.sqlite_jobs import SqliteJobStore

GRID = GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")


@dataclass
class Work:
    """An export of two steps, each of which does what the test says."""

    make_parts: Callable[[], None] = lambda: None
    finish: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)


class Driver(ExportDriver):
    """Makes what a test says."""

    work: Work

    def _work(self, *_: object) -> Work:
        return self.work


@dataclass
class Bench:
    """A store, and drivers over it."""

    jobs: SqliteJobStore
    folder: Path
    stack: ExitStack

    def drive(self, work: Work, replan: Callable[[ExportRecord], ExportJob]) -> Driver:
        claimed = ExportClaims(self.jobs, SqliteLeases(self.folder / "leases.sqlite"), "x")
        kind = type("Of", (Driver,), {"work": work})
        destinations = {"results": FolderDestination(self.folder / "results")}
        driver: Driver = kind(claimed, destinations, SerialEngine(), self.folder / "scratch", replan, NO_METER)
        self.stack.callback(driver.close)
        return driver

    def put(self, number: int = 1, priority: int = 100) -> str:
        record = ExportRecord(f"{number:032x}", "", "", b"", "results", "p", "", "etag", 1, 1, 1, priority)
        return self.jobs.put(record).id

    def ended(self, export_id: str) -> ExportRecord:
        while True:
            record = self.jobs.get(export_id)
            assert record is not None
            if record.state in ENDED:
                return record


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(drivers, "_SOURCE_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(drivers, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(drivers, "_WORKERS_PAUSE", 0.0)
    monkeypatch.setattr(attempts, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(claims, "_FIRST_PAUSE", 0.0)
    with ExitStack() as stack:
        jobs = stack.enter_context(closing(SqliteJobStore(tmp_path / "exports.sqlite")))
        yield Bench(jobs, tmp_path, stack)


def plain(_: ExportRecord) -> ExportJob:
    return ExportJob(SimpleNamespace(image_id="a", rasters=()), "p")  # type: ignore[arg-type]


def failing(times: int, error: Exception) -> Callable[[], None]:
    """Return what fails so many times."""
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise error

    return call


@pytest.mark.parametrize(("times", "state"), [(2, ExportState.SUCCEEDED), (3, ExportState.FAILED)])
def test_an_image_that_cannot_be_read_is_tried_three_times(bench: Bench, times: int, state: ExportState) -> None:
    export_id = bench.put()
    bench.drive(Work(failing(times, SourceUnavailable("", "B1", "it is gone"))), plain)
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (state, 1)
    if state is ExportState.FAILED:
        failure = json.loads(record.failure)
        assert failure["reason"] == "SOURCE_UNAVAILABLE"
        assert [scene["image"] for scene in failure["scenes"]] == ["a"]


@pytest.mark.parametrize("error", [StorageUnavailable(), WorkersUnavailable()])
def test_what_is_away_for_long_costs_an_attempt_and_not_the_export(bench: Bench, error: Exception) -> None:
    export_id = bench.put()
    bench.drive(Work(failing(3, error)), plain)
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (ExportState.SUCCEEDED, 4)


def test_an_export_that_comes_no_further_fails_at_last(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "_MAX_ATTEMPTS", 5)
    export_id = bench.put()
    bench.drive(Work(failing(1000, StorageUnavailable())), plain)
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (ExportState.FAILED, 6)
    assert json.loads(record.failure)["reason"] == "TOO_MANY_ATTEMPTS"


def test_an_image_that_changed_fails_the_export(bench: Bench) -> None:
    def changed(_: ExportRecord) -> ExportJob:
        raise DownloadConflict("download: the image changed")

    export_id = bench.put()
    bench.drive(Work(), changed)
    assert json.loads(bench.ended(export_id).failure)["reason"] == "DOWNLOAD_CONFLICT"


def test_an_unexpected_error_fails_the_export_without_its_words(bench: Bench) -> None:
    export_id = bench.put()
    bench.drive(Work(failing(1, RuntimeError("/secret/path"))), plain)
    record = bench.ended(export_id)
    assert record.state is ExportState.FAILED
    assert "secret" not in record.failure


def test_an_attempt_removes_nothing_of_an_export_that_another_has_taken_over(bench: Bench) -> None:
    export_id, seen, begins = bench.put(), list[Driver](), threading.Event()

    def lose() -> None:
        begins.wait()
        FolderDestination(bench.folder / "results").put("p.tif", b"whole")
        seen[0]._running[export_id].save(PartRecord(0, "p.tif", size=5))
        other = bench.jobs.claim(export_id)
        assert other is not None
        assert bench.jobs.end(export_id, other.attempt, ExportState.SUCCEEDED)
        raise UnknownUpload("p.tif")  # as the other has aborted it

    seen.append(bench.drive(Work(lose), plain))
    begins.set()
    assert bench.ended(export_id).state is ExportState.SUCCEEDED
    while seen[0]._claims:
        pass
    assert (bench.folder / "results" / "p.tif").read_bytes() == b"whole"


def test_a_failure_whose_files_could_not_be_removed_is_told_by_who_removes_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id, seen, begins = bench.put(), list[Driver](), threading.Event()
    delete, read = failing(1, StorageUnavailable()), failing(1, SourceUnavailable("a", "B1", "it is gone"))
    monkeypatch.setattr(FolderDestination, "delete", lambda *_: delete())

    def fail() -> None:
        begins.wait()
        seen[0]._running[export_id].save(PartRecord(0, "p.tif", size=5))
        read()

    monkeypatch.setattr(drivers, "_SOURCE_PAUSES", ())
    seen.append(bench.drive(Work(fail), plain))
    begins.set()
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (ExportState.FAILED, 2)
    assert json.loads(record.failure)["reason"] == "SOURCE_UNAVAILABLE"


def test_what_cannot_be_removed_for_an_unknown_reason_ends_the_export(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(Driver, "_remove", broken)
    export_id = bench.put()
    bench.drive(Work(failing(1, RuntimeError())), plain)
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (ExportState.FAILED, 1)
    assert json.loads(record.failure)["reason"] == "INTERNAL"


def test_an_error_that_nobody_expects_does_not_end_the_looking(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = failing(3, RuntimeError())
    monkeypatch.setattr(ExportClaims, "renew", lambda _: renew())
    export_id = bench.put()
    bench.drive(Work(), plain)
    assert bench.ended(export_id).state is ExportState.SUCCEEDED


def test_exports_that_cannot_be_removed_leave_room_for_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_FIRST_PAUSE", 3600.0)

    def unreachable(driver: Driver, attempt: Attempt, *_: object) -> None:
        tried.append(attempt.record.id)
        raise StorageUnavailable

    def replan(record: ExportRecord) -> ExportJob:
        if record.priority == 100:
            raise DownloadConflict("download: the image changed")
        return plain(record)

    tried: list[str] = []
    monkeypatch.setattr(Driver, "_remove", unreachable)
    stuck = [bench.put(number) for number in (1, 2, 3)]
    later = bench.put(4, priority=1)
    bench.drive(Work(), replan)
    assert bench.ended(later).state is ExportState.SUCCEEDED
    while {*tried} != {*stuck}:  # the last one may begin beside the one that succeeds
        pass
    assert sorted(tried) == stuck  # each once


def test_a_driver_that_is_closed_leaves_its_exports_to_the_next(bench: Bench) -> None:
    begun, export_id = threading.Event(), bench.put()
    seen: list[Driver] = []

    def wait() -> None:
        begun.set()
        attempt = seen[0]._running[export_id]
        while not attempt.is_stopped:
            attempt._stopped.wait(1)
        attempt.check()

    driver = bench.drive(Work(wait), plain)
    seen.append(driver)
    begun.wait()
    driver.close()
    record = bench.jobs.get(export_id)
    assert record is not None
    assert (record.state, record.attempt) == (ExportState.RUNNING, 1)
    bench.drive(Work(), plain)
    assert (bench.ended(export_id).state, bench.ended(export_id).attempt) == (ExportState.SUCCEEDED, 2)


def test_uploads_that_nobody_knows_of_are_removed_when_the_export_goes_on(bench: Bench) -> None:
    destination = FolderDestination(bench.folder / "results")
    export_id, other = bench.put(), bench.put(2)
    first = bench.jobs.claim(export_id)  # an attempt that is killed after it began an upload
    of_other = bench.jobs.claim(other)
    assert first is not None
    assert of_other is not None
    names = ("p.tif", "p-0000000000-0000000512.tif", "p.tif", "p2.tif", "p/q.tif", "p.mp4", "p.tar.gz", "p.tif")
    stray, tile, known, *of_others, late = ((name, destination.begin(name, {})) for name in names)
    for _, upload in (stray, tile, known, *of_others):
        os.utime(bench.folder / "results" / ".uploads" / upload / "key", (0, 0))
    assert bench.jobs.put_part(other, PartRecord(0, *known, attempt=of_other.attempt))
    seen: list[object] = []
    leases = SqliteLeases(bench.folder / "leases.sqlite")
    bench.stack.callback(leases.close)
    assert leases.acquire(f"exports/{other}", "another", 600) is not None
    bench.drive(Work(lambda: seen.extend(destination.uploads(""))), plain)
    record = bench.ended(export_id)
    assert (record.state, record.attempt) == (ExportState.SUCCEEDED, 2)
    assert {*seen} == {known, *of_others, late}


def test_a_file_that_was_finished_though_the_destination_does_not_know_is_whole(tmp_path: Path) -> None:
    class Forgetful(FolderDestination):
        def finish(self, key: str, *arguments: Any, **options: Any) -> None:
            super().finish(key, *arguments, **options)
            raise UnknownUpload(key)

    data = bytes(17 << 20)
    with closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs:
        jobs.put(ExportRecord("1" * 32, "", "", b"", "results", "p", "", "etag", 1, 1, 1, 1))
        record = jobs.claim("1" * 32)
        assert record is not None
        attempt = Attempt(jobs, record, lambda _: None)
        write_file(attempt, Forgetful(tmp_path / "results"), PartRecord(0, "p.tif"), BytesIO(data), "image/tiff", False)
        assert attempt.is_done(0)
    assert (tmp_path / "results" / "p.tif").read_bytes() == data
