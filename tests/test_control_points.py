"""Rasters without a transform: with control points, rational polynomials, or a crs only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.crs import CRS
from pyproj import Transformer
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from rasterio.transform import GCPTransformer, RPCTransformer

from rasterwire.client import Client
from rasterwire.errors import InvalidRequest
from rasterwire.geo.region import Region
from rasterwire.pixels import Window
from rasterwire.plan import RenderPlan
from rasterwire.render.block import render_block
from rasterwire.request import Format, GridSpec, Resampling
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
    """Return the output of the command line."""
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
        coefficients = file.rpcs.to_dict()
        # a TIFF says -1 where it knows no error
        assert coefficients == POLYNOMIALS.to_dict() | {"err_bias": -1.0, "err_rand": -1.0}
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
        # half a pixel, because they count from the centre of the first pixel
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


def test_more_control_points_than_are_read_are_told(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row / 2, col / 2, 15 + col / 1e4, 45 - row / 1e4) for row in range(101) for col in range(100)
    ]
    with stored(tmp_path / "a.tif", **UNPLACED | {"crs": "EPSG:4326", "gcps": points}):
        pass
    for format_ in (Format.GEO_TIFF, Format.NPY):
        assert lost(planned(tmp_path, format=format_)) == {"control points": ("B1",)}
    with pytest.raises(InvalidRequest, match="10100 control points, at most 10000"):
        planned(tmp_path, grid=GridSpec(crs=CRS("EPSG:4326")))


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
            left_out = client.plan({"image": "a", "format": "NPY"}).left_out
            assert [(n.item, list(n.bands)) for n in left_out] == [("control points", ["B1"])]
            assert not client.plan({"image": "a"}).left_out
            warped = [client.plan({"image": name, "crs": "EPSG:3857"}).rasters[0].bands[0] for name in ("a", "b")]
            items = ["9 control points", "rational polynomials at a height of 300 m"]
            assert [band.placed_by for band in warped] == items
            assert client.plan({"image": "a"}).rasters[0].bands[0].placed_by == ""
        assert "9 control" in shown("images", "a", "--server", server.address)
        output = shown("plan", "a", "--format", "NPY", "--server", server.address)
        assert "left out: control points of B1" in output


@dataclass(frozen=True)
class FileOfPoints:
    """A kind of georeference without a transform, as a test writes it and as GDAL reads it."""

    name: str
    left_out: str
    write: Callable[[Path], None]
    transformer: Callable[[], Any]


def seen_by_gdal(file: FileOfPoints, x: Any, y: Any) -> Any:
    """Return the indices of the pixels at longitudes and latitudes, from GDAL's transformers; -1 for none."""
    with file.transformer() as transformer:
        rows, cols = (np.floor(p).astype(int) for p in transformer.rowcol(x.ravel(), y.ravel(), op=np.positive))
    inside = (rows >= 0) & (rows < ROWS) & (cols >= 0) & (cols < COLS)
    return np.where(inside, rows * COLS + cols, -1).reshape(x.shape)


TIED = [
    FileOfPoints("points", "control points", with_points, lambda: GCPTransformer(POINTS)),
    FileOfPoints(
        "polynomials", "rational polynomials", with_polynomials, lambda: RPCTransformer(POLYNOMIALS, RPC_HEIGHT="300")
    ),
]


def places(plan: RenderPlan) -> tuple[Any, Any]:
    """Return longitude and latitude of the centres of a plan's pixels."""
    grid = plan.rasters[0].grid
    rows, cols = (int(n) for n in grid.shape)
    col, row = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    x, y = grid.affine @ (col, row)
    return Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)


def test_pixels_tied_by_points_or_polynomials_are_put_where_gdal_puts_them(tmp_path: Path) -> None:
    lon_lat, utm = CRS("EPSG:4326"), CRS("EPSG:32633")
    region = Region(shapely.box(12.05, 44.85, 12.2, 44.95), lon_lat)
    wishes: list[dict[str, Any]] = [
        {"grid": GridSpec(crs=lon_lat)},
        {"grid": GridSpec(crs=utm, scale=90.0)},
        {"region": region},
        {"region": region, "grid": GridSpec(crs=utm, dimensions=(310, 270))},
        {"grid": GridSpec(crs=utm, transform=Affine(60, 20, 260000, 20, -60, 4980000), dimensions=(400, 300))},
    ]
    for tied in TIED:
        tied.write(tmp_path / tied.name)
        for fields in wishes:
            plan = planned(tmp_path / tied.name, nodata=255.0, **fields)
            assert list(lost(plan)) == [tied.left_out]
            expected_index = seen_by_gdal(tied, *places(plan))
            expected = np.where(expected_index >= 0, pixels()[0].ravel()[expected_index], 255)
            with made(plan, tmp_path) as file:
                data = file.read(1)
                assert (expected != 255).mean() > 0.1, (tied.name, fields)
                # PROJ computes in another order here: a point on the edge of a pixel may fall to either side
                assert (data != expected).sum() <= 3, (tied.name, fields)
                assert (file.gcps[0], file.rpcs) == ([], None)
                assert file.crs == rasterio.crs.CRS.from_user_input(str(plan.rasters[0].grid.crs))


@pytest.mark.skipif(shutil.which("gdalwarp") is None, reason="gdalwarp is not installed: the test above asks GDAL too")
def test_pixels_tied_by_points_or_polynomials_are_those_of_gdalwarp(tmp_path: Path) -> None:
    for tied, more in zip(TIED, ([], ["-rpc", "-to", "RPC_HEIGHT=300"]), strict=True):
        tied.write(tmp_path / tied.name)
        plan = planned(tmp_path / tied.name, grid=GridSpec(crs=CRS("EPSG:3857"), scale=150.0), nodata=255.0)
        grid = plan.rasters[0].grid
        left, bottom, right, top = grid.extent.boundingbox.bbox
        command = ["gdalwarp", "-q", "-et", "0", *more, "-t_srs", "EPSG:3857", "-dstnodata", "255"]
        command += ["-te", *map(repr, (left, bottom, right, top)), "-ts", str(grid.shape[1]), str(grid.shape[0])]
        command += ["-overwrite", str(tmp_path / tied.name / "a.tif"), str(tmp_path / "w.tif")]
        subprocess.run(command, check=True)
        with made(plan, tmp_path) as file, rasterio.open(tmp_path / "w.tif") as expected:
            assert np.array_equal(file.read(), expected.read()), tied.name


def test_pixels_tied_by_points_do_not_depend_on_how_a_render_is_cut(tmp_path: Path) -> None:
    for tied in TIED:
        tied.write(tmp_path / tied.name)
        for resampling in set(Resampling) - {Resampling.SUM}:
            grid = GridSpec(crs=CRS("EPSG:32633"), scale=140.0)
            (raster,) = planned(tmp_path / tied.name, grid=grid, resampling=resampling).rasters
            rows, cols = (int(n) for n in raster.grid.shape)
            (whole,) = render_block(raster, Window(0, 0, rows, cols))
            assert whole.valid.any()
            for row, col, height, width in ((0, 0, 37, 41), (53, 31, 64, 90), (rows - 5, cols - 9, 5, 9)):
                (part,) = render_block(raster, Window(row, col, height, width))
                index = np.s_[row : row + height, col : col + width]
                assert np.array_equal(part.valid, whole.valid[index]), (tied.name, resampling)
                assert np.array_equal(part.data[part.valid], whole.data[index][part.valid]), (tied.name, resampling)


def test_interpolation_of_tied_pixels_is_that_of_their_positions(tmp_path: Path) -> None:
    with stored(tmp_path / "a.tif", dtype="float32", **UNPLACED | {"crs": "EPSG:4326", "gcps": POINTS}) as file:
        col, row = np.meshgrid(np.arange(COLS) + 0.5, np.arange(ROWS) + 0.5)
        file.write((col + 1000 * row).astype("float32"), 1)
    plan = planned(tmp_path, grid=GridSpec(crs=CRS("EPSG:4326"), scale=60.0), resampling=Resampling.BILINEAR)
    x, y = places(plan)
    with GCPTransformer(POINTS) as transformer:
        rows, cols = (p.reshape(x.shape) for p in transformer.rowcol(x.ravel(), y.ravel(), op=np.positive))
    inner = (rows > 1) & (rows < ROWS - 1) & (cols > 1) & (cols < COLS - 1)
    with made(plan, tmp_path) as file:
        # a plane is its own interpolation
        assert np.abs(file.read(1) - (cols + 1000 * rows))[inner].max() < 0.1
        assert inner.sum() > 10_000


def test_what_gdal_alone_warps_is_refused_for_tied_pixels(tmp_path: Path) -> None:
    with_points(tmp_path)
    with pytest.raises(InvalidRequest) as caught:
        planned(tmp_path, grid=GridSpec(crs=CRS("EPSG:4326")), resampling=Resampling.SUM)
    assert [v.reason for v in caught.value.violations] == ["RESAMPLING_NOT_SUPPORTED"]


def test_control_points_on_a_line_are_refused_with_the_reason(tmp_path: Path) -> None:
    line = [GroundControlPoint(n, n, 12 + n * 1e-3, 45 - n * 1e-3) for n in (0, 100, 200)]
    with stored(tmp_path / "a.tif", **UNPLACED | {"crs": "EPSG:4326", "gcps": line}):
        pass
    with pytest.raises(InvalidRequest, match="no polynomial through the 3 control points"):
        planned(tmp_path, grid=GridSpec(crs=CRS("EPSG:4326")))
    with made(planned(tmp_path), tmp_path) as file:
        assert len(file.gcps[0]) == 3


def test_a_region_beside_the_tied_pixels_is_outside(tmp_path: Path) -> None:
    with_points(tmp_path)
    with pytest.raises(InvalidRequest) as caught:
        planned(tmp_path, region=Region(shapely.box(20, 40, 21, 41), CRS("EPSG:4326")))
    assert [v.reason for v in caught.value.violations] == ["OUTSIDE_IMAGE"]


def test_bands_on_earth_and_bands_without_a_place_share_no_grid(tmp_path: Path) -> None:
    with stored(tmp_path / "a" / "1.tif", **UNPLACED):
        pass
    with stored(tmp_path / "a" / "2.tif"):
        pass
    with pytest.raises(InvalidRequest) as caught:
        planned(tmp_path)
    assert [v.reason for v in caught.value.violations] == ["BANDS_WITHOUT_COMMON_PLACE"]


def test_a_mosaic_takes_in_tied_pixels(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    with_points(folder)
    place = {"crs": "EPSG:32633", "scale": 90.0, "region": [12.05, 44.85, 12.2, 44.95], "format": "GEO_TIFF"}
    with (
        served(Settings(catalog=folder, state_dir=tmp_path / "state", grpc_port=0, http_port=0)) as server,
        Client(server.address) as client,
    ):
        for name, source in (("one", {"image": "a"}), ("mosaic", {"mosaic": {"images": ["a"]}})):
            client.download({**source, **place}, tmp_path / f"{name}.tif")
    with rasterio.open(tmp_path / "one.tif") as image, rasterio.open(tmp_path / "mosaic.tif") as mosaic:
        assert image.transform == mosaic.transform
        assert np.array_equal(image.read_masks() > 0, mosaic.read_masks() > 0)
        valid = image.read_masks(1) > 0
        assert valid.mean() > 0.2
        assert np.array_equal(image.read(1)[valid], mosaic.read(1)[valid])
