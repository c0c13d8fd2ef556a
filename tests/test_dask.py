"""Rendering on Dask: equal bytes, workers and schedulers that end, and what is told where there are none."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from certificates import authority, signed
from dask_workers import WHY_NOT, helpers_found, local_workers
from effort import HANG
from engine_tasks import Deadly, Endless, Gated, Process, Uneven, Unreadable, begun, open_gate
from exporting import exporter, warped
from many_plans import bytes_of, make_images, many_plans
from ports import free_port
from rasterwire.download.render_sizes import block_path
from rasterwire.errors import RenderCancelled, SourceUnavailable, WorkersUnavailable
from rasterwire.export.cog_export import _StoringTask
from rasterwire.export.folder_destination import FolderDestination
from rasterwire.export.parted_cog import PartedCog
from rasterwire.export.within import Within
from rasterwire.plan import RenderPlan
from rasterwire.render.engine import SerialEngine, ThreadEngine
from rasterwire.render.item_check import item_check
from rasterwire.request import Encoding
from rasterwire.server.settings import BadSettings, Settings, load_settings
from rasterwire.v1 import download_pb2
from rasterwire.v1.export_service_pb2 import Export
from serving import served
from waiting import until

pytest.importorskip("distributed", reason=WHY_NOT)

from rasterwire.render import dask_census, dask_tasks
from rasterwire.render.build import OtherBuild
from rasterwire.render.dask_engine import DaskEngine
from rasterwire.render.dask_tasks import Piece
from rasterwire.server.process.doctor.engine import engine_findings

SHORT, ALL = 21, 200


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with local_workers(tmp_path_factory.mktemp("workers"), 2) as workers:
        yield workers


def assert_equal_bytes(plans: list[tuple[str, RenderPlan]], workers: Any, folder: Path, deaths: set[int]) -> None:
    differing = []
    with closing(ThreadEngine(2)) as threads:
        for number, (name, plan) in enumerate(plans):
            expected = bytes_of(plan, threads, folder)
            if number in deaths:
                process = workers.processes[0]
                threading.Timer(0, process.send_signal, [signal.SIGKILL]).start()
            if bytes_of(plan, workers.engine, folder) != expected:
                differing.append(name)
    assert not differing


def test_files_of_some_kinds_have_the_bytes_of_threads_though_a_worker_is_killed(workers: Any, tmp_path: Path) -> None:
    plans = list(many_plans(make_images(tmp_path / "images"), SHORT))
    paths = {block_path(raster) for _, plan in plans for raster in plan.rasters}
    assert paths == {"stored", "rendered", "parts"}
    assert_equal_bytes(plans, workers, tmp_path, {7})


@pytest.mark.slow
@pytest.mark.timeout(3600)  # ten minutes on a busy machine
def test_files_of_all_kinds_have_the_bytes_of_threads_though_workers_are_killed(workers: Any, tmp_path: Path) -> None:
    plans = list(many_plans(make_images(tmp_path / "images"), ALL))
    assert_equal_bytes(plans, workers, tmp_path, {9, 60, 61, 130})


def test_an_item_of_a_killed_worker_is_run_again(workers: Any, tmp_path: Path) -> None:
    assert list(workers.engine.map(Deadly(tmp_path, 3, is_always=False), range(9))) == [*range(9)]
    assert (tmp_path / "dead").exists()


def test_an_item_that_ends_each_worker_is_told_of(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(SourceUnavailable, match="ended each process"):
        list(workers.engine.map(Deadly(tmp_path, 1, is_always=True), range(4)))


def test_a_render_that_nobody_wants_ends_while_its_blocks_are_computed(workers: Any, tmp_path: Path) -> None:
    is_stopped = threading.Event()

    def check() -> None:
        if is_stopped.is_set():
            raise RenderCancelled

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(list, workers.engine.map(Gated(tmp_path), range(50), None, check))
        until(lambda: len(begun(tmp_path)) > 1, True)
        is_stopped.set()
        with pytest.raises(RenderCancelled):
            taken.result(HANG)
    running = len(workers.processes)
    until(lambda: len(workers.cluster.scheduler.tasks) <= running, True)  # what did not begin is dropped
    open_gate(tmp_path)
    until(lambda: len(workers.cluster.scheduler.tasks), 0)


def test_items_that_run_learn_that_nobody_wants_them_any_more(workers: Any, tmp_path: Path) -> None:
    is_stopped = threading.Event()

    def check() -> None:
        if is_stopped.is_set():
            raise RenderCancelled

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(list, workers.engine.map(Endless(tmp_path), range(50), None, check))
        until(lambda: len([*tmp_path.glob("begun-*")]) >= 2, True)
        is_stopped.set()
        with pytest.raises(RenderCancelled):
            taken.result(HANG)
    until(lambda: len([*tmp_path.glob("ended-*")]) == len([*tmp_path.glob("begun-*")]), True)
    until(lambda: len(workers.cluster.scheduler.tasks), 0)


def test_a_part_that_nobody_wants_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster = next(plan for _, plan in many_plans(make_images(tmp_path / "images"), SHORT)).rasters[0]
    cog = PartedCog(replace(raster, mask=None), Encoding(), 1)
    destination, steps = FolderDestination(tmp_path / "results"), list[int]()
    upload = destination.begin("a.tif", {})
    sent = pickle.dumps(_StoringTask(cog.task, destination, "a.tif", upload, Within()))

    def check() -> None:
        steps.append(1)
        if len(steps) == 2:  # once the pixels are there
            raise RenderCancelled

    stored = list[int]()
    monkeypatch.setattr(FolderDestination, "put_part", lambda *_: stored.append(1))
    token = item_check.set(check)
    try:
        with pytest.raises(RenderCancelled):
            pickle.loads(sent)(cog.parts[0])
    finally:
        item_check.reset(token)
    assert not stored


@pytest.mark.parametrize("end", [RenderCancelled, WorkersUnavailable])
def test_a_result_that_is_lost_before_it_is_fetched_is_not_waited_for_beyond_an_end(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[Exception]
) -> None:
    is_stopped = threading.Event()

    def check() -> None:
        if is_stopped.is_set():
            raise RenderCancelled

    open_gate(tmp_path)
    results = workers.engine.map(Gated(tmp_path), range(2), None, check)
    assert next(results) == 0
    until(lambda: workers.engine._running, 0)  # both are computed
    (tmp_path / "gate").unlink()
    for worker in [*workers.processes]:
        worker.kill()
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(next, results)
        until(lambda: begun(tmp_path).count("a1"), 2)  # it is computed again, behind the gate
        if end is RenderCancelled:
            is_stopped.set()
        else:
            monkeypatch.setattr(workers.engine, "_patience", -1)
        try:
            with pytest.raises(end):
                taken.result(HANG / 10)
        finally:
            open_gate(tmp_path)


def test_workers_that_do_not_take_a_large_function_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def scatter(self, *_: object, **__: object) -> None:
            raise TimeoutError

    monkeypatch.setattr(dask_tasks, "_INLINE", 1)
    with pytest.raises(WorkersUnavailable, match="did not take what they are to render in time"):
        dask_tasks.Job(Uneven(), None).function_on(Client())


def test_large_functions_are_sent_once(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_tasks, "_INLINE", 1)
    assert list(workers.engine.map(Uneven(), range(9))) == [number * number for number in range(9)]


def test_workers_refuse_what_other_versions_send() -> None:
    with pytest.raises(OtherBuild, match=r"rasterwire 0\.0\.1"):
        dask_tasks._call(b"", b"", "rasterwire 0.0.1")


def test_workers_of_other_versions_are_given_nothing(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_census, "BUILD", "rasterwire 0.0.1")
    monkeypatch.setattr(dask_tasks, "BUILD", "rasterwire 0.0.1")
    engine = DaskEngine(workers.engine._connect, SerialEngine(), patience=0, small_cost=0)
    with closing(engine):
        assert engine.problem() == "no worker of this version is there"
        with pytest.raises(WorkersUnavailable):
            list(engine.map(Uneven(), range(3)))


def test_small_maps_stay_in_this_process(workers: Any) -> None:
    engine = DaskEngine(workers.engine._connect, SerialEngine())
    with closing(engine):
        assert set(engine.map(Process(), range(8), lambda _: 100.0)) == {os.getpid()}
        assert os.getpid() not in set(engine.map(Process(), range(8), lambda _: 1e9))


def test_without_a_scheduler_workers_are_told_to_be_away() -> None:
    def connect() -> Any:
        raise OSError("nobody is there")

    with closing(DaskEngine(connect, SerialEngine(), small_cost=0)) as engine:
        assert engine.problem() == "the scheduler of workers cannot be reached"
        with pytest.raises(WorkersUnavailable):
            list(engine.map(Uneven(), range(3)))


@pytest.fixture(scope="module")
def bare_scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a scheduler from an environment that has all but rasterwire; return its address."""
    import distributed

    folder = tmp_path_factory.mktemp("bare")
    for path in Path(distributed.__file__).parents[1].iterdir():
        if not path.name.startswith(("rasterwire", "__editable__", "_rasterwire")):
            (folder / path.name).symlink_to(path)
    address = f"tcp://127.0.0.1:{free_port()}"
    start = f"import sys; sys.path.append({str(folder)!r}); from distributed.cli.dask_scheduler import main; main()"
    options = ["--host", address, "--dashboard-address", "127.0.0.1:0"]
    with process("-I", "-S", "-c", start, *options):
        yield address


def test_a_scheduler_without_rasterwire_is_told_of_and_given_nothing(bare_scheduler: str) -> None:
    from rasterwire.server.process.dask_engine import connected

    sentence = "the scheduler of workers lacks rasterwire; start it from the image of the servers"
    with closing(DaskEngine(partial(connected, bare_scheduler, None), SerialEngine(), small_cost=0)) as engine:
        until(engine.problem, sentence)
        with pytest.raises(WorkersUnavailable, match=f"^{sentence}; come back in 5 s"):
            list(engine.map(Uneven(), range(3)))


def test_a_scheduler_of_another_version_is_told_of(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_census, "_OWN", "0.0.1")
    with closing(DaskEngine(workers.engine._connect, SerialEngine(), small_cost=0)) as engine:
        assert "has rasterwire " in engine.problem()
        assert "and not 0.0.1; start it from the image" in engine.problem()
        with pytest.raises(WorkersUnavailable, match=r"not 0\.0\.1"):
            list(engine.map(Uneven(), range(3)))


def test_a_scheduler_that_lost_rasterwire_meanwhile_is_told_of(workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(DaskEngine(workers.engine._connect, SerialEngine(), small_cost=0)) as engine:
        assert engine.problem() == ""
        monkeypatch.setattr(dask_census, "_OWN", "0.0.1")
        with pytest.raises(WorkersUnavailable, match=r"not 0\.0\.1"):
            list(engine.map(Unreadable(), range(3)))


def test_doctor_looks_at_the_scheduler_and_its_workers(bare_scheduler: str, workers: Any, tmp_path: Path) -> None:
    def found(address: str = "", **values: Any) -> dict[str, tuple[str, str, str]]:
        settings = Settings(state_dir=tmp_path, **({"engine": "dask"} | values))
        settings = replace(settings, dask=replace(settings.dask, scheduler=address))
        return {row.subject: (row.state.value, row.figure, row.remedy) for row in engine_findings(settings)}

    lacking = "the scheduler of workers lacks rasterwire"
    until(lambda: lacking in found(bare_scheduler)["workers"], True)
    assert found(bare_scheduler) == {"workers": ("fail", lacking, "start it from the image of the servers")}
    nobody = f"tcp://127.0.0.1:{free_port()}"
    state, figure, _ = found(nobody)["workers"]
    assert (state, figure.partition(" cannot")[0]) == ("fail", f"the scheduler {nobody}")
    assert found()["workers"][0] == "ok"
    assert found(workers=2)["workers"][0] == "fail"
    assert found(nobody, engine="threads")["engine"][0] == "warn"
    assert found(engine="threads") == {}
    assert found(engine="ray")["engine"][0] == "fail"


@contextmanager
def process(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with helpers_found():
        started = subprocess.Popen([sys.executable, *arguments])
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
        started.wait(HANG)


def test_a_scheduler_that_is_started_again_gets_what_was_not_delivered(tmp_path: Path) -> None:
    from rasterwire.server.process.dask_engine import connected
    from rasterwire.server.process.render_worker import security_of

    issuer = authority(tmp_path, "authority")
    pair = signed(tmp_path, "render", issuer)
    port = free_port()
    address = f"tls://127.0.0.1:{port}"
    scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", f"tls://127.0.0.1:{port}"]
    scheduler += ["--dashboard-address", "127.0.0.1:0", "--tls-ca-file", str(issuer.certificate)]
    scheduler += ["--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)]
    config = tmp_path / "rasterwire.toml"
    files = f'ca_file = "{issuer.certificate}"\ncertificate_file = "{pair.certificate}"\nkey_file = "{pair.key}"\n'
    config.write_text(f'state_dir = "{tmp_path / "state"}"\n[dask]\nscheduler = "{address}"\n{files}')
    connect = partial(connected, address, security_of(load_settings(config, {}, needs_images=False).dask))
    command = ["-m", "rasterwire.cli", "worker", "--config", str(config), "--threads", "2", "--host", "127.0.0.1"]
    with (
        process(*scheduler) as first,
        process(*command) as worker,
        closing(DaskEngine(connect, SerialEngine(), patience=HANG, small_cost=0)) as engine,
    ):
        results = engine.map(Gated(tmp_path), range(12))
        assert next(results) == 0
        first.send_signal(signal.SIGKILL)
        first.wait()
        open_gate(tmp_path)
        with process(*scheduler):
            assert list(results) == [*range(1, 12)]
            assert worker.poll() is None
            worker.terminate()
            assert worker.wait(HANG) == 0


def test_a_server_renders_large_downloads_on_workers_of_its_own(
    demo_catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"
    bands = [download_pb2.BandSpec(id="B3")]
    params = download_pb2.DownloadParams(image=image, format=download_pb2.FORMAT_GEO_TIFF, bands=bands)
    params.scale = 3.5
    files: dict[str, bytes] = {}
    sent: list[object] = []
    push = DaskEngine._pushed

    def counted(*arguments: Any) -> Any:
        sent.append(arguments)
        return push(*arguments)

    monkeypatch.setattr(DaskEngine, "_pushed", counted)
    for engine in ("threads", "dask"):
        assert not sent
        settings = Settings(catalog=demo_catalog, grpc_port=0, http_port=0, state_dir=tmp_path / engine, engine=engine)
        settings = replace(settings, dask=replace(settings.dask, processes=1))
        with served(settings) as server:
            files[engine] = server.stream(params)[0]
    assert len(sent) > 1
    assert files["threads"] == files["dask"]


def test_an_export_has_the_bytes_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasterwire.render.dask_engine._MAX_PEEKED", 0)  # small maps go to workers too
    monkeypatch.setattr("rasterwire.export.parted_cog._TILE", 128)
    monkeypatch.setattr("rasterwire.export.parted_cog._PART_BYTES", 1 << 17)
    sent: list[Piece] = []
    push = DaskEngine._pushed

    def counted(*arguments: Any) -> Piece:
        sent.append(push(*arguments))
        return sent[-1]

    monkeypatch.setattr(DaskEngine, "_pushed", counted)
    dask = replace(Settings().dask, processes=1)
    files: dict[str, dict[str, bytes]] = {}
    for engine in ("threads", "dask"):
        assert not sent
        (tmp_path / engine).mkdir()
        with helpers_found(), exporter(tmp_path / engine, engine=engine, dask=dask) as running:
            for prefix, side in (("one", 0), ("many", 512)):
                params = warped(mask=download_pb2.MASK_BAND)
                ended = running.ended(running.create(params, prefix=prefix, file_side=side).name)
                assert ended.state == Export.STATE_SUCCEEDED, ended
            names = [name for name in running.files() if name.endswith((".tif", ".vrt"))]
            files[engine] = {name: (running.folder / name).read_bytes() for name in names}
    functions = [type(pickle.loads(piece.job._content)).__name__ for piece in sent]
    assert functions.count("_StoringTask") > 4
    assert len({*functions}) == 2
    assert len(files["dask"]) == 1 + 4 + 1
    assert files["dask"] == files["threads"]


def settings_of(folder: Path, text: str) -> Settings:
    file = folder / "rasterwire.toml"
    file.write_text(text)
    return load_settings(file, {}, needs_images=False)


def test_the_settings_of_dask_are_read_and_checked(tmp_path: Path) -> None:
    pem = tmp_path / "a.pem"
    pem.touch()
    files = f'ca_file = "{pem}"\ncertificate_file = "{pem}"\nkey_file = "{pem}"\n'
    found = settings_of(tmp_path, f'engine = "dask"\n[dask]\nscheduler = "tls://scheduler:8786"\n{files}')
    assert (found.engine, found.dask.scheduler, found.dask.files) == ("dask", "tls://scheduler:8786", (pem, pem, pem))
    wrong = {
        'scheduler = "scheduler"': "dask.scheduler: 'scheduler' is no address",
        'scheduler = "tls://a:1"': "dask.ca_file: it is not set",
        f'scheduler = "tcp://a:1"\n{files}': "dask.scheduler: its files of TLS are set",
        f'ca_file = "{pem}"': "dask.key_file: it is not set",
        'ca_file = "/nowhere"': "dask.ca_file: there is no file",
        "processes = 0": "dask.processes: 0 is no number",
        'processes = 2\nscheduler = "tcp://a:1"': "dask.processes: a scheduler has workers",
        "threads = 2": "dask.threads: there is no such setting",
    }
    for text, message in wrong.items():
        with pytest.raises(BadSettings) as caught:
            settings_of(tmp_path, f"[dask]\n{text}\n")
        assert message in str(caught.value), text


def test_engines_that_are_not_there_are_told_of_at_the_start(tmp_path: Path) -> None:
    from rasterwire.server.process.engines import check_engine, make_engine

    with pytest.raises(BadSettings, match="there is no engine 'ray'; there are dask, threads"):
        check_engine(Settings(engine="ray"))
    with closing(ThreadEngine(1)) as near, pytest.raises(BadSettings, match="workers: each would start"):
        make_engine(Settings(engine="dask", workers=2, state_dir=tmp_path), near)
