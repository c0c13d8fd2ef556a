"""Files read in children: a file that loops, takes all memory or ends its decoder costs one call."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import hostile_decoders as hostile
from effort import HANG
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sandbox import ReadLimits, SandboxFailure, call, in_children

TESTS = Path(__file__).parent

SHORT = ReadLimits(seconds=0.5, bytes=512 << 20)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", ""))))


@pytest.fixture
def one_child(importable: None) -> Iterator[None]:
    with in_children(1, SHORT):
        yield


def test_without_a_sandbox_a_call_is_a_call() -> None:
    assert call(hostile.process_id, "") == os.getpid()


HOSTILE: list[tuple[Callable[..., object], object, str]] = [
    (hostile.loop_for_ever, "", "took too long"),
    (hostile.sleep_for_ever, "", "took too long"),
    (hostile.allocate_without_end, "", "too much memory"),
    (hostile.end_by, signal.SIGKILL, "ended the process"),
    (hostile.end_by, signal.SIGSEGV, "ended the process"),
    (hostile.exit_with, 0, "ended the process"),
    (hostile.send_nonsense, "", "ended the process"),
]


@pytest.mark.usefixtures("one_child")
def test_a_hostile_file_costs_one_call_and_its_child_is_replaced() -> None:
    children = {call(hostile.process_id, "")}
    for number, (function, argument, cause) in enumerate(HOSTILE, start=2):
        with pytest.raises(SourceUnavailable, match=cause):
            call(function, argument)
        children.add(call(hostile.process_id, ""))
        assert len(children) == number, function
    assert os.getpid() not in children


@pytest.mark.usefixtures("one_child")
def test_errors_of_files_keep_their_child_and_errors_of_the_program_are_told() -> None:
    child = call(hostile.process_id, "")
    with pytest.raises(SourceUnavailable, match=r"a\.tif is damaged"):
        call(hostile.refuse, "a.tif")
    assert call(hostile.process_id, "") == child
    with pytest.raises(SandboxFailure, match="a fault of the program"):
        call(hostile.fail, "")


def test_others_are_answered_while_a_file_loops(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    looping: list[int] = []
    with in_children(2, ReadLimits(seconds=HANG)):
        thread = threading.Thread(target=lambda: looping.append(call(hostile.loop_until, str(slow))))
        thread.start()
        children = {call(hostile.process_id, "") for _ in range(20)}
        assert not looping
        slow.touch()
        thread.join(HANG)
    assert children
    assert looping[0] not in children


def test_more_calls_than_children_wait_for_their_turn() -> None:
    answers: list[int] = []
    with in_children(2, ReadLimits(seconds=HANG)):
        threads = [threading.Thread(target=lambda: answers.append(call(hostile.process_id, ""))) for _ in range(20)]
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
            call(hostile.loop_until, str(tmp_path / "never"))
        problems.append(raised.value.problem)

    with in_children(1, ReadLimits(seconds=HANG)):
        child = call(hostile.process_id, "")
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
        with in_children(1, SHORT):
            assert "secret" not in call(hostile.environment, "").values()
            assert "PATH" in call(hostile.environment, "")
            assert sum(name.startswith("socket:") for name in call(hostile.open_files, "")) == 1


@pytest.mark.usefixtures("one_child")
def test_an_answer_runs_no_code_here() -> None:
    with pytest.raises(SandboxFailure, match=r"builtins\.eval"):
        call(hostile.send_code, "")


@pytest.mark.usefixtures("one_child")
def test_arrays_come_back_as_they_are() -> None:
    sent = [np.arange(1 << 20, dtype="uint32").reshape(1024, 1024), np.zeros((0, 3)), np.ones((64, 64), bool)[::2, ::3]]
    received = call(hostile.give, sent)
    assert isinstance(received, list)
    for before, after in zip(sent, received, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
        after[...] = 0  # it belongs to this process


def test_a_child_that_cannot_start_is_told() -> None:
    with in_children(1, SHORT, prepare=hostile.raise_at_start), pytest.raises(SandboxFailure, match="no start"):
        call(hostile.process_id, "")
