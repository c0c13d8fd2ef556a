"""Where arrays with longitudes and latitudes lie, and what is told of images without a place."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from click.testing import CliRunner
from odc.geo.crs import CRS

from array_files import pixels, rendered
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.cli.main import cli

LAT, LON = 50.0 - np.arange(20) / 4, 10.0 + np.arange(30) / 4

PLACED: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "units of cf": ("lat", "lon", {"units": "degrees_north"}, {"units": "degrees_east"}),
    "units of other names": ("v1", "v2", {"units": "degree_north"}, {"units": "degreesE"}),
    "standard names": ("a", "b", {"standard_name": "latitude"}, {"standard_name": "longitude"}),
    "standard names with degrees": (
        "a",
        "b",
        {"standard_name": "latitude", "units": "degrees"},
        {"standard_name": "longitude", "units": "degrees"},
    ),
    "short names alone": ("lat", "lon", {}, {}),
    "long names alone": ("Latitude", "Longitude", {}, {}),
}


Attributes = tuple[dict[str, str], dict[str, str]]


def write(path: Path, names: tuple[str, str], lat: np.ndarray, lon: np.ndarray, attributes: Attributes) -> None:
    values = xr.DataArray(pixels((len(lat), len(lon))), dims=names)
    coords = {name: (name, each, attrs) for name, each, attrs in zip(names, (lat, lon), attributes, strict=True)}
    xr.Dataset({"v": values}, coords=coords).to_netcdf(path, engine="h5netcdf")


@pytest.mark.parametrize("name", PLACED)
def test_longitudes_and_latitudes_are_known_by_units_or_by_names(tmp_path: Path, name: str) -> None:
    y, x, of_y, of_x = PLACED[name]
    write(tmp_path / "a.nc", (y, x), LAT, LON, (of_y, of_x))
    catalog = FolderCatalog(tmp_path)
    got, grid = rendered(catalog.get("a"), "v")
    assert grid.crs == CRS("EPSG:4326")
    assert grid.affine.almost_equals(Affine(0.25, 0, 9.875, 0, -0.25, 50.125), 1e-12)
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert np.array_equal(got.data, data["v"].values)
    assert list(catalog.check()) == []


UNPLACED: dict[str, tuple[str, str, np.ndarray, np.ndarray, dict[str, str], dict[str, str]]] = {
    "metres": ("lat", "lon", LAT, LON, {"units": "m"}, {"units": "m"}),
    "too large for degrees": ("lat", "lon", LAT * 1000, LON, {}, {}),
    "one of them": ("lat", "x", LAT, LON, {}, {}),
    "plain numbers": ("y", "x", LAT, LON, {}, {}),
}


@pytest.mark.parametrize("name", UNPLACED)
def test_what_may_be_no_degrees_has_no_place_and_the_check_tells_it(tmp_path: Path, name: str) -> None:
    y, x, lat, lon, of_y, of_x = UNPLACED[name]
    write(tmp_path / "a.nc", (y, x), lat, lon, (of_y, of_x))
    assert FolderCatalog(tmp_path).get("a").bands[0].grid.crs is None
    result = CliRunner().invoke(cli, ["images", str(tmp_path), "--check"])
    assert result.exit_code == 1
    assert "a, v: place: the catalog says an image on earth; found no crs: it has no grid mapping" in result.output


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("transform", "reason"),
    [(Affine.identity(), "neither a transform nor"), (Affine(10, 0, 5, 0, -10, 7), "a transform without a crs")],
)
def test_the_check_tells_why_a_tiff_has_no_place(tmp_path: Path, transform: Affine, reason: str) -> None:
    profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 2, "dtype": "uint8", "transform": transform}
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as file:
        file.write(np.ones((2, 8, 8), np.uint8))
    notes = [str(note) for note in FolderCatalog(tmp_path).check()]
    assert len(notes) == 1
    assert reason in notes[0]
