"""Compiling before the first request."""

import asyncio
import os
import re
import runpy
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numba
import pytest

from effort import HANG
from rasterwire import compiled
from rasterwire.server.process import warm


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as on a new machine without compiled loops; a process that compiles finds them stored and ends at once."""
    monkeypatch.setattr(compiled, "are_cached", lambda: False)


def test_another_process_compiles_and_this_one_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by: list[int] = []
    monkeypatch.setattr(warm, "_load", lambda _: by.append(os.getpid()))
    start, children = asyncio.create_subprocess_exec, []

    async def noted(*command: str, **options: Any) -> asyncio.subprocess.Process:
        children.append(await start(*command, **options))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    asyncio.run(warm.warm_up(tmp_path / "turn"))
    assert [child.returncode for child in children] == [0]
    asyncio.run(warm.warm_up())
    assert len(children) == 1
    assert by == [os.getpid()] * 2


def test_the_process_that_compiles_starts_others_by_the_name_of_its_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[tuple[str, ...]] = []

    def noted(command: list[str], **_: Any) -> None:
        commands.append(tuple(command))
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(sys, "argv", ["warm", str(tmp_path / "turn")])
    monkeypatch.delitem(sys.modules, warm.__name__)
    runpy.run_module(warm.__name__, run_name="__main__")
    assert commands == [(sys.executable, "-P", "-m", warm.__name__, "--share", "0")]


def test_who_stops_warming_up_does_not_wait_for_the_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(3600)\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    start, begun = asyncio.create_subprocess_exec, asyncio.Event()
    children: list[asyncio.subprocess.Process] = []

    async def noted(*command: str, **options: Any) -> asyncio.subprocess.Process:
        children.append(await start(*command, **options))
        begun.set()
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)

    async def stopped() -> None:
        task = asyncio.create_task(warm.warm_up(tmp_path / "turn"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(stopped(), HANG))
    assert [child.returncode for child in children] == [-9]


def test_where_loops_are_kept_nobody_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr(warm, "_load", lambda _: loaded.append(compiled._runs_twins))
    monkeypatch.setattr(compiled, "are_cached", lambda: True)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)
    asyncio.run(warm.warm_up(tmp_path / "turn"))
    assert loaded == [False]


def test_twins_serve_while_loops_are_compiled_and_no_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loop = compiled.Loop(lambda: "loop", lambda: "twin")
    loop.machine = loop.machine.py_func
    served: list[str] = []

    async def compiled_apart(_: Path) -> None:
        served.append(loop())

    monkeypatch.setattr(warm, "_compiled_apart", compiled_apart)
    monkeypatch.setattr(warm, "_load", lambda _: None)
    served.append(loop())
    asyncio.run(warm.warm_up(tmp_path / "turn"))
    served.append(loop())
    assert served == ["loop", "twin", "loop"]


def test_loops_of_other_sources_or_processors_are_kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = {compiled._folder()}
    monkeypatch.setattr(numba.config, "CPU_NAME", "generic", raising=False)
    folders.add(compiled._folder())
    for name in compiled._SOURCES:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes((compiled._package / name).read_bytes())
    monkeypatch.setattr(compiled, "_package", tmp_path)
    folders.add(compiled._folder())
    (tmp_path / compiled._SOURCES[0]).write_text("# another")
    folders.add(compiled._folder())
    assert len(folders) == 4


def test_who_stops_before_all_is_loaded_waits_for_no_more_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    stop = threading.Event()
    first, second = (
        types.SimpleNamespace(warm_up=stop.set),
        types.SimpleNamespace(warm_up=lambda: loaded.append("more")),
    )
    monkeypatch.setattr(warm, "_shares", ((first,), (second,)))
    warm._load(stop)
    assert loaded == []


def test_all_files_with_compiled_functions_count() -> None:
    package = Path(compiled.__file__).parent
    with_loops = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"^@(compiled|loop)\b", path.read_text(), re.MULTILINE)
    }
    assert with_loops | {"compiled.py", "render/rules.py"} == set(compiled._SOURCES)


def test_folders_that_lack_a_loop_are_not_complete(tmp_path: Path) -> None:
    results = [compiled._is_complete(tmp_path)]
    (tmp_path / "complete").write_text("2")
    (tmp_path / "a.nbc").touch()
    results.append(compiled._is_complete(tmp_path))
    (tmp_path / "b.nbc").touch()
    results.append(compiled._is_complete(tmp_path))
    assert results == [False, False, True]


@pytest.mark.parametrize("executable", ["/nowhere/python", "/bin/false"])
def test_without_another_process_this_one_compiles(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, executable: str
) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr(warm, "_load", lambda _: loaded.append(True))
    monkeypatch.setattr(sys, "executable", executable)
    asyncio.run(warm.warm_up(tmp_path / "turn"))
    assert loaded == [True]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_loops_run_on_after_what_only_a_compiler_needs_is_let_go() -> None:
    warm._load(threading.Event())
    libraries = [
        result.library for loop in compiled._loops for result in getattr(loop.machine, "overloads", {}).values()
    ]
    assert len(libraries) > len(warm._shares[0])
    assert {vars(library)["_shared_module"] for library in libraries} == {None}
    for module in (*warm._shares[0], *warm._shares[1]):
        module.warm_up()


def test_a_loop_may_be_compiled_while_what_a_compiler_needs_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    overloads: dict[int, Any] = {}

    class Compiled:
        @property
        def library(self) -> types.SimpleNamespace:
            overloads[len(overloads)] = types.SimpleNamespace(library=types.SimpleNamespace())
            return shared

    shared = types.SimpleNamespace(_shared_module="a module")
    overloads |= {0: Compiled(), 1: Compiled()}
    loop = types.SimpleNamespace(machine=types.SimpleNamespace(overloads=overloads))
    monkeypatch.setattr(compiled, "_loops", [loop])
    compiled.shed_compiler()
    assert len(overloads) > 2
    assert shared._shared_module is None
