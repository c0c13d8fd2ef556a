"""The values of a plan, which hold every decision."""

from dataclasses import dataclass

from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.geo.region import Region
from rasterwire.image import Band, ControlPoint, Items, Tiling
from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node
from rasterwire.request import Encoding, Format, MaskOutput, Resampling

Source = Band | Computed
"""The source of a band of an output. Both kinds have a name, grid, dtype, nodata, ``placed``, ``is_bounded`` and
``stored``, which is None for a computed one. ``BandPlan.node`` is its counterpart."""

NAMED_SCENES = 20
"""Images that a plan names of those that it reads; the others are counted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of what a server serves.

    Attributes:
        max_side: pixels along the longer side of an output raster.
        max_bytes: of the output before compression.
        max_bands: of one request.
        are_earth_engine: whether sizes are counted as Earth Engine counts them, with a byte for the mask of
            each band, and reported in its words.
        are_of_exports: whether the output is written by an export, which may be a Zarr store.
    """

    max_side: int = 1_000_000
    max_bytes: int = 1 << 40
    max_bands: int = 1024
    are_earth_engine: bool = False
    are_of_exports: bool = False


EARTH_ENGINE_LIMITS = Limits(max_side=32768, max_bytes=50331648, max_bands=1024, are_earth_engine=True)
"""The limits of Earth Engine. Source: its error messages, as users have reported them since 2022."""


@dataclass(frozen=True, slots=True)
class BandPlan:
    """How to compute and store one band.

    Attributes:
        name: of the output band; unique in its raster.
        source: the band to read or to compute.
        dtype: numpy name of the stored type.
        nodata: what the file declares, or None.
        fill: the value of invalid pixels.
        resampling: None copies pixels, since the grid lies on the source's own lattice. For a computed band it
            is the resampling of the stored bands that it is computed from.
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
        stored = self.source.stored
        if stored is None:
            raise TypeError(f"band {self.name} is computed")
        return stored

    @property
    def node(self) -> Node | None:
        """The node that computes the band, None for a stored one."""
        return self.source.node if isinstance(self.source, Computed) else None


@dataclass(frozen=True, slots=True)
class RasterMetadata:
    """The metadata of a GeoTIFF, beside its pixels, grid, nodata, scale, offset, unit and the names of its bands.

    Attributes:
        items: of GDAL's default domain, but for AREA_OR_POINT.
        is_point: whether a value is that of the pixel's centre, and not of its area.
        points: that tie the pixels of the raster to the ground; only where its grid has no crs.
        rpcs: rational polynomials to pixels of the raster, in the names of GDAL's domain RPC.
        crs: of the points, or the one that a file without a transform names.
        colors: how each band is to be shown, in GDAL's names; () where that is unknown.
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
        mask: how invalid pixels are marked; None where no pixel can be invalid, or the format marks none.
        mask_reason: why, in a sentence.
        clip: pixels outside are invalid; None clips nothing.
        tiling: of the source, whose stored tiles go into the file unchanged; None encodes new tiles.
        metadata: of GeoTIFFs only.
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
        """The number of masks that are stored: none, one for all bands, or one for each."""
        match self.mask:
            case MaskOutput.BAND:
                return 1
            case MaskOutput.EACH_BAND:
                return len(self.bands)
            case _:
                return 0


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field of the request that has no effect, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """How a field of the request was read or answered, in a sentence."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Metadata of the source files that the output does not carry.

    Attributes:
        item: its kind, such as ``palette``.
        reason: why it is left out.
        bands: names of the output's bands whose files have it.
    """

    item: str
    reason: str
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownBand:
    """How the values of a band become bytes.

    Attributes:
        source: the band.
        node: its pixels.
        low, high: the values that become 0 and 255, or the first and the last colour; None where they are percentiles
            of the band, which have to be measured.
        gamma: of the curve between.
        percents: which percentiles stand in for ``low`` and ``high``.
        reason: where ``low`` and ``high`` come from, in a sentence.
    """

    source: Source
    node: Node
    low: float | None
    high: float | None
    gamma: float
    percents: tuple[float, float]
    reason: str

    @property
    def is_measured(self) -> bool:
        """Whether both values are known."""
        return self.low is not None and self.high is not None

    @property
    def spread(self) -> tuple[float, float]:
        """The values that become 0 and 255; a value that is not measured yet stays what it is."""
        return 0.0 if self.low is None else self.low, 255.0 if self.high is None else self.high


@dataclass(frozen=True, slots=True)
class Picture:
    """How values become the bytes of a picture.

    Attributes:
        bands: one, or three for red, green and blue.
        palette: the colours of one band; () where there are none.
        table: red, green and blue of the values of one band from 0 on, a byte each; b"" where there is none.
        reason: why these bands, in a sentence.
    """

    bands: tuple[ShownBand, ...]
    palette: tuple[tuple[int, int, int], ...]
    table: bytes
    reason: str

    @property
    def is_measured(self) -> bool:
        """Whether the values of all bands are known."""
        return all(band.is_measured for band in self.bands)


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """A whole download.

    Attributes:
        image_id: of the image.
        format: after defaults.
        filename, mime_type: of the delivered file.
        rasters: in order; one unless the format is a file per band.
        encoding: of GeoTIFFs.
        ignored: fields that have no effect.
        uncompressed_bytes: of all pixels, masks included.
        estimated_bytes: an estimate of the file's size; exact for NPY.
        etag: equal plans over equal sources have equal etags and equal bytes.
        scenes: how many images of the catalog touch the output.
        scene_ids: of the first ``NAMED_SCENES`` of these.
        source_bytes: an estimate of the bytes read from them, before compression.
        left_out: metadata of files that the output does not carry.
        notes: how the request was read or answered, where that may be meant otherwise or takes long.
        images_tested: images that were looked at one by one, for what the catalog could not answer.
        picture: how values become bytes; None where they are delivered as they are.
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
    scene_ids: tuple[str, ...] = ()
    source_bytes: int = 0
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[Note, ...] = ()
    images_tested: int = 0
    picture: Picture | None = None

    @property
    def pixels(self) -> int:
        """The values of all bands, masks not included."""
        return sum(raster.grid.shape[0] * raster.grid.shape[1] * len(raster.bands) for raster in self.rasters)
