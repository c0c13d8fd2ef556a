"""Beside another rasterwire (H): that of another commit does the same in turns with this one."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.again import grpc_reader
from benchmarks.cases import grids, growth, many_bands, windows
from benchmarks.computed import median_of_scenes, ratio_of_bands
from benchmarks.field import Field
from benchmarks.rasterwire_server import Rasterwire
from benchmarks.report import Bar, Section
from benchmarks.small import ALONE, TOGETHER, ask, own_peer, places, sample
from benchmarks.source import Source
from benchmarks.work import Kind, Part, Work

_LEAST_RATIO = 0.97
_ROUNDS, _SECONDS = 6, 3


@dataclass(slots=True)
class _Pair:
    """What both did.

    Attributes:
        title: of the case.
        unit: of the figures; of seconds and ms less is better, of all else more.
        before, now: figures of the runs.
        cpu: seconds of the servers before and now.
    """

    title: str
    unit: str
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    cpu: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def ratio(self) -> float:
        """Return how many times as fast this one is."""
        before, after = statistics.median(self.before), statistics.median(self.after)
        return before / after if self.unit in {"s", "ms"} else after / before


def beside(field_: Field) -> Iterator[Section]:
    """Compare, where there is another."""
    earlier = field_.before
    if earlier is None:
        return
    pairs = [*_downloads(field_, earlier), _again(field_, earlier), *_small(field_, earlier)]
    rows = tuple(
        (
            pair.title,
            _told(pair.before, pair.unit),
            _told(pair.after, pair.unit),
            f"{pair.ratio:.2f}",
            *(f"{statistics.median(spent):.2f}" if spent else "-" for spent in pair.cpu),
        )
        for pair in pairs
    )
    slowest = min(pairs, key=lambda pair: pair.ratio)
    yield Section(
        title="H. beside another rasterwire",
        header=("", "before", "now", "times as fast", "server CPU s before", "now"),
        rows=rows,
        bars=(
            Bar(
                f"at least {_LEAST_RATIO} x as fast in every case",
                f"{slowest.ratio:.2f} x in {slowest.title}",
                slowest.ratio >= _LEAST_RATIO,
            ),
        ),
    )


def _told(figures: list[float], unit: str) -> str:
    middle = statistics.median(figures)
    digits = 3 if middle < 10 else 0
    return f"{middle:.{digits}f} ({min(figures):.{digits}f} - {max(figures):.{digits}f}) {unit}"


def _works(source: Source) -> list[Work]:
    of_degrees = next(work for work in grids(source) if work.parts[0].grid.crs == "EPSG:4326")
    finer = Part("B02", source.placed("B02", 10 / 3, source.scaled(2048), source.scaled(2048)).grid)
    kinds = ("cubic", "average", "median", "max", "mode", "lanczos")
    return [
        *windows(source),
        *grids(source),
        *(work for works in growth(source) for work in works[:2]),
        many_bands(source),
        *(replace(of_degrees, title=f"to EPSG:4326, {kind}", resampling=kind) for kind in kinds[:4]),
        *(Work(f"3 x finer, {kind}", (finer,), Kind.NPY, kind) for kind in kinds),
    ]


def _downloads(field_: Field, earlier: Rasterwire) -> Iterator[_Pair]:
    requests: dict[str, Callable[[Rasterwire, str], dict[str, Any]]] = {
        work.title: lambda server, name, work=work: server.params(work, name)  # type: ignore[misc]
        for work in _works(field_.source)
    }
    for title, params in (*ratio_of_bands(field_.source).items(), median_of_scenes(field_.source)):
        requests[title] = lambda _, name, params=params: {**params, "name": name}  # type: ignore[misc]
    path = field_.path() / "beside"
    for title, params_of in requests.items():
        pair = _Pair(title, "s")
        sizes = set()
        for nth in range(field_.runs + 1):
            # who comes second finds the source in the kernel's memory, but also the disk at work: they swap
            sides = [(earlier, pair.before, pair.cpu[0]), (field_.current, pair.after, pair.cpu[1])]
            for server, seconds, cpu in sides if nth % 2 else sides[::-1]:
                duration, spent, size = _download(server, params_of(server, f"run-{nth}"), path)
                sizes.add(size)
                if nth:
                    seconds.append(duration)
                    cpu.append(spent)
        yield replace(pair, title=title if len(sizes) == 1 else f"{title} (other bytes)")


def _download(server: Rasterwire, params: dict[str, Any], path: Path) -> tuple[float, float, int]:
    assert server.tree is not None
    path.unlink(missing_ok=True)
    before, began = server.tree.cpu_seconds(), time.perf_counter()
    size = server.client.download(params, path).size
    return time.perf_counter() - began, server.tree.cpu_seconds() - before, size


def _again(field_: Field, earlier: Rasterwire) -> _Pair:
    """Read a file that is rendered already."""
    side = field_.source.scaled(10000)
    work = Work("", (field_.source.native("B02", 0, 0, side),), Kind.NPY)
    pair = _Pair(f"a rendered file again, NPY of {side} x {side}", "MB/s")
    with ExitStack() as stack:
        readers = []
        for server, rates in ((earlier, pair.before), (field_.current, pair.after)):
            params = server.params(work, "beside")
            server.client.download(params, field_.path() / "beside")
            download = server.client.create_download(params).download_id
            readers.append((grpc_reader(stack, server.address, download), rates))
        for nth in range(field_.runs + 1):
            for reader, rates in readers if nth % 2 else readers[::-1]:
                size, _, seconds = reader()
                if nth:
                    rates.append(size / seconds / 1e6)
    return pair


def _small(field_: Field, earlier: Rasterwire) -> Iterator[_Pair]:
    """Ask for small pieces, one after the other and many at once."""
    parts = places(field_.source)
    alone, together = _Pair("small pieces, one client", "ms"), _Pair(f"small pieces, {TOGETHER} clients", "requests/s")
    peers = [own_peer(server, parts[0], name) for server, name in ((earlier, "before"), (field_.current, "now"))]
    for peer in peers:
        sample(field_, peer, parts[:3])
    sides = partial(zip, peers, strict=True)
    for nth in range(3):
        for peer, figures in sides((alone.before, alone.after)):
            peer.forget()
            ask(peer, parts[nth * ALONE : (nth + 1) * ALONE], together=1, seconds=0)
            figures += [1000 * latency for latency in peer.latencies]
    yield alone
    for nth in range(_ROUNDS + 1):
        for peer, figures in sides((together.before, together.after)):
            peer.forget()
            ask(peer, parts, together=TOGETHER, seconds=_SECONDS)
            if nth:
                figures.append(peer.rate)
    yield together
