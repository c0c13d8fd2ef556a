"""Runs nginx and HAProxy before two servers, with the very files of ``deploy/``; only addresses are filled in."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest

from effort import HANG
from ports import free_port
from replica_servers import ReplicaServer

__all__ = ["BALANCERS", "Balancer", "haproxy", "nginx"]

DEPLOY = Path(__file__).parents[1] / "deploy"

_NGINX = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 8192;
pid {folder}/pid; error_log {folder}/errors.log;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  include {folder}/rasterwire.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Balancer:
    """A running balancer.

    Attributes:
        name: of the program.
        address: ``host:port`` of gRPC.
        http: ``http://host:port``.
        folder: with what it logs.
    """

    name: str
    address: str
    http: str
    folder: Path


Run = Callable[[Path, Sequence[ReplicaServer]], AbstractContextManager[Balancer]]


@contextmanager
def nginx(folder: Path, servers: Sequence[ReplicaServer]) -> Iterator[Balancer]:
    """Run nginx before two servers while the context is open; skips the test where it is not installed."""
    program = _program("nginx", "nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    grpc_port, http_port = free_port(), free_port()
    own = {
        "listen 50051 ": f"listen 127.0.0.1:{grpc_port} ",
        "listen 8080;": f"listen 127.0.0.1:{http_port};",
        "/var/log/nginx/": f"{folder}/",
    }
    text = _filled("nginx/rasterwire.conf", servers, own)
    (folder / "rasterwire.conf").write_text(text)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    command = [program, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors.log"]
    with _running(command, folder, (grpc_port, http_port)):
        yield Balancer("nginx", f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}", folder)


@contextmanager
def haproxy(folder: Path, servers: Sequence[ReplicaServer]) -> Iterator[Balancer]:
    """Run HAProxy before two servers while the context is open; skips the test where it is not installed."""
    program = _program("haproxy", "haproxy")
    folder.mkdir(parents=True, exist_ok=True)
    grpc_port, http_port = free_port(), free_port()
    own = {
        "bind :50051 ": f"bind 127.0.0.1:{grpc_port} ",
        "bind :8080\n": f"bind 127.0.0.1:{http_port}\n",
    }
    (folder / "haproxy.cfg").write_text(_filled("haproxy/haproxy.cfg", servers, own))
    with _running([program, "-db", "-f", f"{folder}/haproxy.cfg"], folder, (grpc_port, http_port)):
        yield Balancer("HAProxy", f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}", folder)


BALANCERS: Mapping[str, Run] = {"nginx": nginx, "haproxy": haproxy}


def _program(name: str, package: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed; the package {package} has it")
    return program


def _filled(name: str, servers: Sequence[ReplicaServer], own: Mapping[str, str]) -> str:
    text = (DEPLOY / name).read_text()
    a, b = servers
    ports = {
        "a.internal:50051 proto h2 check port 8080": f"127.0.0.1:{a.grpc_port} proto h2 check port {a.http_port}",
        "b.internal:50051 proto h2 check port 8080": f"127.0.0.1:{b.grpc_port} proto h2 check port {b.http_port}",
        "a.internal:50051": f"127.0.0.1:{a.grpc_port}",
        "b.internal:50051": f"127.0.0.1:{b.grpc_port}",
        "a.internal:8080": f"127.0.0.1:{a.http_port}",
        "b.internal:8080": f"127.0.0.1:{b.http_port}",
    }
    for old, new in own.items():
        assert old in text, f"{name} has no {old!r} any more"
        text = text.replace(old, new)
    for old, new in ports.items():
        text = text.replace(old, new)
    assert "internal" not in text
    return text


@contextmanager
def _running(command: Sequence[str], folder: Path, ports: Sequence[int]) -> Iterator[None]:
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        for port in ports:
            _wait_for(port, process, folder)
        yield
    finally:
        process.kill()
        process.wait(HANG)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = monotonic() + HANG
    while process.poll() is None and monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            sleep(0.02)
        else:
            return
    raise AssertionError((folder / "output.log").read_text())
