"""Only the raster file itself is read, also where its metadata names a file with overviews."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import open_raster

_PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


def _store(path: Path, side: int, value: int, **items: str) -> None:
    shape = {"count": 1, "height": side, "width": side, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **_PLACE) as file:
        file.write(np.full((1, side, side), value, "uint8"))
        if items:
            file.update_tags(ns="OVERVIEWS", **items)


def test_a_raster_that_names_overviews_in_another_file_is_refused(tmp_path: Path) -> None:
    _store(tmp_path / "secret.tif", 32, 7)
    (tmp_path / "catalog").mkdir()
    path = tmp_path / "catalog" / "a.tif"
    _store(path, 64, 1, OVERVIEW_FILE=str(tmp_path / "secret.tif"))
    with rasterio.open(path) as file:  # the reference library follows it
        assert file.overviews(1) == [2]
        assert (file.read(1, out_shape=(32, 32)) == 7).all()
    with pytest.raises(SourceUnavailable, match="overviews in another file"), open_raster(str(path)):
        pass
