"""Datasets of arrays for tests, made by xarray, and what is expected of the catalog that serves them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from rasterwire.image import Band, Image
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, make_plan
from rasterwire.plan.types import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.request import BandRequest, DownloadRequest

TIMES = ("2021-01-09T00:00:00", "2021-01-10T12:30:00", "2021-02-01T00:00:00.5")
TIME_IDS = ("20210109T000000Z", "20210110T123000Z", "20210201T000000.5Z")


def pixels(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 1) -> npt.NDArray[Any]:
    """Return values that differ from pixel to pixel."""
    dice = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return dice.normal(280, 20, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return dice.integers(max(limits.min, -30000), min(limits.max, 30000), shape).astype(dtype)


def coordinates(rows: int, cols: int, up: bool = False, step: float = 10.0) -> dict[str, Any]:
    """Return the centres of pixels in UTM; ``up`` has y grow with the rows."""
    y = 4_000_000 - step * (np.arange(rows) + 0.5)
    return {"y": y[::-1].copy() if up else y, "x": 500_000 + step * (np.arange(cols) + 0.5)}


def dataset(
    variables: Mapping[str, tuple[Sequence[str], npt.NDArray[Any]]], crs: int | None = 32610, **coords: Any
) -> xr.Dataset:
    """Return a dataset; its crs is stored as rioxarray does."""
    import rioxarray  # noqa: F401

    whole = xr.Dataset({name: (tuple(dims), values) for name, (dims, values) in variables.items()}, coords=coords)
    return whole if crs is None else whole.rio.write_crs(crs)


def plan_of(image: Image, bands: Sequence[str] = (), **fields: Any) -> RasterPlan:
    """Return the plan of an image as one raster."""
    request = DownloadRequest(image.id, bands=tuple(map(BandRequest, bands)), **fields)
    return make_plan(request, image, Limits()).rasters[0]


def rendered(image: Image, band: str, **fields: Any) -> tuple[Pixels, GeoBox]:
    """Return the pixels of a band as a download has them, and their grid."""
    raster = plan_of(image, (band,), **fields)
    height, width = (int(n) for n in raster.grid.shape)
    return render_block(raster, Window(0, 0, height, width))[0], raster.grid


def band_of(image: Image, name: str) -> Band:
    """Return a band by its name."""
    return next(band for band in image.bands if band.name == name)
