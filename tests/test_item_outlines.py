"""Outlines of STAC items: boxes, which are most, are read without the general parser, and alike."""

import itertools
import random
from collections.abc import Sequence

import pytest
import shapely

from rasterwire.catalog.items import footprint_of_item

CORNERS = ((1.5, 2), (3, 2), (3, 4.25), (1.5, 4.25))


def outline(points: Sequence[Sequence[object]]) -> shapely.Geometry | None:
    region = footprint_of_item({"geometry": {"type": "Polygon", "coordinates": [points]}})
    return None if region is None else region.geometry


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("turn", [1, -1])
def test_a_box_from_any_corner_in_any_direction_is_the_same_place(first: int, turn: int) -> None:
    points = [list(CORNERS[(first + turn * step) % 4]) for step in range(5)]
    assert outline(points) == shapely.box(1.5, 2, 3, 4.25)


def test_rings_of_four_corners_are_read_as_a_general_parser_reads_them() -> None:
    rng = random.Random(4)
    steps = list(itertools.product((0, 1.5, 3), repeat=2))
    valid = 0
    for _ in range(500):
        ring = [list(rng.choice(steps)) for _ in range(4)]
        ring.append(rng.choice([ring[0], ring[0], list(rng.choice(steps))]))
        expected: shapely.Geometry | None = None
        if ring[0] == ring[-1]:
            shape = shapely.Polygon(ring)
            expected = shape if shape.is_valid and not shape.is_empty else None
        found = outline(ring)
        assert (found is None) == (expected is None), ring
        if found is not None and expected is not None:
            valid += 1
            assert found.equals(expected), ring
    assert valid > 30


@pytest.mark.parametrize(
    "ring",
    [
        [["1", 2], [3, 2], [3, 4], ["1", 4], ["1", 2]],
        [[None, 2], [3, 2], [3, 4], [None, 4], [None, 2]],
        [[1, 2], [3, 2], [3, 94], [1, 94], [1, 2]],
        [[1, 2], [900, 2], [900, 4], [1, 4], [1, 2]],
        [[1, 2], [1, 2], [1, 4], [1, 4], [1, 2]],
    ],
    ids=["texts", "nulls", "beyond the pole", "beyond turns", "no area"],
)
def test_boxes_that_are_no_places_are_no_outlines(ring: list[list[object]]) -> None:
    assert outline(ring) is None
