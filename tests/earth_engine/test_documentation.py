"""The example of ee.data.getDownloadId in the documentation, unchanged."""

from pathlib import Path
from typing import Any

import ee
import numpy as np
import pytest

from earth_engine.oracle import AT_10, AT_20, REGION, Catalog, raster, rasters, within


def test_the_documentations_example_gives_the_pixels_of_the_files(
    shared: Path, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs: list[Any] = []
    text = (shared / "examples" / "get_download_id.py").read_text(encoding="utf-8")
    exec(compile(text, "get_download_id.py", "exec"), {"ee": ee, "display": outputs.append})
    coarse = {"B11": catalog.read("B11", AT_20)}
    fine = {name: catalog.read(name, AT_10) for name in ("B3", "B8")}

    data = outputs[0]
    assert outputs[1] == np.dtype([("B3", "<u2"), ("B8", "<u2"), ("B11", "<u2")])
    assert data.shape == (86, 105)
    np.testing.assert_array_equal(data["B11"], coarse["B11"])

    single = rasters(Path("single_band.zip").read_bytes())
    assert {name: tif.size for name, tif in single.items()} == {
        "single_band.B3.tif": (209, 170),
        "single_band.B8.tif": (209, 170),
        "single_band.B11.tif": (105, 86),
    }
    custom = rasters(Path("custom_single_band.zip").read_bytes())
    for kind, files in (("single_band", single), ("custom_single_band", custom)):
        for name, expected in (fine | coarse).items():
            tif = files[f"{kind}.{name}.tif"]
            # without other parameters the region is a polygon, with a scale it is a bounding box
            inside = within(tif, REGION) if kind == "single_band" else np.True_
            np.testing.assert_array_equal(tif.data[0], np.where(inside, expected, 0))
            bounds = AT_10 if name in fine else AT_20
            assert (tif.transform[2], tif.transform[5]) == (bounds[0], bounds[3])

    (multi,) = rasters(Path("multi_band.zip").read_bytes()).items()
    assert multi[0] == "multi_band.tif"
    bare = raster(Path("multi_band.tif").read_bytes())
    for tif in (multi[1], bare):
        assert (tif.size, tif.crs, tif.names) == ((105, 86), "EPSG:32610", ("B3", "B8", "B11"))
        assert tuple(tif.transform)[:6] == (20, 0, 581260, 0, -20, 4101800)
        np.testing.assert_array_equal(tif.data[2], coarse["B11"])
        np.testing.assert_array_equal(tif.data[0], data["B3"])
        np.testing.assert_array_equal(tif.data[1], data["B8"])
