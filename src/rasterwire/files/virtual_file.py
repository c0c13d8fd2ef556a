"""VRT files of an operator, which are read where the catalog of their folder says so.

GDAL never sees such a file: a VRT can name any file or address, and run code. It is read here, only what is known to be
harmless is taken, and GDAL gets a text that is made of that, in which the server names the files.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from rasterwire.errors import SourceUnavailable
from rasterwire.files.bounded_xml import read_xml
from rasterwire.files.byte_reader import version_of

__all__ = ["NAMES_OTHERS", "VirtualFile", "crs_form", "is_virtual_name", "name_place", "read_virtual"]

_MAX_FILES = 1000
"""Files that a VRT names; each is looked at with every block of pixels."""

NAMES_OTHERS = (
    "it is a VRT or a tile index that names a file which is not in the folder of its catalog; put it there, and name it"
    " by a path relative to the VRT or index"
)

_number = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_numbers = re.compile(rf"{_number.pattern}(?:,{_number.pattern})*", re.ASCII)
_whole = re.compile(r"\s*\d{1,9}\s*", re.ASCII)
_nodata = re.compile(rf"{_number.pattern}|\s*-?(?:nan|inf)\s*", re.ASCII | re.IGNORECASE)
_word = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}", re.ASCII)
_band = re.compile(r"\s*(?:mask,)?\d{1,5}\s*", re.ASCII)
_flag = re.compile(r"true|false|0|1|yes|no|on|off", re.IGNORECASE)
_text = re.compile(r".{0,1000}", re.DOTALL)
crs_form = re.compile(
    r"\s*(?:[A-Za-z]{2,10}:\d{1,8}|(?:PROJCS|GEOGCS|COMPD_CS|LOCAL_CS|PROJCRS|GEOGCRS|GEODCRS|COMPOUNDCRS|BOUNDCRS|ENGCRS)"
    r"\s*\[[^<>]{0,20000}\])\s*",
    re.DOTALL,
)
"""A crs as a code or WKT; GDAL takes paths and addresses too."""

_place_of_name = re.compile("\0([0-9]+)\0")
"""The number of a file where its name belongs. No XML holds such a character."""

_Rules = Mapping[str, re.Pattern[str]]

_dataset_texts: _Rules = {"SRS": crs_form, "GeoTransform": _numbers}
_band_texts: _Rules = {
    "NoDataValue": _nodata,
    "HideNoDataValue": _flag,
    "ColorInterp": _word,
    "Description": _text,
    "UnitType": _text,
    "Offset": _number,
    "Scale": _number,
}
_source_texts: _Rules = {
    "SourceBand": _band,
    "NODATA": _nodata,
    "ScaleOffset": _number,
    "ScaleRatio": _number,
    "Exponent": _number,
    "SrcMin": _number,
    "SrcMax": _number,
    "DstMin": _number,
    "DstMax": _number,
    "Clamp": _flag,
    "LUT": re.compile(r"[0-9eE.,:+\s-]{0,20000}"),
    "ColorTableComponent": _whole,
    "UseMaskBand": _flag,
}
_attributes: Mapping[str, _Rules] = {
    "VRTDataset": {"rasterXSize": _whole, "rasterYSize": _whole},
    "SRS": {"dataAxisToSRSAxisMapping": re.compile(r"-?\d(?:,-?\d){0,3}")},
    "VRTRasterBand": {"dataType": _word, "band": _whole, "blockXSize": _whole, "blockYSize": _whole},
    "SimpleSource": {"resampling": _word},
    "ComplexSource": {"resampling": _word},
    "SrcRect": dict.fromkeys(("xOff", "yOff", "xSize", "ySize"), _number),
    "DstRect": dict.fromkeys(("xOff", "yOff", "xSize", "ySize"), _number),
    "Entry": dict.fromkeys(("c1", "c2", "c3", "c4"), _whole),
}
"""Those that are passed on; others of these elements are left out, but for those that name a class of code."""

_left_out = {"Metadata", "OverviewList", "Histograms", "CategoryNames", "BlockXSize", "BlockYSize", "SourceProperties"}
"""Elements without which the pixels are the same."""


@dataclass(frozen=True, slots=True)
class VirtualFile:
    """What is taken of a VRT.

    Attributes:
        text: of a VRT for GDAL, in which the names of the files have to be filled in.
        sources: absolute paths of the files that it names. They may be anywhere, or missing.
        nodata: text of the nodata value of bands, by their number from 1.
    """

    text: str
    sources: tuple[str, ...]
    nodata: Mapping[int, str]

    def named(self, names: Sequence[str]) -> str:
        """Return the text with GDAL's names of the files.

        Args:
            names: in the order of ``sources``; they belong to the present versions of the files, since GDAL keeps the
                sources of VRTs open in a pool, by their names, and would read a file that was replaced.
        """
        return _place_of_name.sub(lambda match: escape(names[int(match[1])]), self.text)


def name_place(number: int) -> str:
    """Return what stands in the text of a VRT where the name of a file belongs."""
    return f"\0{number}\0"


def is_virtual_name(name: str) -> bool:
    """Return whether a file name is that of a VRT."""
    return name.lower().endswith(".vrt")


def read_virtual(path: str) -> VirtualFile:
    """Return what a VRT holds in its present version.

    Args:
        path: of the file, absolute, links resolved.

    Raises:
        SourceUnavailable: it cannot be read, is too large, or holds what is not taken.
    """
    try:
        version = version_of(os.stat(path))  # noqa: PTH116  Path.stat takes twice the time
    except OSError as error:
        raise SourceUnavailable.of_file("the file is missing") from error
    found = _read(path, version)
    if isinstance(found, str):
        raise SourceUnavailable.of_file(found)
    return found


@lru_cache(maxsize=256)
def _read(path: str, _version: str) -> VirtualFile | str:
    """Return what a VRT holds, or the problem: it is asked for with every look at the file."""
    try:
        writer = _Writer(path.rpartition("/")[0])
        text = writer.dataset(read_xml(path, "VRT"))
    except OSError:
        return "the file cannot be opened by this server"
    except (ET.ParseError, ValueError, LookupError):
        return "it is a damaged VRT; make it again with gdalbuildvrt"
    except SourceUnavailable as error:
        return error.problem
    return VirtualFile(text, tuple(writer.files), writer.nodata)


class _Writer:
    """Writes a VRT from the elements of another one.

    Attributes:
        files: the numbers of those that it names, by their paths.
        nodata: see ``VirtualFile``.
    """

    def __init__(self, own_folder: str) -> None:
        self._own_folder = own_folder
        self.files: dict[str, int] = {}
        self.nodata: dict[int, str] = {}

    def dataset(self, element: ET.Element) -> str:
        """Return the text of a whole VRT."""
        if element.tag != "VRTDataset":
            raise SourceUnavailable.of_file("it is no VRT; make it again with gdalbuildvrt")
        return self._element(element, _dataset_texts, {"VRTRasterBand": self._band, "MaskBand": self._mask})

    def _mask(self, element: ET.Element) -> str:
        return self._element(element, {}, {"VRTRasterBand": self._unnumbered_band})

    def _band(self, element: ET.Element) -> str:
        nodata, hidden = element.findtext("NoDataValue"), element.findtext("HideNoDataValue") or "0"
        if nodata is not None and hidden.strip().lower() in {"0", "false", "no", "off"}:
            self.nodata[int(element.attrib["band"])] = nodata.strip()
        return self._unnumbered_band(element)

    def _unnumbered_band(self, element: ET.Element) -> str:
        kinds = {
            "SimpleSource": self._source,
            "ComplexSource": self._source,
            "MaskBand": self._mask,
            "ColorTable": lambda table: self._element(table, {}, {"Entry": lambda entry: self._element(entry, {}, {})}),
        }
        return self._element(element, _band_texts, kinds)

    def _source(self, element: ET.Element) -> str:
        places = dict.fromkeys(("SrcRect", "DstRect"), lambda place: self._element(place, {}, {}))
        return self._element(element, _source_texts, {"SourceFilename": self._file_name, **places})

    def _file_name(self, element: ET.Element) -> str:
        """Return the element that names a file, by its path.

        Raises:
            SourceUnavailable: it cannot be a file of the folder.
        """
        name = (element.text or "").strip()
        is_relative = element.get("relativeToVRT", "0").strip() == "1"
        path = f"{self._own_folder}/{name}" if is_relative else name
        if not path.startswith("/") or path.startswith("/vsi") or not name or "\0" in name:
            raise SourceUnavailable.of_file(NAMES_OTHERS)
        number = self.files.setdefault(path, len(self.files))
        if len(self.files) > _MAX_FILES:
            raise SourceUnavailable.of_file(
                f"it is a VRT of more than {_MAX_FILES} files; make several, or ask for a mosaic of the files"
            )
        return f'<SourceFilename relativeToVRT="0" shared="0">{name_place(number)}</SourceFilename>'

    def _element(self, element: ET.Element, texts: _Rules, kinds: Mapping[str, Callable[[ET.Element], str]]) -> str:
        """Return an element with its attributes and those within it that are known.

        Args:
            element: to write.
            texts: names of elements within it that hold a text, with the form of the text.
            kinds: names of the others, with what writes them.

        Raises:
            SourceUnavailable: it holds another element.
        """
        if any(key in element.attrib for key in ("subClass", "subclass")):
            raise SourceUnavailable.of_file(_unknown(f"{element.tag} of the class {element.get('subClass')}"))
        parts = []
        for child in element:
            if child.tag in texts:
                parts.append(_leaf(child, texts[child.tag]))
            elif child.tag in kinds:
                parts.append(kinds[child.tag](child))
            elif child.tag not in _left_out:
                raise SourceUnavailable.of_file(_unknown(f"{child.tag}"))
        return f"<{element.tag}{''.join(_attributes_of(element))}>{''.join(parts)}</{element.tag}>"


def _leaf(element: ET.Element, form: re.Pattern[str]) -> str:
    text = element.text or ""
    if len(element) or not form.fullmatch(text):
        raise SourceUnavailable.of_file(_unknown(f"{element.tag} with this value"))
    return f"<{element.tag}{''.join(_attributes_of(element))}>{escape(text)}</{element.tag}>"


def _attributes_of(element: ET.Element) -> Iterator[str]:
    for name, form in _attributes.get(element.tag, {}).items():
        value = element.get(name)
        if value is not None:
            if not form.fullmatch(value):
                raise SourceUnavailable.of_file(_unknown(f"{name} with this value"))
            yield f" {name}={quoteattr(value)}"


def _unknown(what: str) -> str:
    return f"it is a VRT with {what[:80]}, which is not read; make a GeoTIFF of it with gdal_translate"
