"""A download request in its validated form."""

from dataclasses import dataclass
from enum import Enum

from affine import Affine
from odc.geo.crs import CRS

from rasterwire.geo.region import Region


class Format(Enum):
    """The format of a download."""

    ZIPPED_GEO_TIFF = "ZIPPED_GEO_TIFF"
    ZIPPED_GEO_TIFF_PER_BAND = "ZIPPED_GEO_TIFF_PER_BAND"
    GEO_TIFF = "GEO_TIFF"
    NPY = "NPY"
    PNG = "PNG"
    JPEG = "JPEG"
    ZARR = "ZARR"

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture for people: one band or three, of bytes."""
        return self in {Format.PNG, Format.JPEG}

    @property
    def keeps_types(self) -> bool:
        """Whether each band keeps its type and its nodata value; bands of a GeoTIFF have one of each."""
        return self.is_picture or self in {Format.NPY, Format.ZARR}


class Precedence(Enum):
    """Which fields win where they overlap; see the schema."""

    DOCUMENTED = "DOCUMENTED"
    COMBINED = "COMBINED"


class Resampling(Enum):
    """How output pixels are computed; the names are those of the schema."""

    NEAREST = "NEAREST"
    BILINEAR = "BILINEAR"
    CUBIC = "CUBIC"
    CUBIC_SPLINE = "CUBIC_SPLINE"
    LANCZOS = "LANCZOS"
    AVERAGE = "AVERAGE"
    MODE = "MODE"
    MIN = "MIN"
    MAX = "MAX"
    MEDIAN = "MEDIAN"
    Q1 = "Q1"
    Q3 = "Q3"
    SUM = "SUM"
    RMS = "RMS"

    @property
    def aggregates(self) -> bool:
        """Whether it reduces all pixels under an output pixel, and therefore reads the full resolution."""
        return self.value in {"AVERAGE", "MODE", "MIN", "MAX", "MEDIAN", "Q1", "Q3", "SUM", "RMS"}


class MaskOutput(Enum):
    """How the file marks invalid pixels."""

    NODATA = "NODATA"
    BAND = "BAND"
    EACH_BAND = "EACH_BAND"


class Compression(Enum):
    """The compression of GeoTIFFs and Zarr stores."""

    NONE = "NONE"
    DEFLATE = "DEFLATE"
    LZW = "LZW"
    ZSTD = "ZSTD"


@dataclass(frozen=True, slots=True)
class GridSpec:
    """A requested grid; every part may be absent.

    Attributes:
        crs: of the output.
        transform: pixel (col, row) to crs; only with crs.
        dimensions: () absent, (longer side,) or (width, height), pixels.
        scale: pixel size in metres.
    """

    crs: CRS | None = None
    transform: Affine | None = None
    dimensions: tuple[int, ...] = ()
    scale: float | None = None

    def over(self, default: "GridSpec") -> "GridSpec":
        """Return this grid with absent parts taken from ``default``."""
        return GridSpec(
            self.crs or default.crs,
            self.transform or default.transform,
            self.dimensions or default.dimensions,
            self.scale if self.scale is not None else default.scale,
        )


@dataclass(frozen=True, slots=True)
class BandRequest:
    """One band of a request.

    Attributes:
        name: of the band.
        grid: of the band alone.
        resampling: None takes that of the request.
    """

    name: str
    grid: GridSpec = GridSpec()
    resampling: Resampling | None = None


@dataclass(frozen=True, slots=True)
class Encoding:
    """How GeoTIFFs and Zarr stores are stored.

    Attributes:
        compression: of the tiles, or chunks.
        level: of compression; None takes the codec's default.
        cloud_optimized: whether the file has overviews inside and its header first.
    """

    compression: Compression = Compression.DEFLATE
    level: int | None = None
    cloud_optimized: bool = False


@dataclass(frozen=True, slots=True)
class Visualization:
    """How values become the bytes of a picture; the fields are those of ``Visualization`` in the schema.

    Attributes:
        bands: names; () takes those of the request, else the default.
        low, high: what becomes 0 and 255, one for all bands or one for each; () takes the percentiles.
        gamma: one for all bands or one for each; () means 1.
        palette: colours as texts.
        percents: percentiles of the band that stand in for what ``low`` and ``high`` do not give.
        has_percents: whether the request gives one of these.
    """

    bands: tuple[str, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    gamma: tuple[float, ...] = ()
    palette: tuple[str, ...] = ()
    percents: tuple[float, float] = (2.0, 98.0)
    has_percents: bool = False

    @property
    def changes_values(self) -> bool:
        """Whether it says how values become bytes, and not only of which bands."""
        return bool(self.low or self.high or self.gamma or self.palette or self.has_percents)


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """A download request; the fields are those of ``DownloadParams`` in the schema.

    Attributes:
        bands: () means all bands of the image.
        file_per_band, format, compression, mask: None where the request does not set them.
        visualization: None delivers values, and pictures by the default.
    """

    image_id: str
    name: str = ""
    bands: tuple[BandRequest, ...] = ()
    grid: GridSpec = GridSpec()
    region: Region | None = None
    file_per_band: bool | None = None
    format: Format | None = None
    precedence: Precedence = Precedence.DOCUMENTED
    strict: bool = False
    resampling: Resampling = Resampling.NEAREST
    nodata: float | int | None = None
    mask: MaskOutput | None = None
    clip_to_region: bool = False
    compression: Compression | None = None
    compression_level: int | None = None
    cloud_optimized: bool = False
    visualization: Visualization | None = None

    @property
    def shows_values(self) -> bool:
        """Whether it asks for a picture of one band or three, and not for values."""
        return self.visualization is not None or (self.format is not None and self.format.is_picture)

    @property
    def encoding(self) -> Encoding:
        """How GeoTIFFs of the request are stored."""
        return Encoding(self.compression or Compression.DEFLATE, self.compression_level, self.cloud_optimized)
