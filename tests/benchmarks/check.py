"""Whether a file holds the pixels it should; outside of the timing.

Windows and grids of the source's crs are compared with the source's own pixels, by arithmetic; other grids
with what ``gdalwarp -et 0`` makes, which is GDAL without its approximation of coordinates.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

from benchmarks.commands import Commands
from benchmarks.source import BANDS, Source
from benchmarks.work import CRS, Kind, Part, Work

_ROWS = 1024
_WIDEST_TILE = 512

_Pixels = npt.NDArray[Any]
_Rows = Callable[[int, int], _Pixels]
"""Returns the rows from one to before another, shape (rows, columns)."""


@dataclass(frozen=True, slots=True)
class Got:
    """One raster of a file.

    Attributes:
        rows: its pixels.
        shape: rows and columns.
        dtype: of a pixel.
        remarks: what was lost beside pixels.
        placed: whether the grid is the one asked for; True where the format has none.
    """

    rows: _Rows
    shape: tuple[int, int]
    dtype: str
    remarks: tuple[str, ...]
    placed: bool


class Checker:
    """Compares files with what they should hold; reads each band of the source once."""

    def __init__(self, source: Source, commands: Commands | None) -> None:
        """Prepare.

        Args:
            source: of the pixels.
            commands: where gdalwarp can be had.
        """
        self._source = source
        self._commands = commands
        self._bands: dict[str, _Pixels] = {}

    def verdict(self, work: Work, path: Path) -> str:
        """Return one line about a file: exact, or how it differs, and what it lacks."""
        if work.kind is Kind.ZIP:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            paths = [f"/vsizip/{path}/{_entry(names, part.band)}" for part in work.parts]
            remarks = [self._part(work, part, name) for part, name in zip(work.parts, paths, strict=True)]
            return "; ".join(dict.fromkeys(remarks))
        return self._part(work, work.parts[0], str(path))

    def _part(self, work: Work, part: Part, name: str) -> str:
        with _opened(name, part) as raster:
            if raster.shape != (part.grid.height, part.grid.width):
                return f"WRONG SHAPE {raster.shape}"
            verdict = self._compared(work, part, raster)
            return ", ".join([verdict, *([] if raster.placed else ["WRONG GRID"]), *raster.remarks])

    def _compared(self, work: Work, part: Part, raster: Got) -> str:
        is_native = part.grid.crs == CRS and work.resampling == "near"
        if not is_native and (self._commands is None or part.grid.is_rotated):
            return "not checked, no gdalwarp"
        if is_native:
            full = _difference(raster, self._nearest(part))
        else:
            with self._warped(work, part, "NONE") as rows:
                full = _difference(raster, rows)
        coarser = part.grid.crs == CRS and part.grid.transform[0] > 1.5 * BANDS[part.band]
        if not full or not coarser or self._commands is None:
            return _said(full, raster)
        # coarser pixels may rightly come from an overview
        with self._warped(work, part, "AUTO") as rows:
            by_overview = _difference(raster, rows)
        if by_overview and by_overview[0] >= full[0]:
            return _said(full, raster)
        return _said(by_overview, raster, " from an overview")

    @contextmanager
    def _warped(self, work: Work, part: Part, overview: str) -> Iterator[_Rows]:
        assert self._commands is not None
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "expected.tif")
            grid = part.grid
            place = ["-t_srs", grid.crs, "-te", *map(repr, grid.bounds), "-ts", str(grid.width), str(grid.height)]
            how = ["-et", "0", "-ovr", overview, "-r", work.resampling]
            self._commands.run(["gdalwarp", "-q", *how, *place, str(self._source.path(part.band)), str(out)])
            with rasterio.open(out) as raster:
                yield _rows_of(raster)

    def _nearest(self, part: Part) -> _Rows:
        if part.band not in self._bands:
            self._bands = {part.band: self._read(part.band)}
        pixels, native_transform = self._bands[part.band]
        to_source = ~native_transform * Affine(*part.grid.transform)
        columns = np.arange(part.grid.width) + 0.5

        def rows(start: int, stop: int) -> _Pixels:
            lines = (np.arange(start, stop) + 0.5)[:, None]
            if part.grid.is_rotated:
                x = np.floor(to_source.a * columns + to_source.b * lines + to_source.c).astype(np.intp)
                y = np.floor(to_source.d * columns + to_source.e * lines + to_source.f).astype(np.intp)
            else:
                x = np.floor(to_source.a * columns + to_source.c).astype(np.intp)
                y = np.floor(to_source.e * lines + to_source.f).astype(np.intp)
            inside = (x >= 0) & (x < pixels.shape[1]) & (y >= 0) & (y < pixels.shape[0])
            clipped = pixels[np.clip(y, 0, pixels.shape[0] - 1), np.clip(x, 0, pixels.shape[1] - 1)]
            return np.where(inside, clipped, 0)

        return rows

    def _read(self, band: str) -> Any:
        with rasterio.open(self._source.path(band)) as raster:
            return raster.read(1), raster.transform


def _entry(names: list[str], band: str) -> str:
    return next(name for name in names if name.endswith(f"{band}.tif"))


@contextmanager
def _opened(name: str, part: Part) -> Iterator[Got]:
    if name.endswith(".npy"):
        yield _array(np.load(name, mmap_mode="r"))
        return
    with rasterio.open(name) as raster:
        remarks = []
        profile = raster.profile
        if not profile.get("compress"):
            remarks.append("uncompressed")
        if raster.block_shapes[0][1] == raster.width > _WIDEST_TILE:
            remarks.append("no tiles")
        if raster.nodata is None:
            remarks.append("nodata lost")
        if raster.descriptions[0] is None:
            remarks.append("band name lost")
        expected = Affine(*part.grid.transform)
        pixel = max(abs(expected.a), abs(expected.b))
        same = all(abs(a - b) < 1e-3 * pixel for a, b in zip(raster.transform[:6], expected[:6], strict=True))
        shape = (raster.height, raster.width)
        placed = same and raster.crs == rasterio.CRS.from_string(part.grid.crs)
        yield Got(_rows_of(raster), shape, raster.dtypes[0], tuple(remarks), placed)


def _array(pixels: _Pixels) -> Got:
    remarks: tuple[str, ...]
    if pixels.dtype.names:
        plain, remarks = pixels[pixels.dtype.names[0]], ()
    else:
        plain, remarks = pixels.reshape(pixels.shape[-2:]), ("band name lost",)
    shape = (plain.shape[0], plain.shape[1])
    return Got(lambda start, stop: plain[start:stop], shape, plain.dtype.name, remarks, True)


def _rows_of(raster: Any) -> _Rows:
    def rows(start: int, stop: int) -> _Pixels:
        pixels: _Pixels = raster.read(1, window=((start, stop), (0, raster.width)))
        return pixels

    return rows


def _difference(raster: Got, expected: _Rows) -> tuple[float, int] | tuple[()]:
    """Return the share of pixels that differ and the largest difference, nothing where all are equal."""
    different, largest = 0, 0
    height, width = raster.shape
    for start in range(0, height, _ROWS):
        stop = min(height, start + _ROWS)
        off = np.abs(raster.rows(start, stop).astype(np.int64) - expected(start, stop).astype(np.int64))
        different += int(np.count_nonzero(off))
        largest = max(largest, int(off.max()))
    return (different / (height * width), largest) if different else ()


def _said(difference: tuple[float, int] | tuple[()], raster: Got, beside: str = "") -> str:
    text = f"{100 * difference[0]:.2g} % differ, by {difference[1]} at most" if difference else "exact"
    return text + beside + ("" if raster.dtype == "uint16" else f", {raster.dtype}")
