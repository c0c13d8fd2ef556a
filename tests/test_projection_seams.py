"""The seam of projections at 180 degrees: grids, errors and pixels, compared with computed longitudes."""

import json

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import InvalidRequest
from rasterwire.geo.grid import lattice_extent
from rasterwire.geo.region import Region, box_region, geojson_region
from rasterwire.image import Image
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, RasterPlan, make_plan
from rasterwire.render.block import render_block
from rasterwire.request import DownloadRequest, GridSpec

STRAIGHT = ["EPSG:3857", "EPSG:3395", "EPSG:6933", "EPSG:8857", "EPSG:3832", "ESRI:54008"]
"""Projections whose x is proportional to longitude; that of EPSG:3832 is cut at 30 degrees west."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> FolderCatalog:
    """Return rasters with pixels of a degree whose values are their longitude, 0 to 359; one in UTM crosses 180."""
    folder = tmp_path_factory.mktemp("seam")
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "nodata": 999}
    for name, west, width in (("world", -180, 360), ("pacific", 150, 60), ("island", -180, 3)):
        data = np.broadcast_to((west + np.arange(width)) % 360, (160, width)).astype("uint16")
        size = {"width": width, "height": 160, "transform": Affine(1, 0, west, 0, -1, 80)}
        with rasterio.open(folder / f"{name}.tif", "w", crs="EPSG:4326", **size, **profile) as raster:
            raster.write(data, 1)
    size = {"width": 40, "height": 40, "transform": Affine(10_000, 0, 600_000, 0, -10_000, 400_000)}
    with rasterio.open(folder / "zone.tif", "w", crs="EPSG:32660", **size, **profile) as raster:
        raster.write(np.ones((40, 40), "uint16"), 1)
    return FolderCatalog(folder)


def planned(image: Image, **fields: object) -> RasterPlan:
    return make_plan(DownloadRequest(image.id, **fields), image, Limits()).rasters[0]  # type: ignore[arg-type]


def rendered(raster: RasterPlan) -> Pixels:
    rows, cols = (int(n) for n in raster.grid.shape)
    return render_block(raster, Window(0, 0, rows, cols))[0]


def longitudes(raster: RasterPlan) -> np.ndarray:
    """Return the longitude of the pixels' centres, 0 to 360, and NaN at 80 degrees of latitude and beyond."""
    rows, cols = (int(n) for n in raster.grid.shape)
    assert raster.grid.crs is not None
    x, y = raster.grid.affine @ tuple(np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5))
    lon, lat = pyproj.Transformer.from_crs(raster.grid.crs.to_wkt(), 4326, always_xy=True).transform(x, y)
    return np.where(np.abs(lat) < 80, np.where(np.isfinite(lon), lon, 0.0) % 360, np.nan)


def test_a_region_over_the_cut_has_a_grid_of_its_own_size_and_all_its_pixels(images: FolderCatalog) -> None:
    for code in STRAIGHT:
        crs = CRS(code)
        cut = 330 if code == "EPSG:3832" else 180
        for region in (box_region(cut - 1, -10, cut + 1, 10), box_region(cut - 361, -10, cut - 359, 10)):
            raster = planned(images.get("world"), region=region, grid=GridSpec(crs, scale=20_000.0))
            assert raster.grid.shape[1] <= 40, f"{code}: {raster.grid.shape}"
            expected, pixels = longitudes(raster), rendered(raster)
            assert (pixels.valid | ~np.isfinite(expected)).all(), code
            doubtful = ~(np.abs(expected - np.round(expected)) > 1e-6)
            assert (pixels.data == np.floor(expected))[~doubtful].all(), code
            assert {cut - 1, cut} <= set(pixels.data.ravel().tolist()), code


def test_the_grid_of_a_region_over_the_cut_is_that_of_its_mirror_image_at_the_middle(images: FolderCatalog) -> None:
    """In cylindrical projections the box over the seam has the size of the same box elsewhere."""
    for code in ("EPSG:3857", "EPSG:3395", "EPSG:6933"):
        lattice = Affine(20_000, 0, 0, 0, -20_000, 0)
        over = lattice_extent(box_region(179, -10, 181, 10), lattice, CRS(code))
        middle = lattice_extent(box_region(-1, -10, 1, 10), lattice, CRS(code))
        assert np.allclose(np.subtract(over[2:], over[:2]), np.subtract(middle[2:], middle[:2]), rtol=1e-9), code


def test_polygons_and_rasters_over_the_cut_are_whole_too(images: FolderCatalog) -> None:
    ring = [(178, -5), (-177, -5), (-177, 5), (178, 5), (178, -5)]
    geodesic = geojson_region(json.dumps({"type": "Polygon", "coordinates": [ring]}), crs=None, geodesic=True)
    lattice = Affine(1000, 0, 0, 0, -1000, 0)
    zone = images.get("zone").bands[0].grid
    assert zone.crs is not None
    outline = Region(zone.extent.geom, zone.crs)
    for region, degrees in ((geodesic, 5.0), (outline, 3.8)):
        left, _, right, _ = lattice_extent(region, lattice, CRS("EPSG:3857"))
        assert 0 < right - left < degrees * 111.32 + 1
    raster = planned(images.get("zone"), grid=GridSpec(CRS("EPSG:3857")))
    assert raster.grid.shape[1] < 50
    assert rendered(raster).valid.sum() > 1500


def test_where_a_projection_reads_nothing_beyond_its_range_the_grid_stays_within_it() -> None:
    lattice = Affine(20_000, 0, 0, 0, -20_000, 0)
    for code in ("ESRI:54009", "EPSG:3035", "EPSG:32660"):
        x, y = pyproj.Transformer.from_crs(4326, code, always_xy=True).transform([179, 181, 179], [-10, 10, 0])
        left, top, right, bottom = lattice_extent(box_region(179, -10, 181, 10), lattice, CRS(code))
        assert left <= min(x) / 20_000 <= max(x) / 20_000 <= right, code
        assert top <= min(-n for n in y) / 20_000 <= max(-n for n in y) / 20_000 <= bottom, code


def test_the_whole_earth_stays_within_the_range_of_the_projection() -> None:
    for code in (code for code in STRAIGHT if code != "EPSG:3832"):
        lattice = Affine(1000, 0, 0, 0, -1000, 0)
        left, _, right, _ = lattice_extent(box_region(-180, -60, 180, 60), lattice, CRS(code))
        assert left == pytest.approx(-right, rel=1e-9), code


def test_what_is_served_in_a_whole_is_served_as_a_part_beyond_the_range(images: FolderCatalog) -> None:
    for name in ("world", "pacific", "island", "zone"):
        image = images.get(name)
        for code in ("EPSG:3857", "EPSG:6933", "EPSG:8857"):
            edge = {"EPSG:3857": 20_037_508, "EPSG:6933": 17_367_530, "EPSG:8857": 17_243_959}[code]
            whole = GridSpec(CRS(code), Affine(100_000, 0, edge - 1_000_000, 0, -100_000, 900_000), (20, 18))
            pixels = rendered(planned(image, grid=whole))
            assert pixels.valid[:, 10:].any(), f"{name} in {code}"
            for row in range(0, 18, 6):
                for col in range(0, 20, 5):
                    t = Affine(100_000, 0, edge - 1_000_000 + col * 100_000, 0, -100_000, 900_000 - row * 100_000)
                    valid = pixels.valid[row : row + 6, col : col + 5]
                    if valid.any():
                        part = rendered(planned(image, grid=GridSpec(CRS(code), t, (5, 6))))
                        assert (part.valid == valid).all(), f"{name} in {code} at {row}, {col}"
                        assert (part.data == pixels.data[row : row + 6, col : col + 5])[valid].all()


def test_what_is_nowhere_is_refused_on_both_sides_of_the_cut(images: FolderCatalog) -> None:
    for x in (19_000_000, 21_500_000, 0, -19_000_000):
        grid = GridSpec(CRS("EPSG:3857"), Affine(1000, 0, x, 0, -1000, 0), (20, 20))
        with pytest.raises(InvalidRequest, match="does not touch"):
            planned(images.get("island"), grid=grid)


def test_a_grid_whose_corners_are_nowhere_is_looked_through(images: FolderCatalog) -> None:
    """The corner of the map in Equal Earth is not on the earth; points beyond 180 degrees are."""
    grid = GridSpec(CRS("EPSG:8857"), Affine(100_000, 0, 8_000_000, 0, -100_000, 9_000_000), (60, 60))
    raster = planned(images.get("island"), grid=grid)
    assert rendered(raster).valid.any()
