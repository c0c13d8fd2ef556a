"""Starts the parts of ``deploy/compose`` together, as processes on free ports of the loopback address.

What each runs is read from ``compose.yaml``: commands, variables, secrets and volumes. The entry points of the images
of PostgreSQL and SeaweedFS are replaced by what they do. Run by itself, it serves a folder until interrupted:

    PYTHONPATH=src:tests python tests/compose.py FOLDER
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from containers import Place, command_of, server_process, wait_until_ready
from effort import HANG
from ports import free_port
from postgres import Postgres, postgres_programs
from seaweed import wait_for_seaweed, weed_program

__all__ = ["FOLDER", "Composition", "composed", "read_compose"]

FOLDER = Path(__file__).parents[1] / "deploy" / "compose"

_NAMES = ("objects", "database", "localhost", "0.0.0.0")
"""Of services in addresses."""

_PORTS = (50051, 8080, 9464, 8333, 5432)
"""That the parts listen on, in their containers."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The running parts.

    Attributes:
        address: ``host:port`` of gRPC.
        http, metrics, objects: ``http://host:port``.
        database: its address, with the password.
        server: the process of rasterwire.
    """

    address: str
    http: str
    metrics: str
    objects: str
    database: str
    server: subprocess.Popen[bytes]


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the file says, with its variables filled in."""
    text = re.sub(
        r"\$\{(\w+):-([^}]*)\}",
        lambda match: variables.get(match[1], match[2]),
        (FOLDER / "compose.yaml").read_text(),
    )
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@contextmanager
def composed(catalog: Path) -> Iterator[Composition]:
    """Run all parts while the context is open; skips the test where PostgreSQL or SeaweedFS is not installed.

    Args:
        catalog: the folder of images.
    """
    for is_there in (weed_program, postgres_programs):
        is_there()
    services = read_compose({"IMAGES": str(catalog)})["services"]
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        subprocess.run([FOLDER / "make-secrets", folder / "secrets"], check=True)
        ports = {port: free_port() for port in _PORTS}
        places = {name: _place(service, folder, ports) for name, service in services.items()}
        for name in ("database", "object-keys", "object-users", "database-password"):
            path = folder / "secrets" / name
            path.write_text(places["rasterwire"].here(path.read_text()))
        config = folder / "rasterwire.toml"
        config.write_text(places["rasterwire"].here((FOLDER / "rasterwire.toml").read_text()))

        stack.enter_context(_database(services["database"], places["database"], folder))
        _migrate(services["migration"], places["migration"])
        stack.enter_context(_objects(services["objects"], places["objects"], folder))
        server = services["rasterwire"]
        log = folder / "rasterwire.log"
        process = stack.enter_context(
            server_process(server["command"], server["environment"], places["rasterwire"], log)
        )
        http = f"http://127.0.0.1:{ports[8080]}"
        wait_until_ready(f"{http}/readyz", process, log)
        yield Composition(
            f"127.0.0.1:{ports[50051]}",
            http,
            f"http://127.0.0.1:{ports[9464]}",
            f"http://127.0.0.1:{ports[8333]}",
            (folder / "secrets" / "database").read_text().strip(),
            process,
        )


def _place(service: Mapping[str, Any], folder: Path, ports: Mapping[int, int]) -> Place:
    files = {f"/run/secrets/{name}": folder / "secrets" / name for name in service.get("secrets", [])}
    for volume in service.get("volumes", []):
        source, target = volume.split(":")[:2]
        if source.startswith("./"):
            files[target] = folder / Path(source).name
        elif source.startswith("/"):
            files[target] = Path(source)
        else:
            files[target] = folder / "volumes" / source
            files[target].mkdir(parents=True, exist_ok=True)
    return Place(files, ports, _NAMES)


@contextmanager
def _database(service: Mapping[str, Any], place: Place, folder: Path) -> Iterator[None]:
    """Do what the entry point of PostgreSQL's image does: make the user and the database, and serve it."""
    import psycopg

    variables, data = service["environment"], folder / "postgres"
    user, password = variables["POSTGRES_USER"], Path(place.here(variables["POSTGRES_PASSWORD_FILE"])).read_text()
    data.mkdir()
    (data / "password").write_text(password)
    if os.geteuid() == 0:
        shutil.chown(data, "nobody", "nogroup")
    server = Postgres(place.ports[5432], postgres_programs(), data)
    server.run("initdb", "-D", data / "data", "-U", user, "-A", "scram-sha-256", f"--pwfile={data}/password", "-N")
    server.start()
    try:
        address = f"postgresql://{user}:{password}@127.0.0.1:{server.port}/postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{variables["POSTGRES_DB"]}"'.encode())
        yield
    finally:
        server.stop()


def _migrate(service: Mapping[str, Any], place: Place) -> None:
    subprocess.run(command_of(service["command"], place), check=True, stdout=subprocess.DEVNULL, timeout=HANG)


@contextmanager
def _objects(service: Mapping[str, Any], place: Place, folder: Path) -> Iterator[None]:
    """Run SeaweedFS, whose other parts get free ports as well."""
    others = [
        f"-{part}.{kind}={free_port()}" for part in ("master", "volume", "filer") for kind in ("port", "port.grpc")
    ]
    others += [f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command = [weed_program(), *(place.here(word) for word in service["command"]), *others]
    environment = os.environ | {"TMPDIR": str(folder)}  # where it writes its logs
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_seaweed(f"http://127.0.0.1:{place.ports[8333]}", process)
        yield
    finally:
        process.kill()  # it takes 16 s to stop by itself
        process.wait(HANG)


if __name__ == "__main__":
    try:
        with composed(Path(sys.argv[1]).absolute()) as parts:
            print(f"gRPC {parts.address}, HTTP {parts.http}, metrics {parts.metrics}/metrics", flush=True)
            threading.Event().wait()
    except (KeyboardInterrupt, pytest.skip.Exception) as end:
        print(end)
