"""What a plan is made of: values that hold every decision."""

from dataclasses import dataclass

from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.geo.region import Region
from rasterwire.image import Band, ControlPoint, Items, Tiling
from rasterwire.nodes.computed import Computed
from rasterwire.request import Encoding, Format, MaskOutput, Resampling

Source = Band | Computed
"""What a band of an output is made of."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server will serve.

    Attributes:
        max_side: pixels along the longer side of an output raster.
        max_bytes: of the output before compression.
        max_bands: of one request.
        are_earth_engine: whether they are counted and told as Earth Engine does: a byte for the mask of
            each band, and its words.
    """

    max_side: int = 1_000_000
    max_bytes: int = 1 << 40
    max_bands: int = 1024
    are_earth_engine: bool = False


EARTH_ENGINE_LIMITS = Limits(32768, 50331648, 1024, are_earth_engine=True)
"""What Earth Engine serves at most. Source: its messages, as users met them since 2022."""


@dataclass(frozen=True, slots=True)
class BandPlan:
    """How to compute and store one band.

    Attributes:
        name: of the output band; unique in its raster.
        source: the band to read or to compute.
        dtype: numpy name of the stored type.
        nodata: what the file declares, or None.
        fill: what invalid pixels get.
        resampling: None means: the grid is the source's own lattice, copy its pixels. Of a computed
            band it is that of the stored ones it is made of.
        overview: index into ``source.overviews``; None reads the full resolution.
    """

    name: str
    source: Source
    dtype: str
    nodata: float | int | None
    fill: float | int
    resampling: Resampling | None
    overview: int | None = None

    @property
    def stored(self) -> Band:
        """The stored band that is read.

        Raises:
            TypeError: it is computed.
        """
        if isinstance(self.source, Computed):
            raise TypeError(f"band {self.name} is computed")
        return self.source


@dataclass(frozen=True, slots=True)
class RasterMetadata:
    """What a GeoTIFF says beside its pixels, grid, nodata, scale, offset, unit and the names of its bands.

    Attributes:
        items: of GDAL's default domain, but for AREA_OR_POINT.
        is_point: whether a value is that of the pixel's centre, and not of its area.
        points: that tie the pixels of the raster to the ground; only where its grid has no crs.
        rpcs: rational polynomials to pixels of the raster, in the names of GDAL's domain RPC.
        crs: of the points, or what a file without a transform names.
        colors: how each band is to be shown, in GDAL's names; () where nothing is known.
        palette: red, green and blue of the values from 0 on, a byte each; only of one band.
        band_items: of each band; () where there are none.
    """

    items: Items = ()
    is_point: bool = False
    points: tuple[ControlPoint, ...] = ()
    rpcs: Items = ()
    crs: CRS | None = None
    colors: tuple[str, ...] = ()
    palette: bytes = b""
    band_items: tuple[Items, ...] = ()


@dataclass(frozen=True, slots=True)
class RasterPlan:
    """One output raster: one grid and its bands.

    Attributes:
        path: name of the file or zip entry.
        grid: of all bands.
        bands: in output order.
        mask: how invalid pixels are told from valid ones; None where none can be.
        mask_reason: why, in a sentence.
        clip: outside of this pixels are invalid; None keeps all.
        tiling: of the source, whose tiles go into the file as they are; None makes new ones.
        metadata: what the file says besides; of GeoTIFFs alone.
    """

    path: str
    grid: GeoBox
    bands: tuple[BandPlan, ...]
    mask: MaskOutput | None = None
    clip: Region | None = None
    tiling: Tiling | None = None
    metadata: RasterMetadata = RasterMetadata()
    mask_reason: str = ""

    @property
    def masks(self) -> int:
        """How many masks are stored: none, one for all bands, or one for each."""
        match self.mask:
            case MaskOutput.BAND:
                return 1
            case MaskOutput.EACH_BAND:
                return len(self.bands)
            case _:
                return 0


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field of the request that did not count, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What files of the source say and the output does not.

    Attributes:
        item: what it is, such as ``palette``.
        reason: why it is not carried.
        bands: names of the output's bands whose files say it.
    """

    item: str
    reason: str
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """A whole download.

    Attributes:
        image_id: of the image.
        format: after defaults.
        filename, mime_type: of the delivered file.
        rasters: in order; one unless the format is a file per band.
        encoding: of GeoTIFFs.
        ignored: fields that did not count.
        uncompressed_bytes: of all pixels, masks included.
        estimated_bytes: a guess of the file's size; exact for NPY.
        etag: equal plans over equal sources have equal etags and equal bytes.
        scenes: images of the catalog that touch the output.
        source_bytes: a guess of what is read of them, before compression.
        left_out: what files say and the output does not.
    """

    image_id: str
    format: Format
    filename: str
    mime_type: str
    rasters: tuple[RasterPlan, ...]
    encoding: Encoding
    ignored: tuple[Ignored, ...]
    uncompressed_bytes: int
    estimated_bytes: int
    etag: str
    scenes: int = 1
    source_bytes: int = 0
    left_out: tuple[LeftOut, ...] = ()
