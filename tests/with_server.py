"""Runs a command with a server of the demo scene: ``python tests/with_server.py [--catalog MODULE] COMMAND...``.

The environment of the command has the addresses in ``RASTERWIRE_ADDRESS`` and ``RASTERWIRE_HTTP``, and the folder of
the catalog in ``RASTERWIRE_CATALOG``. The server exports to the folders ``results`` and ``drive`` in
``RASTERWIRE_EXPORTS``, and to the folder ``exported`` of the catalog as ``assets``. The exit code is that of the
command. With ``--catalog`` the function ``make(folder)`` of a module in this folder makes the catalog, instead of the
demo scene.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ports import free_port
from rasterwire.demo.scene import make_scene

_START_SECONDS = 300
_STOP_SECONDS = 120


def main(command: list[str]) -> int:
    """Make a scene, serve it, run the command, and stop the server."""
    make: Callable[[Path], object] = make_scene
    if command[:1] == ["--catalog"] and len(command) > 1:
        make, command = importlib.import_module(command[1]).make, command[2:]
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "catalog")
        make(root)
        grpc_port, http_port = free_port(), free_port()
        doors = ["--host", "127.0.0.1", "--grpc-port", str(grpc_port), "--http-port", str(http_port)]
        exports, config = Path(folder, "exports"), Path(folder, "rasterwire.toml")
        config.write_text(_export_settings(exports, root), encoding="utf-8")
        state = ["--state-dir", str(Path(folder, "state")), "--config", str(config)]
        server = subprocess.Popen([sys.executable, "-m", "rasterwire.cli", "serve", str(root), *doors, *state])
        try:
            address = f"127.0.0.1:{grpc_port}"
            if not _healthy(server, address):
                print("with_server.py: the server did not start", file=sys.stderr)
                return 1
            variables = {
                "RASTERWIRE_ADDRESS": address,
                "RASTERWIRE_HTTP": f"http://127.0.0.1:{http_port}",
                "RASTERWIRE_CATALOG": str(root),
                "RASTERWIRE_EXPORTS": str(exports),
            }
            return subprocess.run(command, check=False, env=os.environ | variables).returncode
        finally:
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _export_settings(exports: Path, catalog: Path) -> str:
    """Return the settings of the places that the server exports to."""
    folders = {"results": exports / "results", "drive": exports / "drive", "assets": catalog / "exported"}
    return "".join(
        f"[[export.destinations]]\nname = '{name}'\nfolder = '{folder}'\n\n" for name, folder in folders.items()
    )


def _healthy(server: "subprocess.Popen[bytes]", address: str) -> bool:
    end = time.monotonic() + _START_SECONDS
    with grpc.insecure_channel(address, options=[("grpc.max_reconnect_backoff_ms", 500)]) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < end and server.poll() is None:
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=30)
            except grpc.RpcError:
                time.sleep(0.1)
                continue
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return True
            time.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
