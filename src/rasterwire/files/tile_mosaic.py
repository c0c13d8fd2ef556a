"""Makes a VRT of a tile index and of the headers of its tiles. Pixels are those that GDAL's GTI driver would give."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader

from rasterwire.errors import SourceUnavailable
from rasterwire.files.tile_index import TileIndex
from rasterwire.files.tile_table import Extent
from rasterwire.files.virtual import TYPES
from rasterwire.files.virtual_file import VirtualFile, crs_form, name_place

__all__ = ["TileHeader", "mosaic_of"]

_MAX_PLACES = 20_000
"""Tiles of a tile index, times its bands."""

_MAX_SIDE = 2**31 - 1
"""Columns or rows of a tile index."""

_PER_DATASET = {MaskFlags.per_dataset}

_number = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_nodata = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|-?inf|nan", re.ASCII | re.IGNORECASE)
_word = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}", re.ASCII)

_resampling = {"near", "nearest", "bilinear", "cubic", "cubicspline", "lanczos", "average", "rms", "mode", "gauss"}

_TYPE_NAMES = set(TYPES.values())

Rectangle = tuple[float, float, float, float]
"""Left, top, width and height, in pixels."""


@dataclass(frozen=True, slots=True)
class TileHeader:
    """A tile without its pixels.

    Attributes:
        size: columns and rows.
        transform: as of GDAL: x, width of a pixel, 0, y, 0, height of a pixel.
        dtypes: GDAL's name of the type of each band.
        block: columns and rows of a block.
        nodata: of each band.
        colors: GDAL's names of what the bands show.
        has_mask: whether there is one mask of all bands.
        crs: None where it has none.
    """

    size: tuple[int, int]
    transform: tuple[float, ...]
    dtypes: tuple[str, ...]
    block: tuple[int, int]
    nodata: tuple[float | None, ...]
    colors: tuple[str, ...]
    has_mask: bool
    crs: CRS | None

    @classmethod
    def of(cls, raster: DatasetReader) -> "TileHeader":
        """Return the header of an open file.

        Raises:
            SourceUnavailable: its pixels are of a type that is not read.
        """
        dtypes = tuple(TYPES.get(str(dtype), "") for dtype in raster.dtypes)
        if not all(dtypes):
            raise SourceUnavailable.of_file("it is a tile index with a tile whose pixels are no plain numbers")
        rows, columns = raster.block_shapes[0]
        return cls(
            size=(int(raster.width), int(raster.height)),
            transform=tuple(map(float, raster.transform.to_gdal())),
            dtypes=dtypes,
            block=(int(columns), int(rows)),
            nodata=tuple(raster.nodatavals),
            colors=tuple(color.name.capitalize() for color in raster.colorinterp),
            has_mask=any({*flags} == _PER_DATASET for flags in raster.mask_flag_enums),
            crs=raster.crs or None,
        )

    @property
    def alpha(self) -> int:
        """Number of the alpha band; 0 for none."""
        return self.colors.index(ColorInterp.alpha.name.capitalize()) + 1 if "Alpha" in self.colors else 0


@dataclass(frozen=True, slots=True)
class _Lattice:
    """The pixels of the whole.

    Attributes:
        west, north: the corner.
        width, height: of a pixel.
        size: columns and rows.
    """

    west: float
    north: float
    width: float
    height: float
    size: tuple[int, int]

    def rectangles(self, tile: TileHeader) -> tuple[Rectangle, Rectangle] | None:
        """Return the part of a tile that is within the whole, in its own pixels and in those of the whole."""
        across = _overlap(tile.transform[0], tile.transform[1], tile.size[0], (self.west, self.width, self.size[0]))
        down = _overlap(-tile.transform[3], -tile.transform[5], tile.size[1], (-self.north, self.height, self.size[1]))
        if across is None or down is None:
            return None
        left, width, to_left, to_width = across
        top, height, to_top, to_height = down
        return (left, top, width, height), (to_left, to_top, to_width, to_height)


def _overlap(
    start: float, step: float, count: int, whole: tuple[float, float, int]
) -> tuple[float, float, float, float] | None:
    """Return start and length of what a row of pixels shares with another one, in its pixels and in those of that."""
    first, width, size = whole
    before = max(0.0, (first - start) / step)
    to = max(0.0, (start - first) / width)
    length = count - before
    to_length = length * step / width
    if to + to_length > size:
        to_length = size - to
        length = to_length * width / step
    return (before, length, to, to_length) if length > 0 and to_length > 0 else None


def mosaic_of(index: TileIndex, headers: Sequence[TileHeader]) -> VirtualFile:
    """Return the VRT of a tile index.

    Args:
        index: to read.
        headers: of its sources.

    Raises:
        SourceUnavailable: its settings are wrong, or its tiles do not fit them.
    """
    first = None if index.first is None else headers[index.first]
    lattice = _lattice(index, first)
    _check(index, headers)
    bands = _bands(index, first)
    if len(bands) * len(index.order) > _MAX_PLACES:
        raise _refusal(f"more than {_MAX_PLACES} tiles times bands")
    if any(len(header.dtypes) < len(bands) for header in headers):
        raise _refusal(f"a tile of fewer than {len(bands)} bands")
    placed = [(number, place) for number in index.order if (place := lattice.rectangles(headers[number])) is not None]
    resampling = _checked(index.settings, "RESAMPLING", _word) or "near"
    if resampling.lower() not in _resampling:
        raise _refusal("RESAMPLING with this text")
    writer = _Writer(headers, placed, f' resampling="{resampling}"')
    has_mask = _is_on(index.settings["MASK_BAND"]) if "MASK_BAND" in index.settings else _inspects(index)
    has_mask = has_mask and ("MASK_BAND" in index.settings or (first is not None and first.has_mask))
    crs = f"<SRS>{escape(index.crs)}</SRS>" if index.crs else ""
    corner = lattice.west, lattice.width, 0.0, lattice.north, 0.0, -lattice.height
    text = (
        f'<VRTDataset rasterXSize="{lattice.size[0]}" rasterYSize="{lattice.size[1]}">{crs}'
        f"<GeoTransform>{','.join(map(repr, corner))}</GeoTransform>{writer.mask() if has_mask else ''}"
        f"{''.join(writer.band(number, band) for number, band in enumerate(bands, 1))}</VRTDataset>"
    )
    nodata = {number: band["NODATAVALUE"] for number, band in enumerate(bands, 1) if "NODATAVALUE" in band}
    return VirtualFile(text, index.sources, nodata)


class _Writer:
    """Writes sources."""

    def __init__(
        self, headers: Sequence[TileHeader], placed: Sequence[tuple[int, tuple[Rectangle, Rectangle]]], options: str
    ) -> None:
        self._headers = headers
        self._placed = placed
        self._options = options

    def mask(self) -> str:
        """Return the mask of the whole: a pixel is valid where one tile has a valid one."""
        sources = (
            self._source(number, place, "mask,1", "Byte", "<NODATA>0</NODATA>") for number, place in self._placed
        )
        return f'<MaskBand><VRTRasterBand dataType="Byte">{"".join(sources)}</VRTRasterBand></MaskBand>'

    def band(self, number: int, texts: Mapping[str, str]) -> str:
        """Return a band, from what is said of it."""
        elements = {
            "NODATAVALUE": "NoDataValue",
            "COLORINTERP": "ColorInterp",
            "DESCRIPTION": "Description",
            "UNITTYPE": "UnitType",
            "OFFSET": "Offset",
            "SCALE": "Scale",
        }
        head = "".join(f"<{tag}>{escape(texts[name])}</{tag}>" for name, tag in elements.items() if name in texts)
        sources = "".join(self._band_source(tile, place, number) for tile, place in self._placed)
        return f'<VRTRasterBand dataType="{texts["DATATYPE"]}" band="{number}">{head}{sources}</VRTRasterBand>'

    def _band_source(self, tile: int, place: tuple[Rectangle, Rectangle], band: int) -> str:
        header = self._headers[tile]
        nodata = header.nodata[band - 1]
        if header.alpha == band:
            more = "<NODATA>0</NODATA>"  # as its own mask
        elif header.has_mask or header.alpha:
            more = "<UseMaskBand>true</UseMaskBand>"
        else:
            more = "" if nodata is None else f"<NODATA>{nodata!r}</NODATA>"
        return self._source(tile, place, str(band), header.dtypes[band - 1], more)

    def _source(self, tile: int, place: tuple[Rectangle, Rectangle], band: str, dtype: str, more: str) -> str:
        header = self._headers[tile]
        kind = "ComplexSource" if more else "SimpleSource"
        rectangles = "".join(
            f'<{name} xOff="{left!r}" yOff="{top!r}" xSize="{width!r}" ySize="{height!r}"/>'
            for name, (left, top, width, height) in zip(("SrcRect", "DstRect"), place, strict=True)
        )
        # with its properties, GDAL opens a source when it reads pixels of it
        return (
            f'<{kind}{self._options}><SourceFilename relativeToVRT="0" shared="0">{name_place(tile)}</SourceFilename>'
            f"<SourceBand>{band}</SourceBand>"
            f'<SourceProperties RasterXSize="{header.size[0]}" RasterYSize="{header.size[1]}" DataType="{dtype}"'
            f' BlockXSize="{header.block[0]}" BlockYSize="{header.block[1]}"/>{rectangles}{more}</{kind}>'
        )


def _check(index: TileIndex, headers: Sequence[TileHeader]) -> None:
    """Refuse tiles that GDAL would warp, those that are damaged, and those that lie outside of the whole index."""
    if index.crs and not crs_form.fullmatch(index.crs):
        raise _refusal("a crs that is neither a code nor WKT")
    crs = CRS.from_user_input(index.crs) if index.crs else None
    for header in headers:
        _, width, skew, _, other_skew, height = header.transform
        if skew or other_skew or not (width > 0 and height < 0 and all(map(math.isfinite, header.transform))):
            raise _refusal("a tile that is not north up; make a VRT of its files with gdalwarp")
        if crs is not None and header.crs is not None and header.crs != crs:
            raise _refusal("a tile in another crs; make an index of the tiles of each crs")
        if not _is_within(index.extent, header):  # GDAL gives no pixels there, not even those of other tiles
            raise _refusal("a tile that lies elsewhere than the index says; make it again with gdaltindex")


def _is_within(extent: Extent, header: TileHeader) -> bool:
    """Tell whether a tile that is north up shares pixels with an extent."""
    west, width, _, north, _, height = header.transform
    columns, rows = header.size
    return (
        west < extent[2]
        and west + columns * width > extent[0]
        and north > extent[1]
        and north + rows * height < extent[3]
    )


def _inspects(index: TileIndex) -> bool:
    """Return whether GDAL takes properties of the first tile, since some are not set."""
    has_bands = "BAND_COUNT" in index.settings or bool(index.bands)
    return not has_bands or not ({"RESX", "RESY"} <= set(index.settings) or "GEOTRANSFORM" in index.settings)


def _lattice(index: TileIndex, first: TileHeader | None) -> _Lattice:
    settings = index.settings
    if any(name in settings for name in ("XSIZE", "YSIZE", "GEOTRANSFORM")):
        sides = _number_of(settings, "XSIZE"), _number_of(settings, "YSIZE")
        numbers = settings.get("GEOTRANSFORM", "").split(",")
        if len(numbers) != 6 or not all(map(_number.fullmatch, numbers)):
            raise _refusal("a GEOTRANSFORM that is not six numbers")
        west, width, skew, north, other_skew, height = map(float, numbers)
        if skew or other_skew:
            raise _refusal("a GEOTRANSFORM that is not north up")
        return _sound(west, north, (width, -height), (int(sides[0]), int(sides[1])))
    if any(name in settings for name in ("RESX", "RESY")):
        width, height = _number_of(settings, "RESX"), _number_of(settings, "RESY")
    elif first is not None:
        width, height = first.transform[1], abs(first.transform[5])
    else:
        raise _refusal("no first tile, and no RESX and RESY")
    extent = index.extent
    if any(name in settings for name in ("MINX", "MINY", "MAXX", "MAXY")):
        extent = (
            _number_of(settings, "MINX"),
            _number_of(settings, "MINY"),
            _number_of(settings, "MAXX"),
            _number_of(settings, "MAXY"),
        )
    spans = extent[2] - extent[0], extent[3] - extent[1]
    if not (width > 0 and height > 0 and all(map(math.isfinite, (*spans, width, height)))):
        raise _refusal("pixels or an extent without an area")
    counts = spans[0] / width, spans[1] / height
    if not all(0 < number < _MAX_SIDE for number in counts):
        raise _refusal("an extent of no pixels, or of too many")
    return _sound(extent[0], extent[3], (width, height), (math.ceil(counts[0]), math.ceil(counts[1])))


def _sound(west: float, north: float, pixel: tuple[float, float], size: tuple[int, int]) -> _Lattice:
    if not all(map(math.isfinite, (west, north, *pixel))) or min(pixel) <= 0:
        raise _refusal("pixels without an area, or south up")
    if not all(0 < side <= _MAX_SIDE for side in size):
        raise _refusal("a size of no pixels, or of too many")
    return _Lattice(west, north, pixel[0], pixel[1], size)


def _bands(index: TileIndex, first: TileHeader | None) -> list[dict[str, str]]:
    """Return what is said of each band, by the names of elements in capitals."""
    settings = index.settings
    count = _band_count(index, first)
    sample = first if _inspects(index) else None
    if sample is not None and len(sample.dtypes) != count and "DATA_TYPE" not in settings:
        raise _refusal("another number of bands than its first tile; set BAND_COUNT, DATA_TYPE, RESX and RESY")
    dtypes, nodata, colors = (_each(settings, name, count) for name in ("DATA_TYPE", "NODATA", "COLOR_INTERPRETATION"))
    if sample is not None:
        dtypes = dtypes or list(sample.dtypes)
        nodata = nodata or ["NONE" if number is None else repr(number) for number in sample.nodata[:count]]
        colors = colors or list(sample.colors[:count])
    bands = []
    for number in range(count):
        band = {"DATATYPE": dtypes[number] if dtypes else "Byte"}
        if nodata and nodata[number].upper() != "NONE":
            band["NODATAVALUE"] = nodata[number]
        if colors:
            band["COLORINTERP"] = colors[number]
        for name in ("OFFSET", "SCALE", "UNITTYPE"):
            if (text := settings.get(f"BAND_{number + 1}_{name}")) is not None:
                band[name] = text
        bands.append(band | (dict(index.bands[number]) if index.bands else {}))
    for band in bands:
        _check_band(band)
    return bands


def _band_count(index: TileIndex, first: TileHeader | None) -> int:
    if "BAND_COUNT" in index.settings:
        count = int(_number_of(index.settings, "BAND_COUNT"))
    elif index.bands:
        count = len(index.bands)
    elif first is not None:
        count = len(first.dtypes)
    else:
        raise _refusal("no first tile, and no BAND_COUNT")
    if not 0 < count <= _MAX_PLACES or (index.bands and len(index.bands) != count):
        raise _refusal("a BAND_COUNT that is not the number of its bands")
    return count


def _check_band(band: Mapping[str, str]) -> None:
    forms = {"NODATAVALUE": _nodata, "OFFSET": _number, "SCALE": _number, "COLORINTERP": _word}
    if band["DATATYPE"] not in _TYPE_NAMES:
        raise _refusal("a type of pixels that is not read")
    for name, form in forms.items():
        if name in band and not form.fullmatch(band[name]):
            raise _refusal(f"{name} with this text")


def _each(settings: Mapping[str, str], name: str, count: int) -> list[str]:
    """Return a setting of each band; one alone is that of all. Empty where it is not set."""
    texts = [text for text in re.split("[, ]", settings.get(name, "")) if text]
    if len(texts) not in {0, 1, count}:
        raise _refusal(f"{name} of {len(texts)} bands")
    return texts * count if len(texts) == 1 else texts


def _number_of(settings: Mapping[str, str], name: str) -> float:
    text = _checked(settings, name, _number)
    if text is None:
        raise _refusal(f"no {name} beside settings that need it")
    return float(text)


def _checked(settings: Mapping[str, str], name: str, form: re.Pattern[str]) -> str | None:
    text = settings.get(name)
    if text is not None and not form.fullmatch(text):
        raise _refusal(f"{name} with this text")
    return text


def _is_on(text: str) -> bool:
    return text.strip().upper() not in {"NO", "FALSE", "OFF", "0"}


def _refusal(what: str) -> SourceUnavailable:
    return SourceUnavailable.of_file(f"it is a tile index with {what}")
