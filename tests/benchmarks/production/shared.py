"""What the benchmarks of many servers have in common: their stores, their balancers, and how a bar is told."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from click.testing import CliRunner
from pytest import skip  # noqa: PT013  its exception

from balancers import BALANCERS, Balancer
from postgres import Postgres, postgres
from rasterwire.cli.main import cli
from replica_servers import ReplicaServer, replica_servers, write_config, write_image
from seaweed import Seaweed, seaweed

__all__ = ["LAME_DUCK", "Bar", "Shared", "shared"]

LAME_DUCK = 3
"""Seconds; what the files of deploy/ ask for."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What has to be reached.

    Attributes:
        title: of what was measured.
        figure: as a text with its unit.
        limit: likewise.
        is_reached: whether it is enough.
    """

    title: str
    figure: str
    limit: str
    is_reached: bool

    def __str__(self) -> str:
        return f"{self.title}: {self.figure} (limit: {self.limit}) {'pass' if self.is_reached else 'MISS'}"


@dataclass(frozen=True, slots=True)
class Shared:
    """The stores of servers.

    Attributes:
        folder: for files.
        database_server, object_server: that hold the stores.
        numbers: of folders, so that each has its own.
    """

    folder: Path
    database_server: Postgres
    object_server: Seaweed
    numbers: Iterator[int] = field(default_factory=count)

    def new_folder(self, name: str) -> Path:
        """Return an empty folder."""
        path = self.folder / f"{name}-{next(self.numbers)}"
        path.mkdir()
        return path

    def image(self, side: int) -> Path:
        """Return the file of the only image of a new catalog."""
        return write_image(self.new_folder("catalog"), side)

    def new_database(self) -> str:
        """Return the address of an empty database."""
        name = f"bench{next(self.numbers)}"
        server = self.database_server
        server.run("createdb", "-h", "127.0.0.1", "-p", f"{server.port}", "-U", "test", name)
        return server.conninfo(name)

    def config(self, database: str, objects: Seaweed | None = None, migrated: str = "", settings: str = "") -> Path:
        """Return the config file of servers that share their stores, of which the tables are made.

        Args:
            database: address of a database.
            objects: the object store, where it is reached by another way than ``object_server``.
            migrated: the address by which the tables are made, where it is another.
            settings: lines before the tables.
        """
        folder = self.new_folder("config")
        first = write_config(folder, migrated or database, self.object_server, "bench")
        answer = CliRunner().invoke(cli, ["admin", "migrate", "--config", str(first)])
        assert answer.exit_code == 0, answer.output
        bucket = f"bench{next(self.numbers)}"
        return write_config(folder, database, objects or self.object_server, bucket, settings)

    @contextmanager
    def balanced(self, image: Path) -> Iterator[tuple[list[ReplicaServer], dict[str, Balancer], str]]:
        """Run two servers, and each balancer that is installed; give these, and the address of the database."""
        database = self.new_database()
        config = self.config(database, settings=f"lame_duck_seconds = {LAME_DUCK}")
        with ExitStack() as stack:
            servers = stack.enter_context(replica_servers(image.parent, config, self.new_folder("state")))
            balancers = {}
            for name, run in BALANCERS.items():
                try:
                    balancers[name] = stack.enter_context(run(self.new_folder(name), servers))
                except skip.Exception as reason:
                    print(f"not measured: {reason}")
            yield servers, balancers, database


@contextmanager
def shared(folder: Path) -> Iterator[Shared]:
    """Run the servers of the stores while the context is open."""
    with postgres() as database_server, seaweed() as object_server:
        yield Shared(folder, database_server, object_server)
