"""The texts of VRTs, by which GDAL reads bands and masks of files that this server names."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["TYPES", "Level", "Parts", "source_text", "version_option", "virtual_text"]

TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}
"""GDAL's names of the numpy types."""


@dataclass(frozen=True, slots=True)
class Level:
    """A resolution of a file.

    Attributes:
        file: path, or a name of GDAL's.
        overview: of the file; None for its full resolution.
        version: of the file; see ``version_option``.
    """

    file: str
    overview: int | None = None
    version: str = ""

    @property
    def options(self) -> str:
        """As options of a source."""
        level = "" if self.overview is None else f'<OOI key="OVERVIEW_LEVEL">{self.overview}</OOI>'
        return level + version_option(self.version)


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the pixels and the mask of one resolution of a raster are.

    Attributes:
        size: columns and rows.
        dtypes: numpy name of the type of each band.
        pixels: with all bands.
        mask: None where the file of the pixels has the mask, if there is any.
        mask_bands: 1 where the mask is of all bands, else one for each band.
    """

    size: tuple[int, int]
    dtypes: Sequence[str]
    pixels: Level
    mask: Level | None = None
    mask_bands: int = 1

    def whole(self) -> str:
        """Return a VRT of all bands with the mask."""
        common = self._mask_band(1) if self.mask_bands == 1 else ""
        bands = "".join(
            f'<VRTRasterBand dataType="{TYPES[dtype]}" band="{index}">{self._mask_band(index, own=True)}'
            f"{self.band_source(index)}</VRTRasterBand>"
            for index, dtype in enumerate(self.dtypes, 1)
        )
        return _dataset(self.size, common + bands)

    def band_source(self, index: int) -> str:
        """Return the source of a band."""
        return source_text(self.pixels.file, str(index), self.pixels.options)

    def mask_source(self, index: int) -> str:
        """Return the source of the mask of a band."""
        if self.mask is None:
            return source_text(self.pixels.file, f"mask,{index}", self.pixels.options)
        return source_text(self.mask.file, str(min(index, self.mask_bands)), self.mask.options)

    def _mask_band(self, index: int, *, own: bool = False) -> str:
        if self.mask is None or own != (self.mask_bands > 1):
            return ""
        return f'<MaskBand><VRTRasterBand dataType="Byte">{self.mask_source(index)}</VRTRasterBand></MaskBand>'


def version_option(version: str) -> str:
    """Return an option of a source that tells versions of its file apart; "" for one without a version.

    GDAL keeps the sources of VRTs open in a pool, by their names and options, and would read a file that was replaced.
    It takes no notice of an option that begins with @ and that a driver does not know.
    """
    return f'<OOI key="@VERSION">{escape(version)}</OOI>' if version else ""


def virtual_text(size: tuple[int, int], dtype: str, band: str, mask: str = "") -> str:
    """Return a VRT of one band.

    Args:
        size: columns and rows.
        dtype: numpy name of its type.
        band: its sources, and what else describes it.
        mask: sources of its mask.
    """
    if mask:
        mask = f'<MaskBand><VRTRasterBand dataType="Byte">{mask}</VRTRasterBand></MaskBand>'
    return _dataset(size, f'{mask}<VRTRasterBand dataType="{TYPES[dtype]}" band="1">{band}</VRTRasterBand>')


def _dataset(size: tuple[int, int], content: str) -> str:
    return f'<VRTDataset rasterXSize="{size[0]}" rasterYSize="{size[1]}">{content}</VRTDataset>'


def source_text(file: str, band: str, options: str = "", place: str = "") -> str:
    """Return a source of a band: a band of a file, such as ``1`` or ``mask,1``, its options, and its place."""
    name = f'<SourceFilename relativeToVRT="0" shared="0">{escape(file)}</SourceFilename>'
    options = f"<OpenOptions>{options}</OpenOptions>" if options else ""
    return f"<SimpleSource>{name}{options}<SourceBand>{band}</SourceBand>{place}</SimpleSource>"
