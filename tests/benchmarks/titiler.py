"""TiTiler under uvicorn with two workers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contender import Run
from benchmarks.processes import Tree, answers, free_port, server
from benchmarks.web import Connection
from benchmarks.work import Kind, Part, Work

# what its documentation recommends for cloud-optimized files
_ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_CACHEMAX": "200",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
    "TITILER_API_CACHECONTROL": "no-store",
}
_RESAMPLINGS = {"near": "nearest"}


class Titiler:
    """The bbox endpoint; its GeoTIFFs are uncompressed, so it stands beside every compression."""

    name = "TiTiler"
    family = "TiTiler"

    def __init__(self, tree: Tree, port: int, url_of: Callable[[str], str | Path]) -> None:
        self.tree: Tree | None = tree
        self.port = port
        self._url_of = url_of
        self._connection = Connection(port)

    def offers(self, work: Work) -> bool:
        return work.kind is not Kind.ZIP and not work.parts[0].grid.is_rotated

    def path(self, part: Part, suffix: str, resampling: str = "near") -> str:
        """Return path and query for one grid."""
        grid = part.grid
        box = ",".join(map(repr, grid.bounds))
        method = _RESAMPLINGS.get(resampling, resampling)
        query = {
            "url": self._url_of(part.band),
            "coord_crs": grid.crs,
            "dst_crs": grid.crs,
            "resampling": method,
            "reproject": method,
            "return_mask": "false",
        }
        query_text = "&".join(f"{key}={value}" for key, value in query.items())
        return f"/cog/bbox/{box}/{grid.width}x{grid.height}{suffix}?{query_text}"

    def tell(self, work: Work) -> str:
        return f"GET http://127.0.0.1:{self.port}{self.path(work.parts[0], work.kind.suffix, work.resampling)}"

    def run(self, work: Work, path: Path, nth: int) -> Run:
        url = self.path(work.parts[0], work.kind.suffix, work.resampling)
        return self._connection.fetch(url, path)

    def fetch(self, part: Part, suffix: str, path: Path) -> Run:
        """Write one grid to a file."""
        return self._connection.fetch(self.path(part, suffix), path)


@contextmanager
def titiler(python: Path, url_of: Callable[[str], str | Path], scratch: Path) -> Iterator[Titiler]:
    """Run TiTiler from an environment that has it, over the files that bands are in."""
    port = free_port()
    command = [str(python), "-m", "uvicorn", "titiler.application.main:app", "--host", "127.0.0.1"]
    options = ["--port", str(port), "--workers", "2", "--timeout-keep-alive", "3600", "--log-level", "warning"]
    up = f"http://127.0.0.1:{port}/healthz"
    with server([*command, *options], lambda: answers(up), scratch / "titiler.log", _ENVIRONMENT) as tree:
        yield Titiler(tree, port, url_of)
