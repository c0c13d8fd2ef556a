"""A slice of the fuzz run; ``make fuzz`` has all of it."""

import pytest

from fuzz import run_all

pytestmark = pytest.mark.slow


def test_damaged_files_end_nothing_and_give_no_pixels_but_those_of_gdal() -> None:
    counts, problems = run_all(range(200))
    assert not problems
    assert counts["delivered"] > 20
    assert counts["refused"] > 20


def test_damaged_files_are_read_in_children_as_well() -> None:
    counts, problems = run_all(range(10_000, 10_100), in_sandbox=True)
    assert not problems
    assert counts["delivered"] > 10
    assert not counts["saved by the sandbox"]
