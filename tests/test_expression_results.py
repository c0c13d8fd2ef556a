"""Results that cannot be downloaded, or told: one sentence with the function that made them, and what to look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from cases import every
from graphs import array_node, call_node, constant_node
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.image_source import CatalogWorld, product_of
from rasterwire.errors import InvalidExpression
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import read_graph
from rasterwire.render.engine import ThreadEngine

Json = dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogWorld]:
    folder: Path = tmp_path_factory.mktemp("results")
    path = folder / "coll" / "a" / "red.tif"
    path.parent.mkdir(parents=True)
    profile = {"width": 4, "height": 3, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", "GTiff", transform=Affine(10, 0, 500_000, 0, -10, 4_600_000), **profile) as file:
        file.write(np.ones((1, 3, 4), "uint8"))
    engine = ThreadEngine(1)
    yield CatalogWorld(FolderCatalog(folder), engine)
    engine.close()


def refused(value: Json, world: CatalogWorld) -> str:
    """Return the sentence that a download of a value is refused with."""
    graph = read_graph({"result": "1", "values": {"0": value, "1": {"valueReference": "0"}}})
    with pytest.raises(InvalidExpression) as caught:
        product_of(evaluate_graph(graph, world), graph.result_function)
    return str(caught.value)


EMPTY = call_node("ImageCollection.fromImages", images=array_node())
COLLECTION = call_node("ImageCollection.load", id=constant_node("coll"))
NONE_LEFT = call_node(
    "Collection.filter",
    collection=COLLECTION,
    filter=call_node("Filter.equals", leftField=constant_node("x"), rightValue=constant_node(1)),
)
IMAGE = call_node("Image.load", id=constant_node("coll/a"))
BARE = call_node("Image.select", input=IMAGE, bandSelectors=constant_node([]))
FIRST = call_node("Collection.first", collection=NONE_LEFT)
NO_BANDS = "the image has no bands; is the collection that it was made of empty?"


@every("empty", [EMPTY, NONE_LEFT])
@every("name", ["reduce.median", "reduce.count", "ImageCollection.mosaic", "ImageCollection.toBands"])
def test_what_is_made_of_an_empty_collection_has_no_bands(world: CatalogWorld, name: str, empty: Json) -> None:
    assert refused(call_node(name, collection=empty), world) == f"{name}: {NO_BANDS}"


@every(
    ("value", "said"),
    [
        (BARE, f"Image.select: {NO_BANDS}"),
        (
            call_node("Image.clip", input=BARE, geometry=call_node("Image.geometry", feature=IMAGE)),
            f"Image.clip: {NO_BANDS}",
        ),
        (call_node("Image.projection", image=BARE), f"Image.projection: {NO_BANDS}"),
        (call_node("Image.reduce", image=BARE, reducer=call_node("Reducer.mean")), f"Image.reduce: {NO_BANDS}"),
        (call_node("Image.visualize", image=BARE), f"Image.visualize: {NO_BANDS}"),
        (
            call_node("Image.sample", image=BARE, region=call_node("Image.geometry", feature=IMAGE)),
            f"Image.sample: {NO_BANDS}",
        ),
        (call_node("Image.cast", image=BARE, bandTypes=constant_node({"a": "float"})), f"Image.cast: {NO_BANDS}"),
        (
            call_node("Image.add", image1=call_node("reduce.median", collection=EMPTY), image2=constant_node(1)),
            (
                "Image.add: Images must contain the same number of bands, or one of them a single band; "
                "they have 0 and 1; is a collection empty?"
            ),
        ),
        (
            call_node(
                "List.get",
                list=call_node("Collection.toList", collection=NONE_LEFT, count=constant_node(5)),
                index=constant_node(0),
            ),
            "List.get: the list is empty, and has no element 0; is a collection empty?",
        ),
        (FIRST, "Collection.first: the result is no image but null; is a collection empty?"),
        (
            COLLECTION,
            (
                "ImageCollection.load: the result is no image but an ImageCollection; "
                "make one of them, as by mosaic or median."
            ),
        ),
        (
            call_node("Image.bandTypes", image=IMAGE),
            "Image.bandTypes: the result is no image but a Dictionary; call a function that makes one.",
        ),
        (constant_node(5), "the result is no image but a Number 5; call a function that makes one."),
    ],
)
def test_results_without_pixels_are_told_by_the_function_that_made_them(
    world: CatalogWorld, value: Json, said: str
) -> None:
    assert refused(value, world) == said
