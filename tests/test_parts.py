"""A part of an image has exactly the pixels of the whole, though its origin is rounded."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.geo.region import box_region
from rasterwire.image import Image
from rasterwire.pixels import Pixels, Window
from rasterwire.plan import Limits, make_plan
from rasterwire.render.block import render_block
from rasterwire.request import DownloadRequest, GridSpec, Resampling

SIDE = 300
UTM = Affine(10, 0, 399_960.37, 0, -10, 4_100_040.21)
DEGREES = Affine(0.0001, 0, -122.1000123, 0, -0.0001, 37.0500321)

METRES_OF_DEGREE = 111_319.49079327358

LATTICES: dict[tuple[str, str], dict[str, object]] = {  # of images, and grids as a request asks for them
    ("utm", "scale from the raster's origin"): {"scale": 3.7},
    ("utm", "a third"): {"scale": 10 / 3},
    ("utm", "coarser"): {"scale": 31.3},
    ("utm", "web mercator"): {"crs": CRS("EPSG:3857"), "scale": 9.1},
    ("utm", "degrees"): {"crs": CRS("EPSG:4326"), "scale": 8.3},
    ("utm", "coarser in web mercator"): {"crs": CRS("EPSG:3857"), "scale": 27.3},
    ("degrees", "tenths"): {"transform": Affine(0.0000303, 0, -122.1, 0, -0.0000303, 37.05)},
    ("degrees", "metres"): {"scale": 30.0},
    ("degrees", "utm"): {"crs": CRS("EPSG:32610"), "scale": 7.77},
    ("utm", "rotated"): {"transform": Affine(3.1, 1.3, 400_100.1, 1.3, -3.1, 4_099_800.7)},
    ("utm", "any"): {"transform": Affine(7.123456789, 0, 400_111.98765, 0, -7.123456789, 4_099_888.1234)},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> FolderCatalog:
    """Return floats of 300 x 300 pixels with holes, in UTM and in degrees."""
    folder = tmp_path_factory.mktemp("parts")
    dice = np.random.default_rng(3)
    for dtype in ("float32", "float64", "uint16"):
        data = dice.uniform(0, 10_000, (SIDE, SIDE)).astype(dtype)
        data[dice.random((SIDE, SIDE)) < 0.001] = 0
        data[100:130, 60:90] = 0
        profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": dtype, "nodata": 0}
        for name, affine, code in (("utm", UTM, "EPSG:32610"), ("degrees", DEGREES, "EPSG:4326")):
            with rasterio.open(folder / f"{name}-{dtype}.tif", "w", crs=code, transform=affine, **profile) as raster:
                raster.write(data, 1)
    return FolderCatalog(folder)


def rendered(image: Image, resampling: Resampling, **fields: object) -> tuple[Pixels, GeoBox]:
    request = DownloadRequest(image.id, resampling=resampling, **fields)  # type: ignore[arg-type]
    raster = make_plan(request, image, Limits()).rasters[0]
    rows, cols = (int(n) for n in raster.grid.shape)
    return render_block(raster, Window(0, 0, rows, cols))[0], raster.grid


def whole_of(image: Image, spec: dict[str, object], resampling: Resampling) -> tuple[Pixels, GeoBox]:
    grid = image.bands[0].grid
    assert grid.crs is not None
    if "transform" in spec:
        exact = GridSpec(grid.crs, spec["transform"], (211, 173))  # type: ignore[arg-type]
        return rendered(image, resampling, grid=exact)
    left, bottom, right, top = grid.extent.boundingbox.bbox
    region = box_region(
        left + (right - left) * 0.11, bottom + (top - bottom) * 0.53, left + (right - left) * 0.49, top, grid.crs
    )
    return rendered(image, resampling, grid=GridSpec(**spec), region=region)  # type: ignore[arg-type]


def part_of(grid: GeoBox, window: Window) -> GridSpec:
    """Return a window of a grid in the form of a client, with an origin computed in doubles."""
    a = grid.affine
    x = a.c + window.col * a.a + window.row * a.b
    y = a.f + window.col * a.d + window.row * a.e
    return GridSpec(grid.crs, Affine(a.a, a.b, x, a.d, a.e, y), (window.width, window.height))


def check(image: Image, spec: dict[str, object], kind: Resampling, dice: np.random.Generator, case: str) -> None:
    whole, grid = whole_of(image, spec, kind)
    rows, cols = whole.data.shape
    assert whole.valid.any(), case
    for _ in range(3):
        row, col = int(dice.integers(0, rows // 2)), int(dice.integers(0, cols // 2))
        height, width = int(dice.integers(1, rows - row + 1)), int(dice.integers(1, cols - col + 1))
        index = np.s_[row : row + height, col : col + width]
        if not whole.valid[index].any():
            continue
        part, _ = rendered(image, kind, grid=part_of(grid, Window(row, col, height, width)))
        assert np.array_equal(part.valid, whole.valid[index]), f"{case}: validity at {row}, {col}"
        differ = (part.filled(0) != whole.filled(0)[index]).sum()
        assert not differ, f"{case}: {differ} of {height} x {width} values at {row}, {col}"


@pytest.mark.parametrize(
    "dtype", ["float32", *(pytest.param(name, marks=pytest.mark.slow) for name in ("float64", "uint16"))]
)
@pytest.mark.parametrize("lattice", LATTICES, ids=lambda names: "-".join(names).replace(" ", "-"))
def test_parts_of_every_resampling_are_slices_of_the_whole(
    images: FolderCatalog, dtype: str, lattice: tuple[str, str]
) -> None:
    dice = np.random.default_rng(len(lattice[1]))
    for kind in Resampling:
        check(images.get(f"{lattice[0]}-{dtype}"), LATTICES[lattice], kind, dice, f"{kind.value} {lattice[1]}")
