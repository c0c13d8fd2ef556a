"""Files that nginx serves, as most static servers do."""

import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from effort import HANG
from ports import free_port
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import HEAD_BYTES, loop
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings

DATA = random.Random(11).randbytes(3 << 20)

CONFIG = """
worker_processes 1; pid {folder}/pid; error_log {folder}/errors; daemon off; master_process off;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/requests; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {folder}/files; }}
    location /packed/ {{ root {folder}/files; gzip on; gzip_types *; gzip_min_length 1; }}
    location /moved/ {{ return 302 /plain/a.tif; }}
  }}
}}
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed; the package nginx-light has it")
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port))
    for name in ("plain", "packed", "moved"):
        (tmp_path / "files" / name).mkdir(parents=True)
        (tmp_path / "files" / name / "a.tif").write_bytes(DATA)
    command = [program, "-c", str(config), "-e", str(tmp_path / "errors")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            loop.stop()
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + HANG
    while process.poll() is None and monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            sleep(0.01)
        else:
            return
    raise AssertionError("nginx did not start")


def test_nginx_gives_ranges_of_one_version(prefix: str, tmp_path: Path) -> None:
    settings = SourceSettings(prefix, private_addresses=True, redirects="same-host")
    source = make_sources([settings])[prefix]
    spans = [(2 << 20, 700), (5, 10), ((2 << 20) + 1000, 50), (len(DATA) - 3, 30)]
    for name in ("plain", "packed", "moved"):  # packed: it is not, since that was not asked for
        file = source.open(f"{prefix}{name}/a.tif")
        assert (file.size, file.head) == (len(DATA), DATA[:HEAD_BYTES])
        assert source.read(file, spans) == [DATA[offset : offset + count] for offset, count in spans]
    statuses = [line.split('"')[2].split()[0] for line in (tmp_path / "requests").read_text().splitlines()]
    assert sorted(statuses) == ["206"] * 9 + ["302"] * 3  # of each file the head, and two ranges

    replaced = source.open(f"{prefix}plain/a.tif")
    (tmp_path / "files" / "plain" / "a.tif").write_bytes(DATA[::-1] + b"1")
    with pytest.raises(SourceUnavailable, match="replaced"):
        source.read(replaced, spans)
    with pytest.raises(SourceUnavailable, match="missing"):
        source.open(f"{prefix}plain/b.tif")
    (tmp_path / "files" / "plain" / "empty.tif").write_bytes(b"")
    assert source.open(f"{prefix}plain/empty.tif").size == 0
