"""Small rasters in a folder, and the pixels that expression graphs give for them."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from graphs import Value, graph, load
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.image_source import CatalogWorld
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import read_graph
from rasterwire.expression.language.values import ImageValue
from rasterwire.pixels import Pixels, Window
from rasterwire.render.computed import compute
from rasterwire.render.engine import SerialEngine

Array = npt.NDArray[Any]

UTM = CRS("EPSG:32633")
GRID = GeoBox((24, 31), Affine(10, 0, 500_000, 0, -10, 5_002_000), UTM)
"""Of images that do not say their own."""

DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


class PixelWorld:
    """A folder of rasters for a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._world: CatalogWorld | None = None

    def add(
        self,
        name: str,
        bands: Mapping[str, Array],
        valid: Array | None = None,
        grid: GeoBox = GRID,
        nodata: float | None = None,
    ) -> Value:
        """Write an image, and return it as a value of a graph; bands are of one type and the grid's shape."""
        arrays = list(bands.values())
        assert grid.crs is not None
        profile = {"driver": "GTiff", "count": len(arrays), "dtype": arrays[0].dtype, "nodata": nodata}
        place = {"crs": grid.crs.to_wkt(), "transform": grid.affine, "width": grid.shape[1], "height": grid.shape[0]}
        path = self.folder / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile, **place) as file:
            file.write(np.stack(arrays))
            file.descriptions = list(bands)
            if valid is not None:
                file.write_mask(valid)
        return load(name)

    @property
    def world(self) -> CatalogWorld:
        """The catalog of the folder for graphs. It is made at the first use, after the images were written."""
        if self._world is None:
            self._world = CatalogWorld(FolderCatalog(self.folder, 3600), SerialEngine())
        return self._world

    def value(self, expression: Any) -> Any:
        """Return the value of a graph."""
        return evaluate_graph(read_graph(graph(expression)), self.world)

    def image(self, expression: Any) -> ImageValue:
        """Return the value of a graph, an image."""
        image = self.value(expression)
        assert isinstance(image, ImageValue), image
        return image

    def pixels(self, expression: Any, grid: GeoBox = GRID, window: Window | None = None) -> dict[str, Pixels]:
        """Return the pixels of all bands of an image, and check that their types are those of the image."""
        image = expression if isinstance(expression, ImageValue) else self.image(expression)
        height, width = (int(n) for n in grid.shape)
        blocks = compute([band.node for band in image.bands], grid, window or Window(0, 0, height, width))
        for band, pixels in zip(image.bands, blocks, strict=True):
            assert pixels.data.dtype == band.type.dtype, (band.name, pixels.data.dtype, band.type)
        return {band.name: pixels for band, pixels in zip(image.bands, blocks, strict=True)}

    def only(self, expression: Any, grid: GeoBox = GRID, window: Window | None = None) -> Pixels:
        """Return the pixels of an image's only band."""
        (pixels,) = self.pixels(expression, grid, window).values()
        return pixels


def assert_pixels(
    pixels: Pixels, data: Array, valid: Any = True, *, rtol: float = 0.0, atol: float = 0.0, case: object = ""
) -> None:
    """Check which pixels are valid, and the values of these; ``case`` names the case in messages."""
    mask = np.broadcast_to(np.asarray(valid), pixels.valid.shape)
    np.testing.assert_array_equal(pixels.valid, mask, err_msg=f"{case}: valid pixels")
    expected = np.broadcast_to(np.asarray(data), pixels.valid.shape)[mask]
    np.testing.assert_allclose(pixels.data[mask], expected, rtol=rtol, atol=atol, equal_nan=True, err_msg=str(case))


def random_data(dtype: str, seed: int, shape: tuple[int, int] = (24, 31)) -> Array:
    """Return random values over the whole range of a type, with its limits, zeros and small values among them."""
    dice = np.random.default_rng([seed, DTYPES.index(dtype) if dtype in DTYPES else 99])
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = dice.normal(0, 10.0, shape) ** 3
    else:
        limits = np.iinfo(kind)
        values = dice.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
        values.flat[:2] = limits.min, limits.max
    small = dice.integers(0 if kind.kind == "u" else -9, 10, shape)
    return np.where(dice.random(shape) < 0.4, small, values).astype(kind)


def random_mask(seed: int, share: float = 0.8, shape: tuple[int, int] = (24, 31)) -> Array:
    """Return a random mask: True where pixels are valid."""
    return np.random.default_rng([seed, 7]).random(shape) < share


def pieces(height: int, width: int, cuts: Sequence[int]) -> list[Window]:
    """Return windows that divide a grid at the given rows and columns."""
    rows, columns = (
        [0, *(cut for cut in cuts if cut < height), height],
        [0, *(cut for cut in cuts if cut < width), width],
    )
    return [
        Window(top, start, bottom - top, end - start)
        for top, bottom in itertools.pairwise(rows)
        for start, end in itertools.pairwise(columns)
    ]


def assert_same_in_pieces(world: PixelWorld, image: ImageValue, grid: GeoBox, cuts: list[int]) -> Pixels:
    """Check that an image of one band has the same pixels in windows as in one piece, and return them."""
    whole = world.only(image, grid)
    height, width = (int(n) for n in grid.shape)
    for window in pieces(height, width, cuts):
        part = world.only(image, grid, window)
        index = slice(window.row, window.row + window.height), slice(window.col, window.col + window.width)
        np.testing.assert_array_equal(part.valid, whole.valid[index], err_msg=str(window))
        assert part.data[part.valid].tobytes() == whole.data[index][part.valid].tobytes(), window
    return whole
