"""The whole trip through a server whose files are remote: a window beside TiTiler, and a median of many scenes.

Each run asks for the same files under names of its own, so that nobody has their bytes.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import DidNotStart
from benchmarks.rasterwire_server import Rasterwire, rasterwire
from benchmarks.remote_reader import WINDOWS, count
from benchmarks.remote_scenes import COUNT, SIDE, download, make_scenes, tiles_of, write_item
from benchmarks.report import Bar
from benchmarks.source import IMAGE, Source
from benchmarks.titiler import titiler
from benchmarks.work import Part

_MOST_TIMES = 1.5
_PEAK_BYTES = 500e6
_, *_WINDOW = WINDOWS[3]

_Way = Callable[[str, Path], object]
"""Does the work once; gets the name of the run, and where the output goes."""


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Files that a server of ranges serves.

    Attributes:
        folder: of the files; links are put there.
        base: address of the folder.
        source: the large scene.
        runs: of each way, in turns.
    """

    folder: Path
    base: str
    source: Source
    runs: int

    def url(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self.base}/{name}.tif"

    def add(self, name: str, path: Path) -> None:
        """Serve a file under a name, and write an item for it."""
        (self.folder / f"{name}.tif").symlink_to(path)
        write_item(self.folder / "items", name, self.url(name))


def whole_trips(files: RemoteFiles, peers: Path | None) -> Iterator[Bar]:
    """Yield the bars of the whole trip.

    Args:
        files: of all ways.
        peers: python of an environment with TiTiler, if there is one.
    """
    scenes = make_scenes(files.source)
    for name in _runs(files):
        files.add(f"{name}-large", files.source.path("B02"))
        for number, path in enumerate(scenes):
            files.add(f"{name}-{number}", path)
    files.add(IMAGE, scenes[0])
    config = files.folder / "config.toml"
    config.write_text(f'[[sources]]\nprefix = "{files.base}/"\nprivate_addresses = ["127.0.0.0/8"]\n')
    catalog = Source(files.folder / "items", files.source.size)
    with rasterwire(catalog, files.folder / "served", config=config, workers=1) as own:
        yield _window(files, own, peers)
        yield from _median(files, own, [tiles_of(path) for path in scenes])


def _runs(files: RemoteFiles) -> list[str]:
    """Return the names of the runs; the first one is not counted."""
    return [f"run{number}" for number in range(files.runs + 1)]


def _window(files: RemoteFiles, own: Rasterwire, python: Path | None) -> Bar:
    title = "4096, whole trip: no slower than TiTiler"
    part = files.source.native("B02", *_WINDOW)

    def of_own(run: str, path: Path) -> object:
        return own.client.download({"image": f"{run}-large", "bands": ["B02"], **_on(part)}, path)

    with ExitStack() as stack:
        ways: dict[str, _Way] = {"rasterwire": of_own}
        if python is not None:
            try:
                peer = stack.enter_context(titiler(python, files.url, files.folder))
            except (DidNotStart, OSError) as error:
                print(f"TiTiler: {' '.join(str(error).split())[:300]}", flush=True)
            else:
                ways["TiTiler"] = lambda run, path: peer.fetch(replace(part, band=f"{run}-large"), ".npy", path)
        seconds = _take_turns("4096, whole trip", files, ways)
    if "TiTiler" not in seconds:
        return Bar(title, None, passed=True)
    own_pixels, (peer_pixels, *_) = (np.load(files.folder / way) for way in ways)
    share = seconds["rasterwire"] / seconds["TiTiler"]
    is_same = np.array_equal(own_pixels["B02"], peer_pixels)
    return Bar(title, f"{share:.2f} of its time, pixels {'equal' if is_same else 'DIFFER'}", share <= 1 and is_same)


def _median(files: RemoteFiles, own: Rasterwire, tiles: list[tuple[int, int]]) -> Iterator[Bar]:
    title = f"median of {COUNT} scenes"
    part = files.source.native("B02", 0, 0, SIDE)

    def composite(run: str, path: Path) -> object:
        mosaic = {"images": [f"{run}-{number}" for number in range(COUNT)], "composite": "median"}
        return own.client.download({"mosaic": mosaic, "bands": ["B02"], **_on(part), "name": path.name}, path)

    def plain(run: str, _: Path) -> object:
        return download([(files.url(f"{run}-{number}"), *span) for number, span in enumerate(tiles)])

    assert own.tree is not None
    own.tree.reset_peak()
    ways: Mapping[str, _Way] = {"rasterwire": composite, "plain download": plain, "tiles at hand": composite}
    seconds = _take_turns(title, files, ways, own)
    peak = own.tree.peak_bytes()
    times = seconds["rasterwire"] / seconds["plain download"]
    yield Bar(f"{title}: at most {_MOST_TIMES} times a plain download", f"{times:.2f} times", times <= _MOST_TIMES)
    yield Bar(f"{title}: peak below 500 MB", f"{peak / 1e6:.0f} MB", peak < _PEAK_BYTES)


def _on(part: Part) -> dict[str, Any]:
    grid = part.grid
    place = {"crs": grid.crs, "crs_transform": list(grid.transform), "dimensions": [grid.width, grid.height]}
    return {**place, "format": "NPY"}


def _take_turns(
    title: str, files: RemoteFiles, ways: Mapping[str, _Way], own: Rasterwire | None = None
) -> dict[str, float]:
    """Print what each way took, and return its median seconds."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    counts: dict[str, dict[str, int]] = {}
    for run in _runs(files):
        for way, work in ways.items():
            path = files.folder / way
            path.unlink(missing_ok=True)
            count(files.url(run))
            before, began = _cpu_seconds(own), time.perf_counter()
            work(run, path)
            seconds[way].append(time.perf_counter() - began)
            cpu[way].append(_cpu_seconds(own) - before)
            counts[way] = count(files.url(run))
    for way, times in seconds.items():
        counted = sorted(times[1:])
        median = f"{statistics.median(counted):.3f} s ({counted[0]:.3f} - {counted[-1]:.3f})"
        used = f", server CPU {statistics.median(cpu[way][1:]):.2f} s" if own is not None else ""
        asked = f"{counts[way]['requests']:3} requests {counts[way]['bytes'] / 1e6:6.2f} MB"
        print(f"{title:20} {way:14} {asked}  {median}{used}", flush=True)
    return {way: statistics.median(times[1:]) for way, times in seconds.items()}


def _cpu_seconds(own: Rasterwire | None) -> float:
    return 0.0 if own is None or own.tree is None else own.tree.cpu_seconds()
