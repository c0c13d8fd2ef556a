"""Rasters that no transform places: control points, rational polynomials, or a crs alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from rasterwire.client import Client
from rasterwire.errors import InvalidRequest
from rasterwire.request import Format, GridSpec
from rasterwire.server.settings import Settings
from serving import served
from test_metadata import COLS, ROWS, lost, made, pixels, planned, stored

PLACES = [(row, col) for row in (0, 150, 300) for col in (0, 200, 400)]
POINTS = [
    GroundControlPoint(row, col, 12 + col * 1e-3 + row * 2e-4 + row * col * 1e-8, 45 - row * 1e-3 + col * 1e-4, 7.5)
    for row, col in PLACES
]
NOTHING = [0.0] * 20
POLYNOMIALS = RPC(
    height_off=300.0,
    height_scale=500.0,
    lat_off=45.0,
    lat_scale=0.15,
    long_off=12.0,
    long_scale=0.2,
    line_off=150.0,
    line_scale=150.0,
    samp_off=200.25,
    samp_scale=200.0,
    line_num_coeff=[0.01, 0.02, -1.0, 0.05, *NOTHING[4:]],
    line_den_coeff=[1.0, *NOTHING[1:]],
    samp_num_coeff=[0.0, 1.0, 0.03, 0.02, *NOTHING[4:]],
    samp_den_coeff=[1.0, 1e-3, *NOTHING[2:]],
)
UNPLACED: dict[str, Any] = {"crs": None, "transform": None}


def with_points(folder: Path, **tags: str) -> None:
    with stored(folder / "a.tif", **UNPLACED | {"crs": "EPSG:4326", "gcps": POINTS}) as file:
        file.update_tags(**tags)


def with_polynomials(folder: Path, **profile: Any) -> None:
    with stored(folder / "a.tif", **UNPLACED | {"rpcs": POLYNOMIALS} | profile):
        pass


def shown(*arguments: str) -> str:
    """Return what the command line prints."""
    command = [sys.executable, "-m", "rasterwire.cli", *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_control_points_stay_with_the_pixels_of_the_file(tmp_path: Path) -> None:
    tagged: list[dict[str, str]] = [{}, {"AREA_OR_POINT": "Point"}]
    for number, tags in enumerate(tagged):
        folder = tmp_path / str(number)
        with_points(folder, **tags)
        with rasterio.open(folder / "a.tif") as source:
            expected = [(p.row, p.col, p.x, p.y, p.z) for p in source.gcps[0]]
        for cloud_optimized in (False, True):
            plan = planned(folder, cloud_optimized=cloud_optimized)
            assert lost(plan) == {}
            with made(plan, tmp_path) as file:
                points, crs = file.gcps
                assert [(p.row, p.col, p.x, p.y, p.z) for p in points] == expected, (tags, cloud_optimized)
                assert crs.to_epsg() == 4326
                assert (file.crs, file.transform) == (None, Affine.identity())
                assert np.array_equal(file.read(), pixels())


def test_control_points_count_the_pixels_of_another_size(tmp_path: Path) -> None:
    with_points(tmp_path)
    with made(planned(tmp_path, grid=GridSpec(dimensions=(COLS // 2, ROWS // 3))), tmp_path) as file:
        points, _ = file.gcps
        assert np.allclose([(p.row, p.col) for p in points], [(row / 3, col / 2) for row, col in PLACES])
        assert [(p.x, p.y) for p in points] == [(p.x, p.y) for p in POINTS]


def test_rational_polynomials_count_the_pixels_of_the_window(tmp_path: Path) -> None:
    with_polynomials(tmp_path / "alone")
    plan = planned(tmp_path / "alone")
    assert lost(plan) == {}
    with made(plan, tmp_path) as file:
        told = file.rpcs.to_dict()
        # a TIFF says -1 where it knows no error
        assert told == POLYNOMIALS.to_dict() | {"err_bias": -1.0, "err_rand": -1.0}
    utm = Affine(10, 0, 500000, 0, -10, 5000000)
    with_polynomials(tmp_path / "placed", crs="EPSG:32633", transform=utm)
    window = GridSpec(crs=CRS("EPSG:32633"), transform=utm @ Affine.translation(30, 20), dimensions=(290, 270))
    for fields in ({"grid": window}, {"grid": window, "cloud_optimized": True}):
        with made(planned(tmp_path / "placed", **fields), tmp_path) as file:
            rpcs = file.rpcs
            assert (rpcs.samp_off, rpcs.line_off, rpcs.samp_scale) == (170.25, 130.0, 200.0)
            assert rpcs.line_num_coeff == POLYNOMIALS.line_num_coeff
            assert file.crs.to_epsg() == 32633
    plan = planned(tmp_path / "placed", grid=GridSpec(crs=CRS("EPSG:4326")))
    assert lost(plan) == {"rational polynomials": ("B1",)}


def test_rational_polynomials_count_the_pixels_of_another_size(tmp_path: Path) -> None:
    with_polynomials(tmp_path)
    with made(planned(tmp_path, grid=GridSpec(dimensions=(COLS // 2, ROWS // 3))), tmp_path) as file:
        rpcs = file.rpcs
        # half a pixel: they count from the centre of the first one
        assert (rpcs.samp_off, rpcs.samp_scale) == ((200.25 + 0.5) / 2 - 0.5, 100.0)
        assert (rpcs.line_off, rpcs.line_scale) == pytest.approx(((150.0 + 0.5) / 3 - 0.5, 50.0))


def test_a_crs_without_a_transform_places_nothing(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif", crs="EPSG:32633", transform=None):
        pass
    for grid in (GridSpec(crs=CRS("EPSG:4326")), GridSpec(scale=10.0)):
        with pytest.raises(InvalidRequest) as caught:
            planned(tmp_path, grid=grid)
        assert [v.reason for v in caught.value.violations] == ["IMAGE_WITHOUT_CRS"]
        assert "transform" in str(caught.value)
    plan = planned(tmp_path)
    assert plan.rasters[0].grid.crs is None
    with made(plan, tmp_path) as file:
        assert (file.crs.to_epsg(), file.transform) == (32633, Affine.identity())
        assert np.array_equal(file.read(), pixels())


def test_arrays_say_that_they_have_no_control_points(tmp_path: Path) -> None:
    with_points(tmp_path)
    plan = planned(tmp_path, format=Format.NPY)
    assert lost(plan) == {"control points": ("B1",)}


def test_control_points_and_what_is_left_out_are_told_over_the_wire(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    with_points(folder)
    with_polynomials(folder / "b")
    with served(Settings(catalog=folder, state_dir=tmp_path / "state", grpc_port=0, http_port=0)) as server:
        with Client(server.address) as client:
            assert [client.get_image(name).bands[0].control_points for name in ("a", "b")] == [9, 0]
            assert [client.get_image(name).bands[0].rational_polynomials for name in ("a", "b")] == [False, True]
            left = client.plan({"image": "a", "format": "NPY"}).left_out
            assert [(n.item, list(n.bands)) for n in left] == [("control points", ["B1"])]
            assert not client.plan({"image": "a"}).left_out
        assert "9 control" in shown("images", "a", "--server", server.address)
        said = shown("plan", "a", "--format", "NPY", "--server", server.address)
        assert "left out: control points of B1" in said
