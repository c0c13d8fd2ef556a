"""What documents claim of files."""

import json
import math
from typing import Any

from cases import every
from rasterwire.catalog.claims import asset_claim
from rasterwire.catalog.document import as_numbers
from rasterwire.catalog.entry import BandClaim


@every(
    ("text", "nodata"),
    [("NaN", math.nan), ('"nan"', math.nan), ("null", None), ("0", 0), ("0.0", 0.0), ("true", None), ("1" * 25, None)],
)
def test_the_nodata_value_of_a_document_is_that_of_its_text(text: str, nodata: float | None) -> None:
    for _ in range(2):  # the second time it is known
        asset: Any = json.loads(f'{{"raster:bands": [{{"nodata": {text}}}], "proj:shape": [2, 3]}}')
        (band,) = asset_claim(asset, {}).bands
        assert repr(band) == repr(BandClaim(nodata=nodata))


def test_equal_bands_of_different_assets_keep_what_is_their_own() -> None:
    bands = [{"name": "B1", "data_type": "uint16"}]
    first = asset_claim({"bands": bands, "proj:shape": [1, 2], "scale": 2}, {"proj:epsg": 32633})
    second = asset_claim({"bands": bands, "proj:shape": [3, 4], "unit": "m"}, {"proj:epsg": 32634.0})
    assert (first.shape, first.crs, first.bands) == ((1, 2), "EPSG:32633", (BandClaim("B1", "uint16", scale=2),))
    assert (second.shape, second.crs, second.bands) == ((3, 4), "EPSG:32634", (BandClaim("B1", "uint16", unit="m"),))


@every(
    ("value", "numbers"),
    [
        ([1, 2.5], (1, 2.5)),
        ([1, math.inf], None),
        ([1, math.nan], None),
        ([1, True], None),
        ([1, "nan"], None),
        ([1, None], None),
        ([1, 10**30], None),
        ([1], None),
        ((1, 2), None),
        ("12", None),
        (None, None),
    ],
)
def test_numbers_are_finite_and_as_many_as_they_should_be(value: object, numbers: tuple[float, ...] | None) -> None:
    assert as_numbers(value, (2,)) == numbers
