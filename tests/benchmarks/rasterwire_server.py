"""rasterwire: its server as installed, asked through its own client."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contender import Run, Unable
from benchmarks.processes import Tree, free_port, server
from benchmarks.source import IMAGE, Source
from benchmarks.work import Kind, Part, Work
from rasterwire.client import Client, DownloadFailed

_WARM = """
import pathlib, sys
try:
    from rasterwire.server.process.warm import main
except ModuleNotFoundError:  # an earlier commit
    from rasterwire.server.warm import main
main(pathlib.Path(sys.argv[1]))
"""
_SERVE = "import sys; from rasterwire.cli import main; sys.argv[0] = 'rasterwire'; main()"
_WORKERS = 2
_CACHE_BYTES = 3 << 30
"""Space for the largest file. It is soon full, as in a server that has run for a while."""

_FORMATS = {
    Kind.DEFLATE: {"format": "GEO_TIFF"},
    Kind.ZSTD: {"format": "GEO_TIFF", "compression": "ZSTD"},
    Kind.NPY: {"format": "NPY"},
    Kind.ZIP: {"format": "ZIPPED_GEO_TIFF_PER_BAND"},
}
_RESAMPLINGS = {"near": "NEAREST"}


class Rasterwire:
    """The whole trip: create, render, stream, check, write to disk; the file is new to the server each time."""

    name = "rasterwire"
    family = "rasterwire"

    def __init__(self, tree: Tree, address: str, client: Client) -> None:
        self.tree: Tree | None = tree
        self.address = address
        self.client = client

    def offers(self, work: Work) -> bool:
        return True

    def params(self, work: Work, name: str) -> dict[str, Any]:
        """Return the request; another name is another file to the server."""
        resampling = _RESAMPLINGS.get(work.resampling, work.resampling.upper())
        common = {"image": IMAGE, "name": name, "resampling": resampling, **_FORMATS[work.kind]}
        if work.kind is Kind.ZIP:
            return {**common, "bands": [{"id": part.band, **_grid(part)} for part in work.parts]}
        (part,) = work.parts
        return {**common, "bands": [part.band], **_grid(part)}

    def tell(self, work: Work) -> str:
        return f"Client.download({self.params(work, 'run-N')}, path)"

    def run(self, work: Work, path: Path, nth: int) -> Run:
        params = self.params(work, f"run-{nth}")
        first: list[float] = []

        def note(size: int, _total: int | None) -> None:
            if size and not first:
                first.append(time.perf_counter())

        began = time.perf_counter()
        try:
            self.client.download(params, path, progress=note)
        except DownloadFailed as error:
            raise Unable(str(error)) from error
        return Run(time.perf_counter() - began, first[0] - began)

    def renders_anew(self, work: Work) -> bool:
        """Tell whether the runs are different files to the server, which keeps what it rendered."""
        return self.client.plan(self.params(work, "run-0")).etag != self.client.plan(self.params(work, "run-1")).etag


def _grid(part: Part) -> dict[str, Any]:
    grid = part.grid
    return {"crs": grid.crs, "crs_transform": list(grid.transform), "dimensions": [grid.width, grid.height]}


@contextmanager
def rasterwire(
    source: Source, scratch: Path, python: str = sys.executable, config: Path | None = None, workers: int = _WORKERS
) -> Iterator[Rasterwire]:
    """Run a server over the source, that of an environment, with two workers where it has workers."""
    scratch.mkdir(exist_ok=True)
    ports = free_port(), free_port()
    # compiled before, as in a server that was started before
    subprocess.run([python, "-c", _WARM, str(scratch / "turn")], check=True)
    command = [python, "-c", _SERVE, "serve", str(source.catalog)]
    options = ["--grpc-port", str(ports[0]), "--http-port", str(ports[1]), "--state-dir", str(scratch / "state")]
    usage = subprocess.run([*command[:3], "serve", "--help"], capture_output=True, text=True, check=True).stdout
    if "--workers" in usage:
        options += ["--workers", str(workers)]
    if config is not None:
        options += ["--config", str(config)]
    address = f"127.0.0.1:{ports[0]}"
    log = scratch / "rasterwire.log"
    variables = {"RASTERWIRE_CACHE_BYTES": str(_CACHE_BYTES)}
    with (
        Client(address) as client,
        server([*command, *options], lambda: _is_up(address) and _is_warm(log, workers), log, variables) as tree,
    ):
        yield Rasterwire(tree, address, client)


def _is_warm(log: Path, workers: int) -> bool:
    return log.read_text().count("loops are loaded") == workers


def _is_up(address: str) -> bool:
    with Client(address, timeout=2) as client:
        try:
            client.get_image(IMAGE)
        except DownloadFailed:
            return False
    return True
