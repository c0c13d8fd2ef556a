"""Functions on collections of images and features."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import describe
from rasterwire.expression.functions.collection.conditions import COMPUTED
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.geometry.geometries import union_of
from rasterwire.expression.functions.image.assembly import check_count, unique_name, with_name
from rasterwire.expression.functions.image.bands import cast as cast_image
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.functions.list.lists import sort_key
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    CollectionValue,
    Element,
    ErrorMarginValue,
    FeatureValue,
    FilterValue,
    FunctionValue,
    ImageValue,
    World,
)
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.of_lists import reduce_columns
from rasterwire.geo.region import Region
from rasterwire.query import Sort
from rasterwire.units import plural_text


@table.listed("ImageCollection.load(id: String, version: Long = null) -> ImageCollection", needs_world=True)
def load(world: World, collection_id: str, version: int | None) -> CollectionValue:
    """Returns the images of a collection."""
    return world.collection(collection_id)


@table.listed("ImageCollection.fromImages(images: List<Image>) -> ImageCollection")
def from_images(images: list[ImageValue]) -> CollectionValue:
    """Returns a collection of given images."""
    elements: list[Element] = []
    for index, image in enumerate(images):
        has_index = "system:index" in image.properties
        elements.append(image if has_index else image.with_properties({**image.properties, "system:index": str(index)}))
    return CollectionValue(tuple(elements), of_images=True)


@table.listed("Collection(features: List<Element>) -> FeatureCollection")
def collection(features: list[Any]) -> CollectionValue:
    """Returns a collection of given features."""
    if isinstance(features, CollectionValue):
        return features
    elements: list[Element] = []
    for index, item in enumerate(features):
        element = FeatureValue(item) if isinstance(item, Region) else item
        if not isinstance(element, FeatureValue | ImageValue):
            raise InvalidExpression(f"element {index} of 'features' is not a Feature.")
        if "system:index" not in element.properties:
            element = element.with_properties({**element.properties, "system:index": str(index)})
        elements.append(element)
    return CollectionValue(
        tuple(elements), of_images=bool(elements) and all(isinstance(e, ImageValue) for e in elements)
    )


@table.listed("Collection.filter(collection: FeatureCollection, filter: Object) -> FeatureCollection")
def filter_(values: CollectionValue, condition: Any) -> CollectionValue:
    """Returns the elements that pass a filter."""
    if not isinstance(condition, FilterValue):
        raise InvalidExpression(f"'filter' has to be a Filter, such as ee.Filter makes, and is {describe(condition)}.")
    selection = None if values.selection is None else values.selection.filtered(condition)
    if selection is not None:
        return values.renewed(selection)
    return values.renewed([element for element in values if condition.accepts(element)])


@table.listed(
    "Collection.limit(collection: FeatureCollection, limit: Integer = null, key: String = null, ascending: "
    "Boolean = true) "
    "-> FeatureCollection"
)
def limit(values: CollectionValue, most: int | None, key: str | None, ascending: bool) -> CollectionValue:
    """Returns the first elements, after a sort by a property if one is named."""
    if most is not None and most < 0:
        raise InvalidExpression(f"'limit' is {most}; it must not be negative.")
    ordered = values if key is None else _sorted(values, key, ascending)
    if most is None:
        return ordered
    selection = ordered.selection
    return values.renewed(ordered.part(0, most) if selection is None else selection.limited(most))


def _sorted(values: CollectionValue, key: str, ascending: bool) -> CollectionValue:
    """Return a collection in the order of a property; elements without it come last, equal ones keep their order."""
    selection = None
    if values.selection is not None and key not in COMPUTED:
        selection = values.selection.sorted(Sort(key, descending=not ascending))
    if selection is not None:
        return values.renewed(selection)
    keyed = [(property_of(element, key), element) for element in values]
    present = [(sort_key(value), element) for value, element in keyed if value is not None]
    present.sort(key=itemgetter(0), reverse=not ascending)
    return values.renewed([element for _, element in present] + [element for value, element in keyed if value is None])


@table.listed("Collection.first(collection: FeatureCollection) -> Element")
def first(values: CollectionValue) -> Element | None:
    """Returns the first element, null of an empty collection."""
    return next(iter(values.part(0, 1)), None)


@table.listed("Collection.size(collection: FeatureCollection) -> Integer")
def size(values: CollectionValue) -> int:
    """Returns the number of elements."""
    return len(values)


@table.listed("Collection.toList(collection: FeatureCollection, count: Integer, offset: Integer = 0.0) -> List<Object>")
def to_list(values: CollectionValue, count: int, offset: int) -> list[Element]:
    """Returns a number of elements from a position as a list."""
    if count < 0 or offset < 0:
        raise InvalidExpression("'count' and 'offset' must not be negative.")
    return list(values.part(offset, count))


@table.listed(
    "Collection.map(collection: FeatureCollection, baseAlgorithm: Algorithm, dropNulls: Boolean = false) "
    "-> FeatureCollection"
)
def map_(values: CollectionValue, function: FunctionValue, drop: bool) -> CollectionValue:
    """Returns the results of a function for each element, with the index of the element."""
    elements: list[Element] = []
    for element in values:
        result = function(element)
        if isinstance(result, Region):
            result = FeatureValue(result)
        if result is None and drop:
            continue
        if not isinstance(result, ImageValue | FeatureValue):
            raise InvalidExpression("A mapped algorithm must return a Feature or Image.")
        index = element.properties.get("system:index")
        if index is not None and "system:index" not in result.properties:
            result = result.with_properties({**result.properties, "system:index": index})
        elements.append(result)
    of_images = isinstance(elements[0], ImageValue) if elements else values.of_images
    return CollectionValue(tuple(elements), of_images, values.id, values.properties)


@table.listed("Collection.iterate(collection: FeatureCollection, function: Algorithm, first: Object = null) -> Object")
def iterate(values: CollectionValue, function: FunctionValue, start: Any) -> Any:
    """Calls a function with each element and the result of the call before; returns the last result."""
    for element in values:
        start = function(element, start)
    return start


@table.listed(
    'Collection.geometry(collection: FeatureCollection, maxError: ErrorMargin = {"type": "ErrorMargin", "unit": '
    '"meters", "value": 0.0}) -> Geometry'
)
def geometry(values: CollectionValue, margin: ErrorMarginValue) -> Region:
    """Returns the union of the geometries of all elements."""
    if not len(values):
        raise InvalidExpression("the collection is empty, and has no geometry.")
    region = union_of(values)
    if region is None:
        raise InvalidExpression("an element of the collection has no geometry, or one without bounds.")
    return region


@table.listed("Collection.distinct(collection: FeatureCollection, properties: Object) -> FeatureCollection")
def distinct(values: CollectionValue, names: Any) -> CollectionValue:
    """Returns the first element for each different set of values of some properties."""
    keys = names if isinstance(names, list) else [names]
    elements_by_key: dict[Any, Element] = {}
    for element in values:
        elements_by_key.setdefault(tuple(sort_key(property_of(element, str(key))) for key in keys), element)
    return values.renewed(list(elements_by_key.values()))


@table.listed("Collection.merge(collection1: FeatureCollection, collection2: FeatureCollection) -> FeatureCollection")
def merge(first: CollectionValue, second: CollectionValue) -> CollectionValue:
    """Returns the elements of two collections."""
    return _merge(first, second)


@table.listed("ImageCollection.merge(collection1: ImageCollection, collection2: ImageCollection) -> ImageCollection")
def merge_images(first: CollectionValue, second: CollectionValue) -> CollectionValue:
    """Returns the images of two collections."""
    return _merge(first, second)


_MAX_MERGED = 100_000
"""Elements of a collection that ``merge`` returns."""


def _merge(first: CollectionValue, second: CollectionValue) -> CollectionValue:
    if len(first) + len(second) > _MAX_MERGED:
        raise InvalidExpression(f"a collection of over {_MAX_MERGED} elements is too large.")
    elements: list[Element] = []
    for prefix, values in (("1_", first), ("2_", second)):
        for position, element in enumerate(values):
            index = f"{prefix}{element.properties.get('system:index', position)}"
            elements.append(element.with_properties({**element.properties, "system:index": index[:1000]}))
    return CollectionValue(tuple(elements), first.of_images or second.of_images)


@table.listed(
    "ImageCollection.cast(collection: ImageCollection, bandTypes: Dictionary<Object>, bandOrder: List<String>) "
    "-> ImageCollection"
)
def cast(values: CollectionValue, types: Mapping[str, Any], names: list[str]) -> CollectionValue:
    """Casts the bands of all images, and selects them in one order."""
    return values.renewed([cast_image(image, types, names) for image in values.images()])


@table.listed(
    "Collection.reduceColumns(collection: FeatureCollection, reducer: Reducer, selectors: List<String>, "
    "weightSelectors: List<String> = null) -> Dictionary<Object>"
)
def reduce_columns_(
    values: CollectionValue, reducer: Reducer, names: list[str], weights: list[str] | None
) -> dict[str, Any]:
    """Applies a reducer to properties of all elements."""
    if len(names) < reducer.inputs:
        raise InvalidExpression(
            f"the reducer needs {plural_text(reducer.inputs, 'selector')}, and there are {len(names)}."
        )
    columns = [[property_of(element, name) for element in values] for name in names]
    row_weights = None
    if weights and len(weights) > 1:
        raise InvalidExpression("several 'weightSelectors': not implemented by this server; give one.")
    if weights:
        column = [property_of(element, weights[0]) for element in values]
        if not all(isinstance(value, int | float) for value in column):
            raise InvalidExpression(f"property '{weights[0]}' is not a weight: some of its values are not numbers.")
        row_weights = np.array(column, np.float64)
    return reduce_columns(reducer, columns, row_weights)


@table.listed(
    "Collection.remap(collection: FeatureCollection, lookupIn: List<Object>, lookupOut: List<Integer>, "
    "columnName: String) -> FeatureCollection"
)
def remap(values: CollectionValue, old: list[Any], new: list[int], key: str) -> CollectionValue:
    """Returns the elements whose property is in one list, with its value replaced by that of another list."""
    if len(old) != len(new):
        raise InvalidExpression(f"'lookupIn' has {plural_text(len(old), 'element')}, and 'lookupOut' {len(new)}.")
    if not all(isinstance(value, str | int | float) for value in old):
        raise InvalidExpression("'lookupIn' has to have texts and whole numbers only.")
    lookup = {sort_key(value): new_value for value, new_value in zip(old, new, strict=True)}
    keyed = [(element, sort_key(property_of(element, key))) for element in values]
    replaced = [(element, lookup[value]) for element, value in keyed if value in lookup]
    return values.renewed([element.with_properties({**element.properties, key: value}) for element, value in replaced])


@table.listed(
    "Image.linkCollection(input: Image, imageCollection: ImageCollection, linkedBands: Object = null, "
    'linkedProperties: Object = null, matchPropertyName: String = "system:index") -> Image'
)
def link_collection(
    image: ImageValue, values: CollectionValue, selectors: Any, properties: Any, key: str
) -> ImageValue:
    """Adds bands and properties of the first image of a collection that has the same value of a property."""
    sought = sort_key(property_of(image, key))
    match = next((candidate for candidate in values.images() if sort_key(property_of(candidate, key)) == sought), None)
    if match is None:
        raise InvalidExpression(f"no image of the collection has the same '{key[:100]}'.")
    bands = list(image.bands)
    names = {band.name for band in bands}
    suffixes: dict[str, int] = {}
    for band in (
        select_bands(match, selectors if isinstance(selectors, list) else [selectors]) if selectors is not None else ()
    ):
        name = unique_name(band.name, names, suffixes)
        names.add(name)
        bands.append(with_name(band, name))
    check_count(bands)
    copied = properties if isinstance(properties, list) else [] if properties is None else [properties]
    linked = {str(name): property_of(match, str(name)) for name in copied}
    return ImageValue(bands, {**image.properties, **linked}, image.id, image.region)
