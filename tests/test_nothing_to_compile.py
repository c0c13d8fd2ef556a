"""Requests need no loop that was not compiled before, for every type and resampling."""

import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.compiled import Loop
from rasterwire.expression.functions.image import distance
from rasterwire.files import lzw
from rasterwire.files.decoded_tile import _sum_rows
from rasterwire.nodes import loops, operations, rank
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import area_kernels, kernels, mean_kernels
from rasterwire.render.band import render_band
from rasterwire.request import Resampling
from rasterwire.server.process import warm

UTM = CRS("EPSG:32633")
GRIDS = [
    GeoBox((40, 50), Affine(4.1e-4, 0, 15.0022, 0, -2.9e-4, 45.1682), CRS("EPSG:4326")),
    GeoBox((40, 50), Affine(9, 3, 500_300, 3, -9, 5_001_500), UTM),
    GeoBox((20, 30), Affine(35, 0, 500_100, 0, -35, 5_001_900), UTM),
]
TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


def _compiled() -> dict[str, int]:
    modules = area_kernels, kernels, mean_kernels, rank, loops, distance, lzw
    named_loops = [
        (f"{m.__name__}.{name}", member)
        for m in modules
        for name, member in vars(m).items()
        if isinstance(member, Loop)
    ]
    return {name: len(loop.machine.signatures) for name, loop in [*named_loops, ("rows of tiles", _sum_rows)]}


def _store(folder: Path, dtype: str, predictor: int, bands: int, compress: str) -> None:
    data = np.random.default_rng(5).integers(0, 100, (bands, 200, 210)).astype(dtype)
    place = {"crs": UTM.to_wkt(), "transform": Affine(10, 0, 500_000, 0, -10, 5_002_000), "nodata": 7}
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": compress, "predictor": predictor}
    shape = {"count": bands, "height": 200, "width": 210, "dtype": dtype}
    with rasterio.open(
        folder / f"{dtype}_{bands}_{compress}.tif", "w", driver="GTiff", **shape, **place, **tiles
    ) as file:
        file.write(data)


@pytest.mark.parametrize("dtype", TYPES)
def test_no_render_meets_a_type_that_was_not_compiled(tmp_path: Path, dtype: str) -> None:
    warm._load(threading.Event())
    before = _compiled()
    for bands, compress in ((1, "deflate"), (3, "deflate"), (1, "lzw")):
        _store(tmp_path, dtype, 3 if dtype.startswith("float") else 2, bands, compress)
        band = FolderCatalog(tmp_path).get(f"{dtype}_{bands}_{compress}").bands[0]
        for grid in GRIDS:
            for resampling in Resampling:
                plan = BandPlan("a", band, dtype, 7, 0, resampling)
                render_band(plan, grid, Window(3, 5, int(grid.shape[0]) - 3, int(grid.shape[1]) - 5))
    stack = np.ones((3, 4, 5), dtype)
    layers = rank.Layers(3, (4, 5), stack.dtype)
    for layer in stack:
        layers.add(Pixels(layer, layer > 0))
    for kind in rank.RANKS:
        layers.ranked(kind, (20.0, 80.0), dtype)
    operations.normalized_difference(stack[0], stack[1], dtype="float32")
    assert _compiled() == before
