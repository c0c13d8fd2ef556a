"""What a container may use, by the files of the kernel."""

import os
from pathlib import Path

import pytest

from cases import every
from rasterwire import cgroups
from rasterwire.server.settings import load_settings

CORES = 8
"""Of the machine."""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n")


@every(
    ("files", "processors", "cores"),
    [
        ({}, 8, 8),
        ({"cpu.max": "max 100000"}, 8, 8),
        ({"cpu.max": "200000 100000"}, 2, 2),
        ({"cpu.max": "150000 100000"}, 1.5, 2),
        ({"cpu.max": "5000 100000"}, 0.05, 1),
        ({"cpu.max": "6400000 100000"}, 8, 8),
        ({"cpu.max": "100000"}, 8, 8),
        ({"cpu.max": "100000 0"}, 8, 8),
        ({"cpu.max": "nothing"}, 8, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8, 8),
        ({"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "50000"}, 3, 3),
        ({"cpu/cpu.cfs_quota_us": "150000"}, 8, 8),
    ],
)
def test_threads_follow_the_quota_of_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], processors: float, cores: int
) -> None:
    monkeypatch.setattr(cgroups, "_FOLDER", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    write(tmp_path, files)
    assert cgroups.processors() == processors
    assert cgroups.core_count() == cores
    assert load_settings(None, {"catalog": tmp_path}).threads == cores


@every(
    ("files", "limit"),
    [
        ({}, 0),
        ({"memory.max": "max"}, 0),
        ({"memory.max": "536870912"}, 1 << 29),
        ({"memory/memory.limit_in_bytes": "536870912"}, 1 << 29),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, 0),
    ],
)
def test_the_memory_of_a_container_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], limit: int
) -> None:
    monkeypatch.setattr(cgroups, "_FOLDER", tmp_path)
    write(tmp_path, files)
    assert cgroups.memory_limit() == limit
