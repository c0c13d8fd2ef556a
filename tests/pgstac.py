"""Runs a real STAC API: stac-fastapi over pgstac, in a PostgreSQL of its own, on free ports of the loopback address.

``RASTERWIRE_STAC_API`` names the folder of the programs of ``requirements-stac-api.lock``; ``make test-stac-api`` sets
it. PostgreSQL and PostGIS are those of the system.
"""

import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from effort import HANG
from ports import free_port
from postgres import postgres


@contextmanager
def pgstac(collections: Sequence[str], items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Run an API of items while the context is open, and give its address; skips the test where it cannot run."""
    programs = os.environ.get("RASTERWIRE_STAC_API", "")
    if not programs:
        pytest.skip("no STAC API here: make test-stac-api installs and runs one")
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        pytest.skip("no PostGIS here: apt-get install postgresql postgresql-15-postgis-3")
    with tempfile.TemporaryDirectory() as folder, postgres() as database:
        environment = os.environ | database.variables | {"PGDATABASE": "postgis"}
        subprocess.run([database.programs / "createdb", "postgis"], check=True, env=environment)
        _load(Path(programs), Path(folder), environment, collections, items)
        port = free_port()
        command = [f"{programs}/uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory"]
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--log-level", "critical"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(HANG)


def _load(
    programs: Path,
    folder: Path,
    environment: dict[str, str],
    collections: Sequence[str],
    items: Sequence[dict[str, Any]],
) -> None:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
    documents = [
        {
            "type": "Collection",
            "stac_version": "1.0.0",
            "id": name,
            "description": name,
            "license": "other",
            "links": [],
            "extent": extent,
        }
        for name in collections
    ]
    files = {"collections": documents, "items": items}
    commands = [["migrate"]]
    for name, rows in files.items():
        path = folder / f"{name}.ndjson"
        path.write_text("\n".join(map(json.dumps, rows)))
        commands.append(["load", name, str(path), "--method", "upsert"])
    for command in commands:
        subprocess.run([programs / "pypgstac", *command], check=True, env=environment, stdout=subprocess.DEVNULL)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + HANG
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=HANG):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the STAC API did not start")
