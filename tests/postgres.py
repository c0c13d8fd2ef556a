"""Runs PostgreSQL on a free port of the loopback address. The programs are those of the system."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ports import free_port

__all__ = ["Postgres", "postgres", "postgres_programs"]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server, whose user ``test`` may do all.

    Attributes:
        port: that it listens on.
        programs: the folder of its programs.
        data: its folder.
    """

    port: int
    programs: Path
    data: Path

    @property
    def variables(self) -> dict[str, str]:
        """Those by which clients find it."""
        values = {"PGHOST": "127.0.0.1", "PGPORT": f"{self.port}", "PGUSER": "test", "PGPASSWORD": "test"}
        return values | {"PGDATABASE": "postgres"}

    def conninfo(self, database: str = "postgres") -> str:
        """Return the address of a database, with a password that is not asked for."""
        return f"postgresql://test:test@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.data} -c fsync=off"
        self.run("pg_ctl", "-D", self.data / "data", "-w", "-l", self.data / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop the server; what was stored stays, and clients are cut off."""
        self.run("pg_ctl", "-D", self.data / "data", "-w", "-m", "fast", "stop")

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of its programs. The server refuses to be of root."""
        as_nobody: list[str] = []
        if os.geteuid() == 0:
            as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.data), "LANG": "C.UTF-8"}
        command = [*as_nobody, self.programs / program, *arguments]
        subprocess.run(command, check=True, env=environment, cwd=self.data, stdout=subprocess.DEVNULL)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server while the context is open; skips the test where PostgreSQL is not installed."""
    programs = postgres_programs()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "postgres"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, "nobody", "nogroup")
            Path(folder).chmod(0o755)
        server = Postgres(free_port(), programs, data)
        server.run("initdb", "-D", data / "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def postgres_programs() -> Path:
    """Return the folder of the programs of PostgreSQL; skips the test where it is not installed."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not servers:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return servers[-1].parent
