"""Everyone who takes part: rasterwire and the peers that are installed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.check import Checker
from benchmarks.commands import Commands
from benchmarks.contender import Contender, Unable
from benchmarks.gdal import gdal
from benchmarks.mapserver import MapServer, mapserver
from benchmarks.odc_stac import odc_stac
from benchmarks.processes import DidNotStart
from benchmarks.rasterwire_server import Rasterwire, rasterwire
from benchmarks.source import Source
from benchmarks.titiler import Titiler, titiler

T = TypeVar("T")

_VERSIONS = "from importlib.metadata import version as v; print(*(f'{p} {v(p)}' for p in PACKAGES), sep=', ')"
_PACKAGES = ("titiler.core", "rio-tiler", "uvicorn", "odc-stac", "odc-geo", "rasterio")


@dataclass(frozen=True, slots=True)
class Field:
    """What a suite needs.

    Attributes:
        source: to cut from.
        scratch: folder for what is written.
        runs: counted ones.
        current: rasterwire as it is here.
        before: an earlier version for comparison, or None.
        titiler, mapserver: None where not installed.
        nginx: its program, None where not installed.
        contenders: all, rasterwire first.
        checker: of files.
        versions: of everyone, for the report.
        missing: who is not installed, and how to.
    """

    source: Source
    scratch: Path
    runs: int
    current: Rasterwire
    before: Rasterwire | None
    titiler: Titiler | None
    mapserver: MapServer | None
    nginx: Path | None
    contenders: tuple[Contender, ...]
    checker: Checker
    versions: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]

    def path(self) -> Path:
        """Return the folder for files that are made and removed."""
        folder = self.scratch / "files"
        folder.mkdir(exist_ok=True)
        return folder


@contextmanager
def field_of(
    source: Source, scratch: Path, python: Path | None, runs: int, before: Path | None = None
) -> Iterator[Field]:
    """Start everyone, and stop them at the end.

    Args:
        source: to cut from.
        scratch: folder for what is written.
        python: of an environment with TiTiler and odc-stac.
        runs: counted ones.
        before: the python of an environment with another rasterwire.
    """
    missing: list[str] = []
    versions: list[tuple[str, str]] = []
    contenders: list[Contender] = []
    with ExitStack() as stack:
        commands = stack.enter_context(Commands(scratch / "command.log"))
        current = stack.enter_context(rasterwire(source, scratch))
        contenders.append(current)
        earlier = None if before is None else stack.enter_context(rasterwire(source, scratch / "before", str(before)))
        has_gdal = shutil.which("gdalwarp") is not None
        if has_gdal:
            versions.append(("GDAL command lines", _said(["gdalinfo", "--version"])))
            contenders += gdal(commands, source)
        else:
            missing.append("GDAL's command lines: install gdal-bin")
        web, wcs = None, None
        if python is None:
            missing.append("TiTiler and odc-stac: make an environment with titiler.application, uvicorn and odc-stac, "
                           "and name its python by --peers-python or PEERS_PYTHON")  # fmt: skip
        else:
            web = _started(stack, titiler(python, source.path, scratch), "TiTiler", missing)
            library = _started(stack, odc_stac(python, source, scratch), "odc-stac", missing)
            contenders += [peer for peer in (web, library) if peer is not None]
            versions += [("TiTiler and odc-stac", _packages(python))]
        lighttpd, mapserv = _program("lighttpd"), _program("mapserv")
        if lighttpd and mapserv:
            wcs = _started(stack, mapserver(lighttpd, mapserv, source, scratch), "MapServer", missing)
            contenders += [wcs] if wcs is not None else []
            versions.append(("MapServer", _said([str(mapserv), "-v"]).split(" OUTPUT")[0]))
        else:
            missing.append("MapServer: install cgi-mapserver and lighttpd")
        nginx = _program("nginx")
        if nginx:
            versions.append(("nginx", _said([str(nginx), "-v"])))
        else:
            missing.append("nginx: install nginx")
        checker = Checker(source, commands if has_gdal else None)
        version_rows = tuple(versions)
        yield Field(
            source=source,
            scratch=scratch,
            runs=runs,
            current=current,
            before=earlier,
            titiler=web,
            mapserver=wcs,
            nginx=nginx,
            contenders=tuple(contenders),
            checker=checker,
            versions=version_rows,
            missing=tuple(missing),
        )


def _started(stack: ExitStack, peer: AbstractContextManager[T], name: str, missing: list[str]) -> T | None:
    """Start a peer; one that does not start is missing."""
    try:
        return stack.enter_context(peer)
    except (DidNotStart, Unable, OSError) as error:
        missing.append(f"{name}: {' '.join(str(error).split())[:300]}")
        return None


def _program(name: str) -> Path | None:
    """Return where a program of the system is; those of servers are not always on the path."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/cgi-bin:/usr/local/sbin")
    return None if path is None else Path(path)


def _said(command: list[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return (ran.stdout or ran.stderr).strip().splitlines()[0]


def _packages(python: Path) -> str:
    return _said([str(python), "-c", _VERSIONS.replace("PACKAGES", repr(_PACKAGES))])
