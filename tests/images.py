"""Images and blocks for tests, without files."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.encode import Block, BlockSource
from rasterwire.image import Band, Image
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan

T = TypeVar("T")

UTM = CRS("EPSG:32610")
SCENE = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"


def band(name: str, metres: int = 10, dtype: str = "uint16", nodata: float | None = 0, **more: object) -> Band:
    """Return a band over the whole of tile 10SEG."""
    size = 109800 // metres
    grid = GeoBox((size, size), Affine(metres, 0, 499980, 0, -metres, 4200000), UTM)
    halves = tuple((size // f, size // f) for f in (2, 4, 8, 16))
    fields = {"index": 1, "nodata": nodata, "overviews": halves, "version": "1"} | more
    return Band(name=name, href=f"/nowhere/{name}.tif", grid=grid, dtype=dtype, **fields)  # type: ignore[arg-type]


def scene(*bands: Band) -> Image:
    """Return an image with the id of the documentation; by default with B3, B8, B11 and SCL."""
    return Image(SCENE, bands or (band("B3"), band("B8"), band("B11", 20), band("SCL", 20, "uint8")))


BlockMaker = Callable[[RasterPlan, Iterable[Window]], Iterator[Block]]
"""Yields the blocks of a raster."""


def side_by_side(render: BlockMaker) -> BlockSource:
    """Return a source of blocks that encodes each block as soon as it is rendered."""

    def source(raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]) -> Iterator[T]:
        return map(encode, render(raster, windows))

    return source
