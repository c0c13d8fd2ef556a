"""Compiling before requests come."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from effort import HANG
from rasterwire.server import warm


def test_another_process_compiles_and_this_one_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by: list[int] = []
    monkeypatch.setattr(warm, "_load", lambda: by.append(os.getpid()))
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


@pytest.mark.parametrize("executable", ["/nowhere/python", "/bin/false"])
def test_without_another_process_this_one_compiles(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, executable: str
) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr(warm, "_load", lambda: loaded.append(True))
    monkeypatch.setattr(sys, "executable", executable)
    asyncio.run(warm.warm_up(tmp_path / "turn"))
    assert loaded == [True]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
