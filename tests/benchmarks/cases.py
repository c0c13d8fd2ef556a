"""The downloads that are compared: native windows (A), other grids (B), growth (E), and many bands (F)."""

import math
from dataclasses import replace

from benchmarks.source import BANDS, Source
from benchmarks.work import Grid, Kind, Part, Window, Work

_MEAN_DEGREE = 111_319.49079327358  # metres


def windows(source: Source) -> list[Work]:
    """Return windows of the source's own pixels (A)."""
    side = max(256, source.scaled(4096) // 256 * 256)
    column, row = source.scaled(1237), source.scaled(2311)
    part = source.native("B02", column, row, side)
    across = [source.native(band, column, row, side) for band in ("B02", "B03", "B04")]
    aligned = source.native("B02", source.scaled(1536) // 512 * 512, source.scaled(2560) // 512 * 512, side)
    size = f"{side} x {side}"
    works = [Work(f"native window {size}, {kind}", (part,), kind) for kind in (Kind.DEFLATE, Kind.ZSTD, Kind.NPY)]
    works.append(Work(f"three bands of {size}, {Kind.ZIP}", tuple(across), Kind.ZIP))
    works.append(Work(f"the window along tiles, {Kind.DEFLATE}", (aligned,), Kind.DEFLATE))
    return works


def grids(source: Source) -> list[Work]:
    """Return grids that are not the source's (B)."""
    side = max(256, source.scaled(4096) // 256 * 256)
    degrees = Part("B02", _geographic(source, side))
    size = f"{side} x {side}"
    small = source.size // 5
    coarse = source.placed("B02", 50, small, small)
    half = side // 2
    turned = Part("B02", _rotated(source, 30, half))
    kind = Kind.DEFLATE
    return [
        Work(f"to EPSG:4326, {size}, nearest, {kind}", (degrees,), kind),
        Work(f"to EPSG:4326, {size}, bilinear, {kind}", (degrees,), kind, "bilinear"),
        Work(f"the whole image 5 x coarser, average, {kind}", (coarse,), kind, "average"),
        Work(f"the whole image 5 x coarser, nearest, {kind}", (coarse,), kind),
        Work(f"rotated by 30 degrees, {half} x {half}, nearest, {kind}", (turned,), kind),
    ]


def _geographic(source: Source, side: int) -> Grid:
    """Return degrees around the middle of the image, square, each of the area of a pixel of 10 m."""
    from rasterio.warp import transform

    half = source.size / 2
    xs, ys = transform("EPSG:32633", "EPSG:4326", *[[value] for value in source.point(half, half)])
    step = 10 / _MEAN_DEGREE / math.sqrt(math.cos(math.radians(ys[0])))
    west, north = xs[0] - step * side / 2, ys[0] + step * side / 2
    return Grid("EPSG:4326", (step, 0.0, west, 0.0, -step, north), side, side)


def _rotated(source: Source, degrees: float, side: int) -> Grid:
    x, y = source.point(source.size / 2, source.size / 4)
    cosine, sine = (10 * f(math.radians(degrees)) for f in (math.cos, math.sin))
    return Grid("EPSG:32633", (cosine, sine, x, sine, -cosine, y), side, side)


def growth(source: Source) -> list[list[Work]]:
    """Return works of growing size for each format, all of them three times finer than the source (E)."""
    sides = [source.scaled(side) for side in (1000, 4096, 16384, 32768)]
    return [
        [Work(f"{side} x {side}, {kind}", (source.placed("B02", 10 / 3, side, side),), kind) for side in sides]
        for kind in (Kind.DEFLATE, Kind.NPY)
    ]


def many_bands(source: Source) -> Work:
    """Return twelve bands of twelve files, each on a grid of its own (F)."""
    metres = {
        "B02": 10, "B03": 12, "B04": 15, "B08": 18,
        "B05": 20, "B06": 25, "B07": 30, "B8A": 40, "B11": 50, "B12": 80,
        "B01": 60, "B09": 90,
    }  # fmt: skip
    side = source.scaled(4096) * 10
    parts = []
    for band, size in metres.items():
        count = max(1, side // size)
        window = Window(0, 0, count, count) if size == BANDS[band] else None
        parts.append(replace(source.placed(band, size, count, count), window=window))
    return Work(f"twelve bands of twelve files on twelve grids, {Kind.ZIP}", tuple(parts), Kind.ZIP)
