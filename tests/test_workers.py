"""Several worker processes on the same ports."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.client import Client
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.process import supervisor
from rasterwire.server.process.workers import reserved_ports
from rasterwire.server.settings import BadSettings, Settings
from waiting import until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run two workers; give their parent process and their address."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    profile = {"width": 300, "height": 200, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(folder / "image.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.arange(60_000, dtype="uint16").reshape(1, 200, 300))
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(folder), "--workers", "2", "--grpc-port", "0"]
    command += ["--http-port", "-1", "--state-dir", str(tmp_path / "state")]
    parent = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert parent.stderr is not None
        addresses = (match[1] for line in parent.stderr if (match := re.search(r"on grpc (\S+)", line)))
        pair = [next(addresses), next(addresses)]
        assert pair[0] == pair[1]
        yield parent, pair[0]
    finally:
        parent.terminate()
        parent.communicate(timeout=HANG)


def worker_pids(parent: "subprocess.Popen[str]") -> list[int]:
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"process.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_workers_share_a_port_and_one_that_is_killed_is_started_again(
    server: tuple["subprocess.Popen[str]", str], tmp_path: Path
) -> None:
    """One test for all of it, because a server takes seconds to start."""
    parent, address = server
    assert parent.stderr is not None
    killed, survivor = worker_pids(parent)
    state = tmp_path / "state"
    unfinished = state / "cache" / f".unfinished-{survivor}-0"
    for _ in range(6):  # each has its own connection, to one of the two
        with Client(address) as client:
            result = client.download({"image": "image", "format": "NPY"}, tmp_path / "out.npy")
        assert np.load(result.path)[199, 299].item() == (59_999,)
    unfinished.touch()
    for _ in "ab":
        leftovers = [state / "cache" / f".unfinished-{killed}-0", state / "scratch" / str(killed) / "mask"]
        for path in leftovers:
            path.touch()
        os.kill(killed, signal.SIGKILL)
        for _ in range(4):  # the other serves meanwhile
            with Client(address) as client:
                assert client.limits().max_bands
        assert any(f"on grpc {address}" in line for line in parent.stderr)  # from a new worker
        pids = worker_pids(parent)
        assert len(pids) == 2
        assert killed not in pids
        assert survivor in pids
        assert not any(path.exists() for path in leftovers)
        (killed,) = set(pids) - {survivor}
    assert unfinished.exists()
    with Client(address) as client:
        client.download({"image": "image", "format": "NPY"}, tmp_path / "out.npy")
    os.kill(killed, signal.SIGKILL)
    # its successor starts later, because it lived for seconds only; the server still stops at once
    assert any("a worker ended with -9" in line for line in parent.stderr)
    parent.terminate()
    assert parent.wait(HANG) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in (killed, survivor))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not tell memory so")
def test_the_supervisor_holds_little_more_than_python_itself(server: tuple["subprocess.Popen[str]", str]) -> None:
    parent, _ = server
    code = "print(open('/proc/self/smaps_rollup').read())"
    bare = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    held = Path(f"/proc/{parent.pid}/smaps_rollup").read_text()
    assert resident_bytes(held) < resident_bytes(bare) + (16 << 20)
    assert resident_bytes(held) < 40 << 20


def resident_bytes(smaps: str) -> int:
    found = re.search(r"^Rss:\s+(\d+) kB", smaps, re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def test_a_worker_that_cannot_be_started_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    worker = supervisor._Worker({"settings": 0}, 0, is_first=True)
    first_due = worker.due
    worker.start_if_due()
    assert not worker.is_running
    assert worker.due > first_due
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_sighup_ends_no_worker_that_cannot_take_it_yet(tmp_path: Path) -> None:
    keys, catalog, config = tmp_path / "keys", tmp_path / "catalog", tmp_path / "config.toml"
    add_key(keys, "forestry")
    catalog.mkdir()
    config.write_text(f'[auth]\nkeys_file = "{keys}"\n[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n')
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(catalog), "--config", str(config)]
    command += ["--workers", "2", "--grpc-port", "0", "--http-port", "-1", "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stderr is not None
            until(lambda: len(worker_pids(parent)), 2)
            os.kill(parent.pid, signal.SIGHUP)
            lines: list[str] = []
            while sum("1 API keys were read" in line for line in lines) < 2:
                lines.append(next(parent.stderr))
            assert not [line for line in lines if "a worker ended" in line]
        finally:
            parent.terminate()
            parent.communicate(timeout=HANG)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_ends_no_server_that_has_nothing_to_read_again(tmp_path: Path, workers: str) -> None:
    (tmp_path / "catalog").mkdir()
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(tmp_path / "catalog"), "--workers", workers]
    command += ["--grpc-port", "0", "--http-port", "-1", "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            assert any("serving" in line for line in server.stderr)
            server.send_signal(signal.SIGHUP)
            assert any("nothing to read again: " in line for line in server.stderr)
        finally:
            server.terminate()
            server.communicate(timeout=HANG)
        assert server.returncode == 0


def test_workers_end_with_a_parent_that_is_killed(server: tuple["subprocess.Popen[str]", str]) -> None:
    parent, _ = server
    assert parent.stderr is not None
    pids = worker_pids(parent)
    parent.kill()
    parent.stderr.read()  # it ends when the last writer ends
    assert len(pids) == 2
    until(lambda: [pid for pid in pids if is_running(pid)], [])  # files are closed a little before it is gone


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_taken_port_is_told_before_a_worker_starts(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings = Settings(tmp_path, grpc_port=listener.getsockname()[1], workers=2)
        with pytest.raises(BadSettings, match="grpc_port: cannot listen"), reserved_ports(settings):
            pytest.fail("no worker may start")
