"""The JSON of values, as answers to clients contain it."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import shapely

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import as_geojson
from rasterwire.expression.language.sizes import check_size
from rasterwire.expression.language.values import (
    LONLAT,
    BandValue,
    CollectionValue,
    DateRangeValue,
    DateValue,
    ErrorMarginValue,
    FeatureValue,
    FunctionValue,
    ImageValue,
    KernelValue,
    Projection,
)
from rasterwire.geo.crs import crs_name
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs
from rasterwire.nodes.pixel_type import PixelType

MAX_ELEMENTS = 5000
"""Elements of a collection in an answer; Earth Engine's limit."""

_MAX_VALUES = 1_000_000
"""The most numbers and texts in one answer."""

_MAX_CHARACTERS = 64 << 20
"""Characters of all texts of one answer."""

_MAX_NESTING = 100
"""Lists and dictionaries within each other in one answer."""


def answer(value: Any) -> Any:
    """Return the JSON of a value.

    Raises:
        InvalidExpression: the value is too large for an answer, or has no JSON.
    """
    if isinstance(value, list | dict):
        check_size(value, _MAX_VALUES)
    return _Answer().of(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _Answer:
    def __init__(self) -> None:
        self._value_count = 0
        self._characters = 0
        self._nesting = 0

    def of(self, value: Any) -> Any:
        self._value_count += 1
        if self._value_count > _MAX_VALUES:
            raise InvalidExpression(f"the answer has more than {_MAX_VALUES} values; ask for a part of it.")
        match value:
            case None | bool() | int():
                return value
            case str():
                self._characters += len(value)
                if self._characters > _MAX_CHARACTERS:
                    raise InvalidExpression(f"the answer has more than {_MAX_CHARACTERS} characters.")
                return value
            case float():
                return _finite(value)
            case _:
                return self._nested(value)

    def _nested(self, value: Any) -> Any:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise InvalidExpression(f"the answer is nested more than {_MAX_NESTING} deep.")
        document = self._of_parts(value)
        self._nesting -= 1
        return document

    def _of_parts(self, value: Any) -> Any:
        match value:
            case ImageValue():
                return self._image(value)
            case FeatureValue():
                geometry = None if value.geometry is None else self._geometry(value.geometry)
                return {
                    "type": "Feature",
                    "geometry": geometry,
                    **self._id(value),
                    "properties": self.of({k: v for k, v in value.properties.items() if k != "system:index"}),
                }
            case CollectionValue():
                return self._collection(value)
            case Mapping():
                return {str(key): self.of(item) for key, item in value.items()}
            case list() | tuple():
                return [self.of(item) for item in value]
            case Region():
                return self._geometry(value)
            case PixelType() | Projection():
                return self.of(value.as_json())
            case DateValue():
                return {"type": "Date", "value": value.millis}
            case DateRangeValue():
                return {"type": "DateRange", "dates": [value.start, value.end]}
            case ErrorMarginValue():
                return {"type": "ErrorMargin", "unit": value.unit, "value": _finite(value.value)}
            case KernelValue():
                return {"type": "Kernel.Fixed", "weights": self.of([list(row) for row in value.weights])}
            case FunctionValue():
                raise InvalidExpression("the result is a function, which has no value of its own.")
            case _:
                raise InvalidExpression(
                    f"the result is a {type(value).__name__.removesuffix('Value')}, which cannot be told."
                )

    def _geometry(self, region: Region) -> dict[str, Any]:
        self._value_count += 2 * int(shapely.get_num_coordinates(region.geometry))
        return as_geojson(region)

    def _id(self, value: FeatureValue) -> dict[str, Any]:
        index = value.properties.get("system:index")
        return {} if index is None else {"id": str(index)}

    def _image(self, image: ImageValue) -> dict[str, Any]:
        document: dict[str, Any] = {"type": "Image", "bands": [self._band(band) for band in image.bands]}
        if image.id is not None:
            document |= {"id": image.id}
        properties = dict(image.properties)
        region = image.footprint()
        if region is not None and "system:footprint" not in properties:
            properties["system:footprint"] = footprint_json(region)
        version = properties.pop("system:version", None)
        if version is not None:
            document["version"] = version
        return document | ({"properties": self.of(properties)} if properties else {})

    def _band(self, band: BandValue) -> dict[str, Any]:
        self._value_count += 10
        projection = band.projection
        if self._value_count > _MAX_VALUES:
            raise InvalidExpression(f"the answer has more than {_MAX_VALUES} values; ask for a part of it.")
        document: dict[str, Any] = {"id": self.of(band.name), "data_type": self.of(band.type.as_json())}
        if band.extent is not None:
            col, row, width, height = band.extent
            document["dimensions"] = [width, height]
            if (col, row) != (0, 0):
                document["origin"] = [col, row]
        document["crs"] = crs_name(projection.crs)
        document["crs_transform"] = list(projection.transform)[:6]
        return document

    def _collection(self, values: CollectionValue) -> dict[str, Any]:
        elements = values.part(0, MAX_ELEMENTS + 1)
        if len(elements) > MAX_ELEMENTS:
            raise InvalidExpression(f"Collection query aborted after accumulating over {MAX_ELEMENTS} elements.")
        document: dict[str, Any] = {"type": "ImageCollection" if values.of_images else "FeatureCollection"}
        if values.id is not None:
            document["id"] = values.id
        if values.of_images:
            document["bands"] = []
        else:
            document["columns"] = {}
        if values.properties:
            document["properties"] = self.of(dict(values.properties))
        return document | {"features": [self.of(element) for element in elements]}


def footprint_json(region: Region) -> dict[str, Any]:
    """Return an outline as a property of an image: a ring of longitudes and latitudes."""
    try:
        lonlat = to_crs(region, LONLAT)
        # fewer points: an answer may have the outlines of thousands of images
        west, south, east, north = lonlat.geometry.bounds
        outline = as_geojson(replace(lonlat, geometry=lonlat.geometry.simplify(1e-5 * max(east - west, north - south))))
    except InvalidExpression:
        return as_geojson(region)
    if outline["type"] == "Polygon" and len(outline["coordinates"]) == 1:
        return {"type": "LinearRing", "coordinates": outline["coordinates"][0]}
    return outline
