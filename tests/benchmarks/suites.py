"""The suites by letter: what is run, and the bars that have to be reached."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.again import again
from benchmarks.before import beside
from benchmarks.cases import grids, growth, many_bands, windows
from benchmarks.computed import computed
from benchmarks.contender import Contender
from benchmarks.field import Field
from benchmarks.measure import Measured, measure
from benchmarks.report import Bar, Section, faster, of_work
from benchmarks.small import small
from benchmarks.work import Kind, Work

_Bars = dict[tuple[Kind, str], tuple[tuple[str, float], ...]]
"""Times as fast as the best of a family, by kind and resampling."""

_PEAK_BYTES = 400e6
_GROWTH = 1.10

_SHARED_MEMORY = Path("/dev/shm")
_ROOM = 6 << 30


def _windows(field: Field) -> Iterator[Section]:
    bars: _Bars = {(Kind.DEFLATE, "near"): (("gdal", 1.8), ("TiTiler", 3.0)), (Kind.NPY, "near"): (("TiTiler", 2.5),)}
    for work in windows(field.source):
        yield _compared("A", field, work, bars)


def _grids(field: Field) -> Iterator[Section]:
    bars: _Bars = {(Kind.DEFLATE, "near"): (("gdal", 1.3),), (Kind.DEFLATE, "bilinear"): (("gdal", 2.0),)}
    for work in grids(field.source):
        yield _compared("B", field, work, bars if work.parts[0].grid.crs == "EPSG:4326" else {})


def _many_bands(field: Field) -> Iterator[Section]:
    yield _compared("F", field, many_bands(field.source), {})


def _compared(letter: str, field: Field, work: Work, bars: _Bars) -> Section:
    measured = _measured(field, [(contender, work) for contender in field.contenders], field.path())
    expected_bars = bars.get((work.kind, work.resampling), ())
    return of_work(letter, work, measured, [faster(measured, family, times) for family, times in expected_bars])


def _measured(field: Field, tasks: Sequence[tuple[Contender, Work]], folder: Path) -> list[Measured]:
    for work in {work.title: work for _, work in tasks}.values():
        if not field.current.renders_anew(work):
            raise RuntimeError(f"rasterwire would answer from its cache: {work.title}")
    return measure(tasks, field.runs, folder, field.checker)


@contextmanager
def _memory(field: Field) -> Iterator[tuple[Path, str]]:
    """Yield a folder in memory where there is one with room, and what it is."""
    try:
        has_room = shutil.disk_usage(_SHARED_MEMORY).free > _ROOM
    except OSError:
        has_room = False
    if not has_room:
        yield field.path(), "this machine has no folder in memory, so the files go to its disk"
        return
    with tempfile.TemporaryDirectory(prefix="rasterwire-", dir=_SHARED_MEMORY) as folder:
        yield Path(folder), "the files go to memory, since disks take the first megabytes faster than the rest"


def _growth(field: Field) -> Iterator[Section]:
    for works in growth(field.source):
        rows, paces, peaks = [], [], []
        lengths: dict[str, float] = {}
        with _memory(field) as (folder, memory_remark):
            results = _measured(field, [(field.current, work) for work in works], folder)
        for work, measured in zip(works, results, strict=True):
            if not measured.runs:
                rows.append((work.title, *["-"] * 6, measured.verdict))
                continue
            pixels = work.parts[0].grid.pixels
            paces.append(measured.seconds / pixels * 1e9)
            peaks.append(measured.peak)
            times = [run.seconds for run in measured.runs]
            rows.append(
                (
                    f"{pixels / 1e6:.0f} MP, {work.title}",
                    f"{measured.seconds:.3f} ({min(times):.3f} - {max(times):.3f})",
                    f"{paces[-1]:.2f}",
                    f"{1000 * (measured.first_byte or 0):.0f}",
                    f"{measured.cpu_seconds:.2f}",
                    f"{measured.peak / 1e6:.0f}",
                    f"{measured.size:,}",
                    measured.verdict,
                )
            )
            lengths[f"rasterwire, {pixels / 1e6:.0f} MP"] = paces[-1]
        whole = len(paces) == len(works)
        ratio = paces[-1] / paces[1] if whole else None
        yield Section(
            title=f"E. growth: three times finer than the source, {works[0].kind}",
            header=(
                "",
                "s median (min - max)",
                "ns a pixel",
                "first byte ms",
                "server CPU s",
                "peak MB",
                "bytes",
                "pixels",
            ),
            rows=tuple(rows),
            remarks=(f"The sizes take turns, so that none finds tiles that the one before decoded; {memory_remark}.",),
            bars=(
                Bar(
                    "the time a pixel takes in the largest at most 1.10 x that in the second",
                    None if ratio is None else f"{ratio:.2f} x",
                    ratio is not None and ratio <= _GROWTH,
                ),
                Bar(
                    "peak below 400 MB",
                    f"{max(peaks) / 1e6:.0f} MB" if peaks else None,
                    bool(peaks) and max(peaks) < _PEAK_BYTES,
                ),
            ),
            lengths=lengths,
            unit="ns a pixel",
            commands={work.title: field.current.tell(work) for work in works},
        )


SUITES: dict[str, Callable[[Field], Iterator[Section]]] = {
    "A": _windows,
    "B": _grids,
    "C": small,
    "D": again,
    "E": _growth,
    "F": _many_bands,
    "G": computed,
    "H": beside,
}
