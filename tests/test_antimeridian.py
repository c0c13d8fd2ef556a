"""Rasters and regions that cross 180 degrees, compared with longitudes that the tests compute."""

import json

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS

from cases import every
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import InvalidRequest
from rasterwire.geo.crs import parse_crs
from rasterwire.geo.grid import lattice_extent
from rasterwire.geo.region import box_region, geojson_region
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, RasterPlan, make_plan
from rasterwire.render.block import render_block
from rasterwire.request import DownloadRequest, GridSpec, Resampling

LONLAT = CRS("EPSG:4326")
DEGREE = Affine(1, 0, 0, 0, -1, 0)


@pytest.fixture(scope="module", params=[-180, 0, -30], ids=lambda west: f"from-{west}")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FolderCatalog:
    """Return a raster of 2 degrees. Its values are 1000 + the longitude of the left edge of a pixel, 0 to 360."""
    folder = tmp_path_factory.mktemp("world")
    longitudes = (request.param + 2 * np.arange(180)) % 360
    data = np.broadcast_to(1000 + longitudes, (90, 180)).astype("uint16")
    profile = {"driver": "GTiff", "width": 180, "height": 90, "count": 1, "dtype": "uint16", "crs": "EPSG:4326"}
    with rasterio.open(folder / "w.tif", "w", transform=Affine(2, 0, request.param, 0, -2, 90), **profile) as raster:
        raster.write(data, 1)
    return FolderCatalog(folder)


def planned(world: FolderCatalog, **fields: object) -> RasterPlan:
    return make_plan(DownloadRequest("w", **fields), world.get("w"), Limits()).rasters[0]  # type: ignore[arg-type]


def rendered(raster: RasterPlan) -> Pixels:
    rows, cols = (int(n) for n in raster.grid.shape)
    first_part = render_block(raster, Window(0, 0, rows, cols // 3 + 1))[0]
    right = render_block(raster, Window(0, cols // 3 + 1, rows, cols - cols // 3 - 1))[0]
    return Pixels(np.hstack([first_part.data, right.data]), np.hstack([first_part.valid, right.valid]))


@every("west", [170, -130, -40, -4, 350])
def test_native_pixels_go_around_the_earth(world: FolderCatalog, west: int) -> None:
    raster = planned(world, region=box_region(west, -10, west + 20, 10))
    assert tuple(raster.grid.affine)[:6] == (2, 0, west, 0, -2, 10)
    assert (raster.bands[0].resampling, raster.bands[0].nodata) == (None, None)  # every pixel is valid
    pixels = rendered(raster)
    assert pixels.valid.all()
    assert np.array_equal(pixels.data, np.broadcast_to(1000 + (west + 2 * np.arange(10)) % 360, (10, 10)))


@every("resampling", list(Resampling))
def test_every_resampling_goes_around_the_earth(world: FolderCatalog, resampling: Resampling) -> None:
    grid = GridSpec(LONLAT, Affine(4, 0, 168, 0, -4, 12), (10, 5))
    pixels = rendered(planned(world, grid=grid, resampling=resampling))
    assert pixels.valid.all()
    across = {Resampling.SUM: 4.0, Resampling.MIN: 1.0, Resampling.MAX: 1.0}.get(resampling, 1.0)
    longitudes = (168 + 4 * np.arange(10)) % 360
    # between the values of the two columns under a pixel, or of kernels, which see two more on each side
    assert (pixels.data.astype(float) >= across * (1000 + longitudes) - 4).all()
    assert (pixels.data.astype(float) <= across * (1000 + longitudes + 2) + 4).all()


def test_one_pixel_may_be_the_whole_world(world: FolderCatalog) -> None:
    west = world.get("w").bands[0].grid.affine.c
    grid = GridSpec(LONLAT, Affine(360, 0, west, 0, -180, 90), (1, 1))
    raster = planned(world, grid=grid, resampling=Resampling.MAX)
    assert render_block(raster, Window(0, 0, 1, 1))[0].data.item() == 1358
    raster = planned(world, grid=grid, resampling=Resampling.AVERAGE)
    assert render_block(raster, Window(0, 0, 1, 1))[0].data.item() == 1179


def test_longitudes_of_other_projections_go_around_the_earth(world: FolderCatalog) -> None:
    grid = GridSpec(
        CRS("EPSG:32601"), Affine(100_000, 0, 0, 0, -100_000, 600_000), (10, 3)
    )  # 178.5 W and 6 degrees to the east
    pixels = rendered(planned(world, grid=grid))
    assert pixels.valid.all()
    assert set(np.unique(pixels.data)) <= {1000 + lon for lon in range(178, 188, 2)}


def polygon(*ring: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring]}


OVER_THE_LINE = [(179, 10), (-179, 10), (-179, 12), (179, 12), (179, 10)]
HALVES = [
    [[(179, 10), (180, 10), (180, 12), (179, 12), (179, 10)]],
    [[(-180, 10), (-179, 10), (-179, 12), (-180, 12), (-180, 10)]],
]


@pytest.mark.parametrize(
    ("document", "geodesic", "expected"),
    [
        pytest.param(polygon(*OVER_THE_LINE), True, (179, -12.01, 181, -10), id="geodesic-the-short-way"),
        pytest.param(polygon(*OVER_THE_LINE), False, (-179, -12, 179, -10), id="planar-as-it-stands"),
        pytest.param(
            {"type": "LineString", "coordinates": [(-100, 0), (0, 0), (100, 0)]},
            True,
            (-100, 0, 100, 0),
            id="long-line",
        ),
        pytest.param({"type": "MultiPolygon", "coordinates": HALVES}, False, (179, -12, 181, -10), id="cut-in-two"),
        pytest.param(
            polygon((0, 80), (90, 80), (180, 80), (-90, 80), (0, 80)), True, (0, -90, 360, -80), id="around-a-pole"
        ),
    ],
)
def test_regions_over_the_line_are_as_small_as_they_look(
    document: dict[str, object], geodesic: bool, expected: tuple[float, ...]
) -> None:
    region = geojson_region(json.dumps(document), crs=None, geodesic=geodesic)
    assert np.allclose(lattice_extent(region, DEGREE, LONLAT), expected, atol=0.02)


def test_a_polar_cap_is_round_in_a_polar_crs() -> None:
    region = geojson_region(
        json.dumps(polygon((0, 80), (90, 80), (180, 80), (-90, 80), (0, 80))), crs=None, geodesic=True
    )
    left, top, right, bottom = lattice_extent(region, Affine(1000, 0, 0, 0, -1000, 0), CRS("EPSG:3413"))
    middles = pyproj.Geod(ellps="WGS84").npts(0, 80, 90, 80, 1)  # of the edges, where they are nearest to the pole
    x, y = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform(*middles[0])
    assert np.allclose([-left, -top, right, bottom], max(abs(x), abs(y)) / 1000, rtol=1e-6)


def test_geodesic_edges_of_a_projected_region_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="longitudes and latitudes, but the region is in EPSG:32610"):
        geojson_region(
            json.dumps(polygon((0, 0), (9, 0), (9, 9), (0, 0))), crs=parse_crs("EPSG:32610", "crs"), geodesic=True
        )
