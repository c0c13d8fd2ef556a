"""Images as a catalog describes them, before a pixel is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.geo.region import Region

MAX_POINTS = 10_000
"""Control points that are read from a file; none are read from a file with more."""

Items = tuple[tuple[str, str], ...]
"""Names and values of metadata, in the order of the file."""


class ControlPoint(NamedTuple):
    """A point of a raster, in pixels from its top left corner, and its coordinates on earth, in units of a crs."""

    col: float
    row: float
    x: float
    y: float
    z: float


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """The metadata of a file that describes all its bands, beside their pixels and grid.

    Attributes:
        items: of GDAL's default domain, but for AREA_OR_POINT.
        is_point: whether a value is that of the pixel's centre, and not of its area.
        points: that tie the pixels to the ground, where no transform does.
        rpcs: rational polynomials from longitude, latitude and height to pixels, in the names of GDAL's domain RPC.
        crs: of the points, or the one that a file without points and without a transform names; else None.
        points_not_read: number of control points of a file that has too many to read; else 0.
        not_read: number of items of the file and its bands that exceed the limit and are not read.
        domains: other domains of metadata of the file, which are not read.
    """

    items: Items = ()
    is_point: bool = False
    points: tuple[ControlPoint, ...] = ()
    rpcs: Items = ()
    crs: CRS | None = None
    points_not_read: int = 0
    not_read: int = 0
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BandMetadata:
    """The metadata of a band, beside its pixels and grid.

    Attributes:
        description: the description of the band in its file, or "".
        color: how the band is to be shown: a name of GDAL's, such as red, alpha or gray.
        palette: red, green and blue of the values from 0 on, a byte each; empty where there is none.
        items: of GDAL's default domain.
        file: metadata of its file.
    """

    description: str = ""
    color: str = "gray"
    palette: bytes = b""
    items: Items = ()
    file: FileMetadata = FileMetadata()


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the tiles of a file of one band are stored.

    Attributes:
        height, width: pixels of a tile.
        compression: a name of ``DownloadParams``.
        predictor: of TIFF: 1 none, 2 differences of integers, 3 of floats.
    """

    height: int
    width: int
    compression: str
    predictor: int


@dataclass(frozen=True, slots=True)
class Band:
    """A band of an image, as the header of its file describes it.

    Attributes:
        name: unique in its image.
        href: where the file is; for the server only, never shown.
        index: which band of the file, from 1.
        grid: the pixel grid; its crs is None where neither file nor catalog names one.
        dtype: numpy name of the stored type.
        nodata: the stored value that means "no value", or None.
        masked: whether the file has a mask or alpha band that marks invalid pixels; nodata does not count then.
        overviews: (width, height) of each overview level, from the finest.
        exact_overviews: whether overview pixels are stored ones; False for the wavelet levels of
            JPEG 2000, whose values need not occur in the raster.
        value_scale, value_offset: physical = stored x value_scale + value_offset.
        unit: of the physical value, or "".
        plain: whether the stored tiles can be decoded without GDAL.
        tiling: of the full resolution, where its tiles can go into another file as they are; else None.
        version: changes when the file does (see ``raster_file.version_of``).
        metadata: other metadata of the file.
        ground: a grid over the ground that its pixels cover, where control points or rational polynomials
            place them in place of a transform; else None.
        mask_is_own: whether its mask is of this band alone, and not of all bands of the file.
        common_name: what the catalog says it shows, a name of STAC's such as red or nir; "" where it does not.
        format: of a file of arrays, whose layer ``index`` is, see ``files.arrays``; "" for other rasters.
    """

    name: str
    href: str
    index: int
    grid: GeoBox
    dtype: str
    nodata: float | int | None = None
    masked: bool = False
    overviews: tuple[tuple[int, int], ...] = ()
    exact_overviews: bool = True
    value_scale: float = 1.0
    value_offset: float = 0.0
    unit: str = ""
    plain: bool = False
    tiling: Tiling | None = None
    version: str = ""
    metadata: BandMetadata = BandMetadata()
    ground: GeoBox | None = None
    mask_is_own: bool = False
    format: str = ""
    common_name: str = ""

    @property
    def placed(self) -> GeoBox:
        """A grid with a crs over the ground of the band, as fine as the band; its own grid where that has a crs."""
        return self.grid if self.ground is None else self.ground

    @property
    def is_bounded(self) -> bool:
        """True: a file ends somewhere."""
        return True

    @property
    def stored(self) -> "Band":
        """The band itself: it is one of a file."""
        return self


@dataclass(frozen=True, slots=True)
class Image:
    """Named bands, each with a grid of its own.

    Attributes:
        id: may hold slashes.
        bands: in the order of the catalog; names differ.
        start_time: when the image was taken, with a time zone, or None.
        properties: other properties in the catalog; JSON values.
        collection: the collection that a document names, or "".
        unreadable: asset or file, and the problem, of those whose bands are left out because of it.
        footprint: its outline on the ground, as the catalog knows it; None where it has none, or has not looked.
        without_rasters: whether the catalog knows of no raster of it that can be opened.
    """

    id: str
    bands: tuple[Band, ...]
    start_time: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    collection: str = ""
    unreadable: tuple[tuple[str, str], ...] = ()
    footprint: Region | None = None
    without_rasters: bool = False


def properties_of(image: Image) -> Mapping[str, Any]:
    """Return the properties that documents give an image, and those that Earth Engine gives every image."""
    more: dict[str, Any] = {"system:index": image.id.rsplit("/", 1)[-1]}
    if image.start_time is not None:
        millis = round(image.start_time.timestamp() * 1000)
        more |= {"system:time_start": millis, "system:time_end": millis}
    properties = {**image.properties, **more}
    properties.pop("system:id", None)  # it is the id of the image, whatever a document says
    time = properties.get("system:time_start")
    if time is not None and type(time) is not int:  # a document says it in place of a date
        properties.pop("system:time_start")
        if isinstance(time, float) and time.is_integer():
            properties["system:time_start"] = int(time)
    return properties
