"""Files read in children: a file that loops, takes all memory or ends its decoder costs one call."""

import contextlib
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf import json_format

import hostile_decoders as hostile
from effort import HANG
from rasterwire.catalog import header
from rasterwire.errors import SourceUnavailable
from rasterwire.files import fork_server
from rasterwire.files.sandbox import ReadLimits, SandboxFailure, call, in_children
from rasterwire.render import source
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import refusal, served
from small_files import SMALL_FILES
from test_hostile_headers import entries_of, tiff

TESTS = Path(__file__).parent

FILE = "/a.tif", "1"
"""Address and version of what is read."""

SHORT = ReadLimits(seconds=3, bytes=512 << 20)
LONG = ReadLimits(seconds=HANG, bytes=512 << 20)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", ""))))


@pytest.fixture
def one_child(importable: None) -> Iterator[None]:
    with in_children(1, LONG, hostile.be_ready):
        yield


def test_without_a_sandbox_a_call_is_a_call() -> None:
    assert call(FILE, hostile.process_id, "") == os.getpid()


Hostile = tuple[Callable[..., object], object, str]
"""A decoder, its argument, and what is told of it."""


def assert_each_costs_one_call(cases: Sequence[Hostile]) -> None:
    children = [answering_child()]
    for function, argument, cause in cases:
        with pytest.raises(SourceUnavailable, match=cause):
            call(FILE, function, argument)
        children.append(answering_child())
        assert children[-1] not in children[:-1], function
    assert os.getpid() not in children


def answering_child() -> int:
    """Return the process that answers; on a slow machine an honest call may take too long as well."""
    for _ in range(100):
        with contextlib.suppress(SourceUnavailable):
            return call(FILE, hostile.process_id, "")
    raise AssertionError("no child answers")


@pytest.mark.usefixtures("one_child")
def test_a_file_that_takes_all_memory_or_ends_its_decoder_costs_one_call() -> None:
    assert_each_costs_one_call(
        [
            (hostile.allocate_without_end, "", "too much memory"),
            (hostile.end_by, signal.SIGKILL, "ended the process"),
            (hostile.end_by, signal.SIGSEGV, "ended the process"),
            (hostile.exit_with, 0, "ended the process"),
            (hostile.send_nonsense, "", "ended the process"),
        ]
    )


def test_a_file_that_loops_or_waits_for_ever_costs_one_call() -> None:
    with in_children(1, SHORT, hostile.be_ready):
        assert_each_costs_one_call(
            [(hostile.loop_for_ever, "", "took too long"), (hostile.sleep_for_ever, "", "took too long")]
        )


@pytest.mark.usefixtures("one_child")
def test_errors_of_files_keep_their_child_and_errors_of_the_program_are_told() -> None:
    child = call(FILE, hostile.process_id, "")
    with pytest.raises(SourceUnavailable, match=r"a\.tif is damaged"):
        call(FILE, hostile.refuse, "a.tif")
    assert call(FILE, hostile.process_id, "") == child
    with pytest.raises(SandboxFailure, match="a fault of the program"):
        call(FILE, hostile.fail, "")


def test_others_are_answered_while_a_file_loops(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    looping: list[int] = []
    with in_children(2, ReadLimits(seconds=HANG)):
        thread = threading.Thread(target=lambda: looping.append(call(FILE, hostile.loop_until, str(slow))))
        thread.start()
        children = {call((f"/{number}.tif", ""), hostile.process_id, "") for number in range(20)}
        assert not looping
        slow.touch()
        thread.join(HANG)
    assert children
    assert looping[0] not in children


def test_more_calls_than_children_wait_for_their_turn() -> None:
    """Of one file, two at a time share two children."""
    answers: list[int] = []
    with in_children(2, ReadLimits(seconds=HANG)):
        threads = [
            threading.Thread(target=lambda: answers.append(call(FILE, hostile.process_id, ""))) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANG)
    assert len(answers) == 20
    assert len(set(answers)) <= 2


def test_the_end_of_the_sandbox_ends_its_children_and_their_calls(tmp_path: Path) -> None:
    problems: list[str] = []

    def wait_for_ever() -> None:
        with pytest.raises(SourceUnavailable) as raised:
            call(FILE, hostile.loop_until, str(tmp_path / "never"))
        problems.append(raised.value.problem)

    with in_children(1, ReadLimits(seconds=HANG)):
        child = call(FILE, hostile.process_id, "")
        thread = threading.Thread(target=wait_for_ever)
        thread.start()
        while not (tmp_path / "never.begun").exists():
            pass
    thread.join(HANG)
    assert len(problems) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_children_get_neither_keys_nor_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("RASTERWIRE_TOKEN", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        with in_children(1, LONG):
            assert "secret" not in call(FILE, hostile.environment, "").values()
            assert "PATH" in call(FILE, hostile.environment, "")
            assert sum(name.startswith("socket:") for name in call(FILE, hostile.open_files, "")) == 1


@pytest.mark.usefixtures("one_child")
def test_where_no_process_can_be_started_later_calls_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answering_child()
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", hostile.raise_no_process)
        _, forker, _ = call(FILE, hostile.beginning, "")
        os.kill(forker, signal.SIGKILL)
        for _ in range(3):
            with pytest.raises(SandboxFailure, match="cannot be started"):
                call(("/b.tif", ""), hostile.process_id, "")
    answering_child()


@pytest.mark.usefixtures("one_child")
def test_where_no_child_can_be_forked_later_calls_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answering_child()
    with monkeypatch.context() as patch:
        patch.setattr(fork_server, "FORK", 3)  # no command: the answer is that it is not done
        with pytest.raises(SandboxFailure, match="cannot be started"):
            call(("/b.tif", ""), hostile.process_id, "")
    answering_child()


def test_a_child_that_was_taken_over_answers_for_its_file_alone() -> None:
    with in_children(2, LONG, hostile.be_ready):
        call(FILE, hostile.take_over, "")
        assert call(FILE, hostile.process_id, "") == -1
        for other in (("/b.tif", "1"), ("/a.tif", "2"), ("/b.tif", "1")):
            assert call(other, hostile.process_id, "") > 0
        assert call(FILE, hostile.process_id, "") == -1


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in {"x86_64", "aarch64"},
    reason="the system forbids no calls here",
)
@pytest.mark.usefixtures("one_child")
def test_a_child_that_was_taken_over_reaches_no_other_process() -> None:
    reached = call(FILE, hostile.reach_others, os.getpid())
    assert reached == dict.fromkeys(reached, "EPERM")
    assert answering_child() > 0


@pytest.mark.usefixtures("one_child")
def test_an_answer_that_is_longer_than_what_was_asked_for_takes_no_memory_here() -> None:
    """It would be made room for before it came."""
    answering_child()
    for count in (8 << 20, 1 << 30):
        tracemalloc.start()
        with pytest.raises(SourceUnavailable, match="ended the process"):
            call(FILE, hostile.announce, count, most=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20


def test_a_file_keeps_its_child_and_few_children_wait() -> None:
    files = [(f"/{number}.tif", "1") for number in range(30)]
    with in_children(1, LONG, hostile.be_ready):
        first = [call(file, hostile.process_id, "") for file in files]
        again = [call(file, hostile.process_id, "") for file in reversed(files)]
        assert len({*first}) == len(files)
        assert again[:16] == first[: -16 - 1 : -1], "the files that were read last"
        assert not {*again[16:]} & {*first}, "the children of the others have ended"
        for child in first[:14]:
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)


@pytest.mark.usefixtures("one_child")
def test_children_begin_with_one_thread_and_no_connection_but_theirs() -> None:
    call(("/other.tif", ""), hostile.process_id, "")
    threads, parent, sockets = call(FILE, hostile.beginning, "")
    assert (threads, sockets) == (1, 1)
    assert parent != os.getpid()
    assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1


@pytest.mark.usefixtures("one_child")
def test_an_answer_runs_no_code_here() -> None:
    with pytest.raises(SandboxFailure, match=r"builtins\.eval"):
        call(FILE, hostile.send_code, "")


@pytest.mark.usefixtures("one_child")
@pytest.mark.parametrize("how", ["buffer", "type", "memory", "own form"])
def test_an_answer_makes_no_array_of_addresses_here(how: str) -> None:
    with pytest.raises(SandboxFailure):
        call(FILE, hostile.send_addresses, how)


@pytest.mark.usefixtures("one_child")
def test_arrays_come_back_as_they_are() -> None:
    sent = [np.arange(1 << 20, dtype="uint32").reshape(1024, 1024), np.zeros((0, 3)), np.ones((64, 64), bool)[::2, ::3]]
    sent += [np.array(7, "int16"), np.array([1 + 2j], "complex64")]
    received = call(FILE, hostile.give, sent)
    assert isinstance(received, list)
    for before, after in zip(sent, received, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
        after[...] = 0  # it belongs to this process


def test_a_child_that_cannot_start_is_told() -> None:
    with in_children(1, LONG, prepare=hostile.raise_at_start), pytest.raises(SandboxFailure, match="no start"):
        call(FILE, hostile.process_id, "")


def params(image: str, **fields: object) -> download_pb2.DownloadParams:
    return json_format.ParseDict({"image": image, "format": "FORMAT_NPY", **fields}, download_pb2.DownloadParams())


def answers_of(folder: Path, how: str) -> dict[str, bytes]:
    """Return what a server sends for all small files: their pixels, those of a warp, and their tiles handed on."""
    settings = Settings(folder, grpc_port=0, http_port=0, state_dir=folder.parent / how, sandbox=how, threads=1)
    requests: dict[str, dict[str, object]] = {
        "pixels": {},
        "tiles": {"format": "FORMAT_GEO_TIFF"},
        "warp": {"crs": "EPSG:32634", "scale": 30, "resampling": "RESAMPLING_CUBIC"},
    }
    answers = {}
    with served(settings) as server:
        for path in sorted(folder.iterdir()):
            for name, fields in requests.items():
                try:
                    answers[f"{path.stem} {name}"] = server.stream(params(path.stem, **fields))[0]
                except grpc.RpcError as error:  # such as for a file without a crs, which no grid can be laid over
                    answers[f"{path.stem} {name}"] = refusal(error).message.encode()
    return answers


def test_all_layouts_give_equal_bytes_with_and_without_a_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    for number, small in enumerate(SMALL_FILES):
        small.write(folder / f"file{number}{small.suffix}")
    here, apart = answers_of(folder, "none"), answers_of(folder, "process")
    assert apart == here
    assert sum(answer.startswith(b"\x93NUMPY") for answer in here.values()) > 1.8 * len(SMALL_FILES)


def test_a_file_that_ends_its_decoder_costs_its_request_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    for name in ("good", "hostile_header", "hostile_pixels"):
        SMALL_FILES[0].write(folder / f"{name}.tif")
    (folder / "circle.tif").write_bytes(tiff([entries_of(8)] * 2, {1: 1}))
    # children find functions by their names, so these run there
    monkeypatch.setattr(header, "_read", hostile.read_header_or_end)
    monkeypatch.setattr(source, "_stored_pixels", hostile.read_pixels_or_end)
    settings = Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path / "state", sandbox="process", threads=1)
    with served(settings) as server:
        good = server.stream(params("good"))[0]
        for name in ("hostile_header", "hostile_pixels"):
            with pytest.raises(grpc.RpcError) as raised:
                server.stream(params(name))
            answer = refusal(raised.value)
            assert answer.reason == "SOURCE_UNAVAILABLE"
            assert repr(name) in answer.message
            assert "band" in answer.message
            assert "it ended the process that decoded it" in answer.message
            assert server.stream(params("good"))[0] == good
        assert server.stream(params("circle"))[0]


def test_errors_of_libraries_tell_clients_no_path_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In children and without them alike, but for an id of the log, and errors of the system without a cause."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    names = ("proj", "crs", "gdal", "gdal_bare", "system", "other")
    for name in names:
        SMALL_FILES[0].write(folder / f"{name}.tif")
    monkeypatch.setattr(source, "_stored_pixels", hostile.raise_as_libraries_do)
    texts: dict[str, list[str]] = {}
    for how in ("process", "none"):
        settings = Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path / how, sandbox=how, threads=1)
        with served(settings) as server:
            texts[how] = []
            for name in names:
                with pytest.raises(grpc.RpcError) as raised:
                    server.stream(params(name))
                trailer = str(raised.value.trailing_metadata()) + str(raised.value.details())
                assert hostile.SECRET not in trailer
                assert str(tmp_path) not in trailer
                texts[how].append(re.sub(r"[0-9a-f]{8}", "ID", refusal(raised.value).message))
    system = names.index("system")
    assert "its own files" in texts["none"].pop(system)
    assert "the server failed" in texts["process"].pop(system)
    assert texts["process"] == texts["none"]
    assert "damaged" in texts["none"][0]


@pytest.mark.usefixtures("one_child")
def test_the_text_of_an_error_of_a_child_is_short_and_printable() -> None:
    for text, shown in (("x" * 10_000, "x" * 500), ("a\nb", "")):
        with pytest.raises(SourceUnavailable) as raised:
            call(FILE, hostile.refuse, text)
        assert raised.value.problem == shown
