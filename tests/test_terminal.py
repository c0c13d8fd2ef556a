"""A server that was started in a terminal, when this is closed."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from effort import HANG
from rasterwire.server.process.log import NOTHING_TO_RELOAD

_IN_TERMINAL = """
import fcntl, os, signal, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_IGN if sys.argv[1] == "nohup" else signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "rasterwire.cli", *sys.argv[2:]])
"""
"""Takes its standard input as the terminal of a session of its own, whatever the tests themselves were started with."""


@contextmanager
def served(folder: Path, *options: str, how: str = "") -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Run a server in a terminal; give the process, and what keeps the terminal open."""
    (folder / "images").mkdir()
    terminal, end = pty.openpty()
    command = [sys.executable, "-c", _IN_TERMINAL, how, "serve", str(folder / "images"), "--grpc-port", "0"]
    command += ["--http-port", "-1", "--state-dir", str(folder / "state"), *options]
    server = subprocess.Popen(command, stdin=end, stderr=subprocess.PIPE, text=True)
    os.close(end)
    try:
        assert server.stderr is not None
        assert any("serving" in line for line in server.stderr)
        yield server, terminal
    finally:
        server.terminate()
        server.communicate(timeout=HANG)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_with_nothing_to_read_again_ends_with_its_terminal(tmp_path: Path, workers: str) -> None:
    with served(tmp_path, "--workers", workers) as (server, terminal):
        os.close(terminal)
        assert server.wait(timeout=HANG) == 0


def test_one_that_sighup_is_of_use_to_and_one_under_nohup_outlive_it(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("max_bands = 3\n")
    for name, options, how in (("config", ["--config", str(config)], ""), ("nohup", [], "nohup")):
        (tmp_path / name).mkdir()
        with served(tmp_path / name, *options, how=how) as (server, terminal):
            os.close(terminal)
            assert server.stderr is not None
            assert any(NOTHING_TO_RELOAD in line for line in server.stderr)
            assert server.poll() is None
