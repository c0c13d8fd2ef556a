"""The bands of images: which there are, what they are called, of which type they are."""

import numpy as np
import pytest

from cases import every
from graphs import Value, call, load
from pixel_world import Array, PixelWorld, assert_pixels, random_data, random_mask
from rasterwire.errors import InvalidExpression
from rasterwire.nodes.pixel_type import PixelType

NAMES = ["B1", "B2", "B11", "QA"]
DATA = {name: random_data("int16", 40 + at) for at, name in enumerate(NAMES)}
VALID = random_mask(40)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("images"))
    world.add("scene", DATA, VALID)
    world.add("pair", {"B2": random_data("uint8", 50), "new": random_data("uint8", 51)})
    for name in ("x", "y"):
        world.add(f"many/{name}/pixels", {"B1": random_data("uint8", 52), "B2": random_data("uint8", 53)})
    return world


scene, pair = load("scene"), load("pair")


def names(made: PixelWorld, image: Value) -> list[str]:
    found = [band.name for band in made.image(image).bands]
    assert made.value(call("Image.bandNames", image=image)) == found
    return found


@every(
    ("selectors", "found"),
    [
        (["B2"], ["B2"]),
        (["QA", "B1"], ["QA", "B1"]),
        (["B.*"], ["B1", "B2", "B11"]),
        (["B1"], ["B1"]),
        (["B1."], ["B11"]),
        ([3, 0], ["QA", "B1"]),
        ([-1], ["QA"]),
        (["Q.", 1, "B[12]"], ["QA", "B2", "B1", "B2_1"]),
        ([], []),
    ],
)
def test_bands_are_selected_by_name_expression_and_index(
    made: PixelWorld, selectors: list[str | int], found: list[str]
) -> None:
    image = call("Image.select", input=scene, bandSelectors=selectors)
    assert names(made, image) == found
    for name, pixels in made.pixels(image).items():
        assert_pixels(pixels, DATA[name.split("_")[0]], VALID)


def test_selected_bands_get_new_names(made: PixelWorld) -> None:
    image = call("Image.select", input=scene, bandSelectors=["B.*"], newNames=["r", "g", "b"])
    assert names(made, image) == ["r", "g", "b"]
    assert_pixels(made.pixels(image)["b"], DATA["B11"], VALID)


@every(
    ("expression", "said"),
    [
        (call("Image.select", input=scene, bandSelectors=["B9"]), r"Band pattern 'B9' did not match any bands\. .*B11"),
        (call("Image.select", input=scene, bandSelectors=["("]), "is no regular expression"),
        (call("Image.select", input=scene, bandSelectors=[4]), "no band 4"),
        (call("Image.select", input=scene, bandSelectors=["B.*"], newNames=["a"]), "3 bands.* 1 name\\."),
        (call("Image.rename", input=scene, names=["a"]), "4 bands.* 1 name\\."),
        (call("Image.rename", input=scene, names=["a", "b", "c", "a"]), "'a' is given twice"),
        (call("Image.cast", image=scene, bandTypes={"B9": "int8"}), "no band 'B9'"),
        (call("Image.cast", image=scene, bandTypes={"B1": "int7"}), "'int7' is no type"),
        (call("Image.metadata", image=scene, property="system:index"), "no number"),
        (call("Image.metadata", image=scene, property="absent"), "'absent'"),
        (call("Image.normalizedDifference", input=scene, bandNames=["B1"]), "two bands"),
        (call("Image.addBands", dstImg=scene), r"Parameter 'srcImg' is required\."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(made: PixelWorld, expression: Value, said: str) -> None:
    with pytest.raises(InvalidExpression, match=said) as caught:
        made.value(expression)
    assert str(caught.value).startswith(expression.content[0] + ": ")


def test_added_bands_get_a_number_behind_a_name_that_is_taken(made: PixelWorld) -> None:
    added = call("Image.addBands", dstImg=scene, srcImg=pair)
    assert names(made, added) == [*NAMES, "B2_1", "new"]
    assert names(made, call("Image.addBands", dstImg=added, srcImg=pair)) == [*NAMES, "B2_1", "new", "B2_2", "new_1"]
    pixels = made.pixels(added)
    assert_pixels(pixels["B2"], DATA["B2"], VALID)
    assert_pixels(pixels["B2_1"], random_data("uint8", 50))
    assert made.image(added).properties["system:index"] == "scene"


def test_added_bands_take_the_place_of_those_of_their_name_where_asked(made: PixelWorld) -> None:
    added = call("Image.addBands", dstImg=scene, srcImg=pair, overwrite=True)
    assert names(made, added) == [*NAMES, "new"]
    assert_pixels(made.pixels(added)["B2"], random_data("uint8", 50))
    only = call("Image.addBands", dstImg=scene, srcImg=pair, names=["new"])
    assert names(made, only) == [*NAMES, "new"]


@every(("start", "end"), [(0, 2), (1, None), (-2, None), (0, -1), (2, 2)])
def test_a_slice_is_one_of_the_list_of_bands(made: PixelWorld, start: int, end: int | None) -> None:
    assert names(made, call("Image.slice", image=scene, start=start, end=end)) == NAMES[start:end]


def test_a_cast_changes_types_and_order(made: PixelWorld) -> None:
    image = call("Image.cast", image=scene, bandTypes={"B1": "uint8", "QA": "double"}, bandOrder=["QA", "B1"])
    found = made.image(image)
    assert [(band.name, band.type) for band in found.bands] == [
        ("QA", PixelType("double")),
        ("B1", PixelType("int", 0, 255)),
    ]
    assert_pixels(made.pixels(found)["B1"], np.clip(DATA["B1"], 0, 255), VALID)
    assert [band.type.dtype for band in made.image(call("Image.cast", image=scene, bandTypes={})).bands] == [
        "int16"
    ] * 4


def test_a_property_becomes_an_image_that_is_named_for_it(made: PixelWorld) -> None:
    image = call("Element.set", object=scene, key="cloud", value=12.5)
    found = made.pixels(call("Image.metadata", image=image, property="cloud"))
    assert list(found) == ["cloud"]
    assert_pixels(found["cloud"], np.asarray(12.5))
    assert list(made.pixels(call("Image.metadata", image=image, property="cloud", name="c"))) == ["c"]


def test_the_bands_of_a_collection_are_named_by_image_and_band(made: PixelWorld) -> None:
    images = [call("Element.set", object=pair, key="system:index", value=index) for index in ("one", "two")]
    image = call("ImageCollection.toBands", collection=call("ImageCollection.fromImages", images=images))
    assert names(made, image) == ["one_B2", "one_new", "two_B2", "two_new"]
    assert_pixels(made.pixels(image)["two_new"], random_data("uint8", 51))


def test_constants_have_a_band_for_each_number(made: PixelWorld) -> None:
    image = call("Image.constant", value=[1, 2.5, -300])
    assert names(made, image) == ["constant", "constant_1", "constant_2"]
    assert [band.type.dtype for band in made.image(image).bands] == ["uint8", "float64", "int16"]
    of_entries = call("Dictionary.toImage", dictionary={"b": 2, "a": 1}, names=["b", "a"])
    assert {name: int(p.data[0, 0]) for name, p in made.pixels(of_entries).items()} == {"b": 2, "a": 1}


def test_a_normalized_difference_is_masked_where_a_side_is_negative(made: PixelWorld) -> None:
    image = made.image(call("Image.normalizedDifference", input=scene, bandNames=["B11", "B2"]))
    assert [band.name for band in image.bands] == ["nd"]
    assert image.properties == {}
    assert image.bands[0].type.precision == "float"
    a, b = DATA["B11"].astype(float), DATA["B2"].astype(float)
    total: Array = np.where(a + b == 0, 1, a + b)
    expected = np.where(a + b == 0, 0, (a - b) / total)
    assert_pixels(made.only(image), expected, VALID & (a >= 0) & (b >= 0), atol=1e-6)
    assert_pixels(made.only(call("Image.normalizedDifference", input=pair)), *_of_bytes(), atol=1e-6)


def _of_bytes() -> tuple[Array, bool]:
    a, b = random_data("uint8", 50).astype(float), random_data("uint8", 51).astype(float)
    return np.where(a + b == 0, 0, (a - b) / np.where(a + b == 0, 1, a + b)), True
