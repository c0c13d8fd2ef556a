"""Compiling before requests come."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from rasterwire.server import warm


def test_another_process_compiles_and_this_one_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[int] = []
    monkeypatch.setattr(warm, "_load", lambda: by.append(os.getpid()))
    start, children = asyncio.create_subprocess_exec, []

    async def noted(*command: str) -> asyncio.subprocess.Process:
        children.append(await start(*command))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    asyncio.run(warm.warm_up(compiles_apart=True))
    assert [child.returncode for child in children] == [0]
    asyncio.run(warm.warm_up(compiles_apart=False))
    assert len(children) == 1
    assert by == [os.getpid()] * 2


def test_a_server_that_stops_does_not_wait_for_its_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    start, begun = asyncio.create_subprocess_exec, asyncio.Event()
    children: list[asyncio.subprocess.Process] = []

    async def noted(*command: str) -> asyncio.subprocess.Process:
        children.append(await start(*command))
        begun.set()
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)

    async def stopped() -> None:
        task = asyncio.create_task(warm.warm_up(compiles_apart=True))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(stopped(), 30))
    assert [child.returncode for child in children] == [-9]
