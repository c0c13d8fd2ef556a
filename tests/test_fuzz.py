"""A slice of the fuzz run; ``make fuzz`` has all of it."""

import pytest

from fuzz import run_all

FOUND = (565, 1132, 1186, 1494, 1817, 2237, 2431, 2809, 3505, 3552, 3748, 4188, 4370, 5108, 5860, 6516, 8176, 8301)
"""Seeds that found a fault, with the small files of that time."""

FOUND_BY_CHOICE = (50007, 50008, 50042, 50217, 50324, 50847, 50988, 51163)
"""Likewise, with the files of ``BY_CHOICE`` after them."""

FOUND_IN_TILE_INDEXES = (480, 1515)
"""Likewise, with tile indexes among these."""

pytestmark = pytest.mark.slow


def test_damaged_files_end_nothing_and_give_no_pixels_but_those_of_gdal() -> None:
    counts, problems = run_all([*range(200), *FOUND])
    assert not problems
    assert counts["delivered"] > 20
    assert counts["refused"] > 20


def test_damaged_files_are_read_in_children_as_well() -> None:
    counts, problems = run_all(range(10_000, 10_100), in_sandbox=True)
    assert not problems
    assert counts["delivered"] > 10
    assert not counts["saved by the sandbox"]


def test_what_was_found_in_formats_by_choice_stays_mended() -> None:
    """Damaged PNG and JPEG files gave whatever was in memory, also after an error in another band.

    Tiles that had moved left pixels where GDAL has none.
    """
    _, problems = run_all([*FOUND_BY_CHOICE, *FOUND_IN_TILE_INDEXES])
    assert not problems
