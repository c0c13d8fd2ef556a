"""A VRT of GDAL that shows the files of an export as one image."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from rasterwire.encode.tiles import TILE
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan
from rasterwire.request import MaskOutput

__all__ = ["vrt_of"]

_types = {
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


def vrt_of(raster: RasterPlan, files: Iterable[tuple[str, Window]]) -> bytes:
    """Return the XML of a VRT.

    Args:
        raster: of all files.
        files: their names, relative to the VRT, and what they hold of the raster.
    """
    height, width = (int(n) for n in raster.grid.shape)
    root = Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if raster.grid.crs is not None:
        SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = raster.grid.crs.to_wkt()
    affine = raster.grid.affine
    numbers = (affine.c, affine.a, affine.b, affine.f, affine.d, affine.e)
    SubElement(root, "GeoTransform").text = ", ".join(f"{number!r}" for number in numbers)
    sources = list(files)
    for index, band in enumerate(raster.bands, 1):
        element = SubElement(root, "VRTRasterBand", dataType=_types[band.dtype], band=str(index))
        SubElement(element, "Description").text = band.name
        if band.nodata is not None:
            SubElement(element, "NoDataValue").text = f"{band.nodata!r}"
        _add_sources(element, sources, str(index))
        if raster.mask is MaskOutput.EACH_BAND:
            _add_mask(element, sources, f"mask,{index}")
    if raster.mask is MaskOutput.BAND:
        _add_mask(root, sources, "mask,1")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _add_mask(parent: Element, files: list[tuple[str, Window]], band: str) -> None:
    mask = SubElement(SubElement(parent, "MaskBand"), "VRTRasterBand", dataType="Byte")
    _add_sources(mask, files, band)


def _add_sources(element: Element, files: list[tuple[str, Window]], band: str) -> None:
    for name, window in files:
        source = SubElement(element, "SimpleSource")
        SubElement(source, "SourceFilename", relativeToVRT="1").text = name
        SubElement(source, "SourceBand").text = band
        size = {"xSize": str(window.width), "ySize": str(window.height)}
        properties = {"RasterXSize": size["xSize"], "RasterYSize": size["ySize"]}
        blocks = {"BlockXSize": str(TILE), "BlockYSize": str(TILE)}
        kind = element.get("dataType", "Byte")
        SubElement(source, "SourceProperties", {**properties, "DataType": kind, **blocks})
        SubElement(source, "SrcRect", {"xOff": "0", "yOff": "0", **size})
        SubElement(source, "DstRect", {"xOff": str(window.col), "yOff": str(window.row), **size})
