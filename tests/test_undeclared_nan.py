"""NaN that is not declared as nodata: a reduction over one is NaN, in any order of the pixels."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.pixels import Window
from rasterwire.plan.bands import plan_band
from rasterwire.render import reduction
from rasterwire.render.band import render_band
from rasterwire.request import Resampling

UTM = CRS("EPSG:32633")
KINDS = [kind for kind in Resampling if kind in reduction.REDUCTIONS]


@pytest.mark.parametrize("budget", [1_500_000, 3], ids=["at once", "in strips"])
def test_what_is_reduced_from_a_nan_is_nan_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    monkeypatch.setattr(reduction, "_SOURCE_BUDGET", budget)
    rng = np.random.default_rng(7)
    affine = Affine(10, 0, 500000, 0, -10, 5000000)
    pixels = rng.integers(0, 3, (16, 16)).astype("float32")
    with_nan = rng.random((4, 4)) < 0.5
    for row, col in zip(*np.nonzero(with_nan), strict=True):
        index = int(rng.integers(16))
        pixels[4 * row + index // 4, 4 * col + index % 4] = np.nan
    options = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "float32", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "a.tif", "w", transform=affine, **options) as raster:
        raster.write(pixels, 1)
    (band,) = FolderCatalog(tmp_path).get("a").bands
    grid = GeoBox((4, 4), affine @ Affine.scale(4), UTM)
    for kind in KINDS:
        rendered = render_band(plan_band(band, grid, kind), grid, Window(0, 0, 4, 4))
        assert rendered.valid.all(), kind
        assert np.array_equal(np.isnan(rendered.data), with_nan), kind
