"""Levels of multiscale Zarr groups, used as overviews: compared with a GeoTIFF that has the same overviews."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import zarr
from affine import Affine
from odc.geo.crs import CRS
from rasterio.enums import Resampling as RasterioResampling

from array_files import pixels, plan_of, rendered
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.geo.region import box_region
from rasterwire.request import GridSpec, Resampling

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")

ROWS, COLS = 240, 320
PLACE = Affine(10, 0, 500_000, 0, -10, 4_000_000)
Levels = list[npt.NDArray[Any]]


def geotiff(path: Path) -> Levels:
    """Write a file with overviews, and return the values of all its resolutions."""
    profile = {"driver": "GTiff", "height": ROWS, "width": COLS, "count": 1, "dtype": "int16", "nodata": -1}
    with rasterio.open(path, "w", crs="EPSG:32610", transform=PLACE, tiled=True, **profile) as raster:
        raster.write(pixels((ROWS, COLS), "int16"), 1)
        raster.build_overviews([2, 4], RasterioResampling.average)
    levels = []
    for level in (None, 0, 1):
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as raster:
            levels.append(raster.read(1))
    return levels


def multiscales(form: str, names: list[str]) -> dict[str, Any]:
    if form == "geozarr":
        return {"multiscales": {"layout": [{"asset": name} for name in names], "resampling_method": "average"}}
    entry = [{"datasets": [{"path": name} for name in names], "axes": [{"name": "y"}, {"name": "x"}]}]
    return {"multiscales": entry} if form == "ome 0.4" else {"ome": {"version": "0.5", "multiscales": entry}}


def write(path: Path, levels: Levels, form: str = "geozarr", version: Any = 3, transforms: Any = None) -> Path:
    """Write the levels as groups with a variable ``v``, or, in OME's form, as arrays."""
    names = [f"r{number}" for number in range(len(levels))]
    attributes = {"proj:code": "EPSG:32610", "spatial:dimensions": ["y", "x"], **multiscales(form, names)}
    root = zarr.open_group(path, mode="w", zarr_format=version, attributes=attributes)
    for number, (name, values) in enumerate(zip(names, levels, strict=True)):
        scale = PLACE @ Affine.scale(COLS / values.shape[1], ROWS / values.shape[0])
        transform = (transforms or {}).get(number, scale)
        place: dict[str, Any] = {"spatial:transform": list(transform)[:6], "_FillValue": -1}
        owner, own = (root.create_group(name), "v") if form == "geozarr" else (root, name)
        if version == 2:
            place["_ARRAY_DIMENSIONS"] = ["y", "x"]
        names_of_axes = ["y", "x"] if version == 3 else None
        array = owner.create_array(
            own, shape=values.shape, dtype="int16", chunks=(50, 60), dimension_names=names_of_axes, attributes=place
        )
        array[:] = values
    zarr.consolidate_metadata(path)
    return path


def test_levels_give_what_the_same_overviews_of_a_geotiff_give(tmp_path: Path) -> None:
    levels = geotiff(tmp_path / "tiff.tif")
    forms = {"geozarr": 3, "ome 0.4": 2, "ome 0.5": 3}
    for form, version in forms.items():
        write(tmp_path / f"{form}.zarr", levels, form, version)
    catalog = FolderCatalog(tmp_path)
    tiff = catalog.get("tiff")
    box = box_region(500_110.0, 3_998_010.0, 502_990.0, 3_999_890.0, CRS("EPSG:32610"))
    for form in forms:
        array = catalog.get(form)
        assert [band.name for band in array.bands] == ["v" if form == "geozarr" else "r0"]
        assert array.bands[0].overviews == tiff.bands[0].overviews == ((160, 120), (80, 60))
        assert array.unreadable == ()
        used = set()
        for scale, resampling in itertools.product((20, 33.3, 40, 57), Resampling):
            fields: dict[str, Any] = {
                "grid": GridSpec(crs=CRS("EPSG:32610"), scale=scale),
                "region": box,
                "resampling": resampling,
            }
            used.add(plan_of(array, **fields).bands[0].overview)
            got, _ = rendered(array, array.bands[0].name, **fields)
            want, _ = rendered(tiff, "B1", **fields)
            assert np.array_equal(got.valid, want.valid), (form, scale, resampling)
            assert np.array_equal(got.data[got.valid], want.data[want.valid]), (form, scale, resampling)
        assert {0, 1} <= used


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "moved": ({"transforms": {1: Affine(20, 0, 500_010, 0, -20, 4_000_000)}}, "pixels from those"),
    "trimmed": ({"rows": 119}, "pixels from those"),
    "another type": ({"dtype": "int32"}, "another type"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_level_that_does_not_fit_is_told_and_the_full_resolution_is_used(tmp_path: Path, name: str) -> None:
    levels = geotiff(tmp_path / "tiff.tif")[:2]
    change, problem = MISFITS[name]
    transforms = change.get("transforms", {1: Affine(20, 0, 500_000, 0, -20, 4_000_000)})
    levels[1] = levels[1][: change.get("rows", 120)]
    path = write(tmp_path / "a.zarr", levels, transforms=transforms)
    if "dtype" in change:
        level = zarr.open_group(path / "r1")
        other = level.create_array("v", shape=(120, 160), dtype="int32", overwrite=True, dimension_names=["y", "x"])
        other.attrs["spatial:transform"] = [20.0, 0.0, 500_000.0, 0.0, -20.0, 4_000_000.0]
        zarr.consolidate_metadata(path)
    catalog = FolderCatalog(tmp_path)
    image = catalog.get("a")
    assert [band.name for band in image.bands] == ["v"]
    assert image.bands[0].overviews == ()
    assert [path for path, text in image.unreadable if "not used as an overview" in text and problem in text] == [
        "r1/v"
    ]
    assert any("not used as an overview" in str(note) for note in catalog.check())
    fields: dict[str, Any] = {"grid": GridSpec(crs=CRS("EPSG:32610"), scale=20.0), "resampling": Resampling.NEAREST}
    assert plan_of(image, **fields).bands[0].overview is None
    got, grid = rendered(image, "v", **fields)
    assert grid.affine == PLACE @ Affine.scale(2)
    with rasterio.open(tmp_path / "tiff.tif") as raster:
        assert np.array_equal(got.data, raster.read(1)[1::2, 1::2])


def test_a_variable_of_one_level_only_is_a_band_with_its_own_grid(tmp_path: Path) -> None:
    levels = geotiff(tmp_path / "tiff.tif")[:2]
    path = write(tmp_path / "a.zarr", levels)
    level = zarr.open_group(path / "r1")
    only = level.create_array("w", shape=(120, 160), dtype="int16", dimension_names=["y", "x"])
    only.attrs["spatial:transform"] = [20.0, 0.0, 500_000.0, 0.0, -20.0, 4_000_000.0]
    only[:] = levels[1]
    zarr.consolidate_metadata(path)
    image = FolderCatalog(tmp_path).get("a")
    assert {band.name: ((*band.grid.shape,), band.overviews) for band in image.bands} == {
        "v": ((240, 320), ((160, 120),)),
        "w": ((120, 160), ()),
    }
