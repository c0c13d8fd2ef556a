"""Computed images (G): a ratio of bands beside the bands themselves, a median beside NumPy's."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.field import Field
from benchmarks.report import Bar, Section
from benchmarks.source import IMAGE, Source
from benchmarks.work import Part
from graphs import Value, call, graph, load

_RATIO, _MEDIAN = 1.5, 2.0
_PEAK_BYTES = 400e6
_SCENES = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09")
"""Twelve files, of pixels of 10, 20 and 60 m, taken for twelve scenes of one band."""

_HEADER = ("", "s median (min - max)", "server CPU s", "peak MB", "bytes", "pixels")


@dataclass(slots=True)
class _Way:
    """One way to a result."""

    name: str
    run: Callable[[int], int]
    command: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    size: int = 0


def computed(field_: Field) -> Iterator[Section]:
    """Compare both."""
    yield _ratio(field_)
    yield _median(field_)


def _on(part: Part) -> dict[str, Any]:
    grid = part.grid
    return {"crs": grid.crs, "crs_transform": list(grid.transform), "dimensions": [grid.width, grid.height]}


def _download(field_: Field, params: dict[str, Any], path: Path) -> Callable[[int], int]:
    def run(nth: int) -> int:
        path.unlink(missing_ok=True)
        return field_.current.client.download({**params, "name": f"run-{nth}"}, path).size

    return run


def _take_turns(field_: Field, ways: list[_Way]) -> float:
    tree = field_.current.tree
    assert tree is not None
    tree.reset_peak()
    for nth in range(field_.runs + 1):
        for way in ways:
            before, began = tree.cpu_seconds(), time.perf_counter()
            way.size = way.run(nth)
            if nth:
                way.seconds.append(time.perf_counter() - began)
                way.cpu.append(tree.cpu_seconds() - before)
    return tree.peak_bytes()


def _rows(ways: list[_Way], peak: float, verdict: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            way.name,
            f"{statistics.median(way.seconds):.3f} ({min(way.seconds):.3f} - {max(way.seconds):.3f})",
            f"{statistics.median(way.cpu):.2f}",
            f"{peak / 1e6:.0f}",
            f"{way.size:,}",
            verdict if index == len(ways) - 1 else "-",
        )
        for index, way in enumerate(ways)
    )


def ratio_of_bands(source: Source) -> dict[str, dict[str, Any]]:
    """Return requests for two bands and for their normalized difference, by title."""
    part = source.native("B08", 1000, 1000, source.scaled(4096))
    common = {"format": "GEO_TIFF", **_on(part)}
    bands = {"image": IMAGE, "bands": ["B08", "B04"], **common}
    index = call("Image.normalizedDifference", input=load(IMAGE), bandNames=["B08", "B04"])
    return {"two bands": bands, "their normalized difference": {"expression": graph(index), **common}}


def median_of_scenes(source: Source) -> tuple[str, dict[str, Any]]:
    """Return a request for the median of twelve files, with its title."""
    part = source.native("B08", 1000, 1000, source.scaled(2048))
    scenes = [_scene(band) for band in _SCENES]
    collection = call("ImageCollection.fromImages", images=scenes)
    expression = graph(call("reduce.median", collection=collection))
    return "median of 12 files", {"expression": expression, "format": "NPY", **_on(part)}


def _ratio(field_: Field) -> Section:
    requests = ratio_of_bands(field_.source)
    bands, ratio = requests.values()
    path = field_.path() / "computed.tif"
    ways = [
        _Way(title, _download(field_, params, path), f"Client.download({params}, path)")
        for title, params in requests.items()
    ]
    peak = _take_turns(field_, ways)
    computed_pixels = _pixels(field_, {**ratio, "format": "NPY"}, path)["nd"]
    nir, red = (_pixels(field_, {**bands, "format": "NPY"}, path)[name].astype(np.float32) for name in ("B08", "B04"))
    with np.errstate(all="ignore"):
        expected = (nir - red) / (nir + red)
    valid = np.isfinite(computed_pixels) & (nir + red > 0)
    verdict = "exact" if np.array_equal(computed_pixels[valid], expected[valid]) else "WRONG"
    times = [statistics.median(way.seconds) for way in ways]
    side = field_.source.scaled(4096)
    return Section(
        title=f"G. computed: normalized difference of two bands, {side} x {side}, GeoTIFF",
        header=_HEADER,
        rows=_rows(ways, peak, verdict),
        bars=(
            Bar("at most 1.5 x the time of the bands", f"{times[1] / times[0]:.2f} x", times[1] <= _RATIO * times[0]),
        ),
        lengths=dict(zip((way.name for way in ways), times, strict=True)),
        commands={way.name: way.command for way in ways},
    )


def _scene(band: str) -> Value:
    selection = call("Image.select", input=load(IMAGE), bandSelectors=[band])
    return call("Image.rename", input=selection, names=["v"])


def _median(field_: Field) -> Section:
    part = field_.source.native("B08", 1000, 1000, field_.source.scaled(2048))
    common = {"format": "NPY", **_on(part)}
    _, composite = median_of_scenes(field_.source)
    path = field_.path() / "computed.npy"
    stack = np.stack([_pixels(field_, {"image": IMAGE, "bands": [b], **common}, path)[b] for b in _SCENES])
    medians: list[npt.NDArray[Any]] = []

    masked = np.ma.masked_equal(stack, 0)

    def by_numpy(_: int) -> int:
        medians[:] = [np.ma.median(masked, axis=0)]  # type: ignore[no-untyped-call]
        return int(medians[0].nbytes)

    def without_masks(_: int) -> int:
        return int(np.median(stack, axis=0).nbytes)

    ways = [
        _Way("NumPy, masked arrays in memory", by_numpy, "numpy.ma.median(arrays, axis=0)"),
        _Way("NumPy, the same without masks", without_masks, "numpy.median(arrays, axis=0)"),
        _Way("rasterwire, whole trip", _download(field_, composite, path), f"Client.download({composite}, path)"),
    ]
    peak = _take_turns(field_, ways)
    computed_pixels = _pixels(field_, composite, path)["v"]
    valid = ~np.ma.getmaskarray(medians[0])
    verdict = "exact" if np.array_equal(computed_pixels[valid], np.asarray(medians[0])[valid]) else "WRONG"
    times = [statistics.median(way.seconds) for way in ways]
    return Section(
        title=f"G. computed: median of 12 files, {part.grid.width} x {part.grid.height}, NPY of doubles",
        header=_HEADER,
        rows=_rows(ways, peak, verdict),
        bars=(
            Bar("at most 2 x the time of NumPy", f"{times[2] / times[0]:.2f} x", times[2] <= _MEDIAN * times[0]),
            Bar("peak below 400 MB", f"{peak / 1e6:.0f} MB", peak < _PEAK_BYTES),
        ),
        lengths=dict(zip((way.name for way in ways), times, strict=True)),
        remarks=("The bar is of the same work, by masked arrays; without masks NumPy takes nodata for values.",),
        commands={way.name: way.command for way in ways},
    )


def _pixels(field_: Field, params: dict[str, Any], path: Path) -> npt.NDArray[Any]:
    path.unlink(missing_ok=True)
    field_.current.client.download({**params, "name": "checked"}, path)
    array: npt.NDArray[Any] = np.load(path)
    return array
