"""Runs what a manifest would run in a container of the image as a process, with files and ports of this machine."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from effort import HANG

__all__ = ["Place", "command_of", "server_process", "status_of", "wait_until_ready"]


@dataclass(frozen=True, slots=True)
class Place:
    """What this machine has in place of what a container would.

    Attributes:
        files: paths here by those in the container.
        ports: ports here by those in the container.
        hosts: names of other containers; all are 127.0.0.1 here.
    """

    files: Mapping[str, Path]
    ports: Mapping[int, int]
    hosts: Sequence[str] = ("0.0.0.0",)

    def here(self, text: str) -> str:
        """Return a word or a file of the container as it has to be here."""
        for host in self.hosts:
            text = re.sub(rf"(?<=[=/@]){re.escape(host)}(?=:\d|$)", "127.0.0.1", text)
        paths = "|".join(map(re.escape, sorted(self.files, key=len, reverse=True)))
        text = re.sub(rf"(?<![\w/.-])(?:{paths})(?![\w.-])", lambda match: str(self.files[match[0]]), text)
        return re.sub(r"(?<=[=:])\d{4,5}\b|^\d{4,5}$", lambda match: self._port(match[0]), text)

    def _port(self, digits: str) -> str:
        return f"{self.ports.get(int(digits), digits)}"


def command_of(arguments: Sequence[str], place: Place, module: str = "rasterwire.cli") -> list[str]:
    """Return the command of a container of the image."""
    return [sys.executable, "-m", module, *map(place.here, arguments)]


@contextmanager
def server_process(
    arguments: Sequence[str], variables: Mapping[str, str], place: Place, log: Path, module: str = "rasterwire.cli"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server of a manifest while the context is open.

    Args:
        arguments: of the image's entrypoint.
        variables: of the container.
        place: what is in place of its files and ports.
        log: gets what it prints.
        module: what runs, where that is not the image's entrypoint.
    """
    told = {name: place.here(value) for name, value in variables.items() if name != "HOME"}  # it has compiled loops
    environment = dict(os.environ) | told
    with log.open("wb") as output:
        command = command_of(arguments, place, module)
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(HANG)


def status_of(address: str) -> int:
    """Return the status of an answer by HTTP; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(address, timeout=HANG) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an address answers 200."""
    until = monotonic() + HANG
    while status_of(address) != 200:
        assert process.poll() is None, log.read_text()[-2000:]
        assert monotonic() < until, log.read_text()[-2000:]
        sleep(0.05)
