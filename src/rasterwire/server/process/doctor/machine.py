"""Whether loops are compiled, libraries agree, and there is memory and room for open files."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pyproj
import rasterio
from rasterio.errors import CRSError
from rasterio.warp import transform

from rasterwire import compiled
from rasterwire.cgroups import memory_limit, processors
from rasterwire.files.system_calls import can_forbid_calls
from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.settings import Settings
from rasterwire.units import bytes_text, plural_text

_WORKER_BYTES = 512 << 20
"""What a worker takes with some renders at once."""

_FEW_FILES, _TOO_FEW_FILES = 4096, 256
"""Open files: each reader and each raster needs one."""

_EQUAL = 1e-9
"""Degrees that two PROJs may differ: a tenth of a millimetre."""


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of this Python and this machine."""
    if compiled.are_cached():
        yield well("loops", "they are compiled")
    else:
        remedy = (
            "run rasterwire warm as the user of the server; else its first start compiles them for a minute or more"
        )
        yield doubtful("loops", "they are not compiled", remedy)
    yield from _libraries()
    yield _memory(settings)
    yield _processors(settings)
    yield _open_files()
    if settings.sandbox == "process":
        yield _sandbox()


def _libraries() -> Iterator[Finding]:
    yield well("GDAL", f"{rasterio.__gdal_version__} (rasterio {rasterio.__version__})")
    figure = f"{pyproj.proj_version_str} of pyproj, {rasterio.__proj_version__} of rasterio"
    set_ones = [name for name in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA") if name in os.environ]  # noqa: TID251
    try:
        of_rasterio = transform("EPSG:32633", "EPSG:4326", [500_123.4], [5_400_567.8])
        of_pyproj = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(500_123.4, 5_400_567.8)
    except (CRSError, pyproj.exceptions.ProjError) as error:
        remedy = f"unset {', '.join(set_ones)}" if set_ones else "install pyproj and rasterio again"
        yield bad("PROJ", f"{figure}: no data of coordinate systems ({type(error).__name__})", remedy)
        return
    difference = max(abs(of_rasterio[0][0] - of_pyproj[0]), abs(of_rasterio[1][0] - of_pyproj[1]))
    if difference > _EQUAL:
        yield bad("PROJ", f"{figure}; they differ by {difference:.3g} degrees", "install wheels of one time")
    elif set_ones:
        remedy = "unset them: each of the two libraries has data of its own version"
        yield doubtful("PROJ", f"{figure}; {', '.join(set_ones)} leads both to other data", remedy)
    else:
        yield well("PROJ", f"{figure}; they agree")


def _memory(settings: Settings) -> Finding:
    limit, available = memory_limit(), _available()
    room = min(value for value in (limit, available, 1 << 62) if value)
    needed = settings.workers * _WORKER_BYTES
    figure = (
        f"{bytes_text(room)} for {plural_text(settings.workers, 'worker')}" if room < 1 << 62 else "no limit is known"
    )
    if limit and limit <= available:
        figure += ", by the limit of the container"
    if room < needed:
        return doubtful("memory", figure, f"have {bytes_text(needed)}, or fewer workers")
    return well("memory", figure)


def _available() -> int:
    """Return the bytes of memory that may be had; 0 where the kernel does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


def _processors(settings: Settings) -> Finding:
    wanted = settings.threads * settings.workers
    threads, workers = plural_text(settings.threads, "thread"), plural_text(settings.workers, "worker")
    figure = f"{processors():g} for {threads} in each of {workers}"
    if wanted > 2 * processors():
        return doubtful("processors", figure, "lower threads or workers: they only wait for each other")
    return well("processors", figure)


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return well("open files", "no limit")
    more = "" if hard == resource.RLIM_INFINITY else f", {hard} if the server asks"
    remedy = "raise the limit of the service: LimitNOFILE of systemd, or ulimit -n"
    if soft < _TOO_FEW_FILES:
        return bad("open files", f"{soft} at once{more}", remedy)
    if soft < _FEW_FILES:
        return doubtful("open files", f"{soft} at once{more}", remedy)
    return well("open files", f"{soft} at once")


def _sandbox() -> Finding:
    if can_forbid_calls():
        return well("sandbox", "its processes cannot signal or trace others")
    remedy = "use Linux on x86-64 or ARM64, let seccomp filters be set, or give the server a user of its own"
    return doubtful("sandbox", "its processes can signal and trace others of this user", remedy)
