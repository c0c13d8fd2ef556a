"""The simulation of many workers, held against what can be computed without it, and against the documentation."""

from pathlib import Path

import pytest

from benchmarks.scaling import BYTES_A_PIXEL, MEGAPIXELS_A_SECOND, Costs, Job, simulate, table

PAGE = Path(__file__).parents[1] / "docs/pages/scaling.md"


def test_the_page_has_what_the_program_prints() -> None:
    assert table(seed=1) in PAGE.read_text()


def test_the_costs_of_the_front_give_what_was_measured() -> None:
    costs = Costs()
    assert 64 * costs.submit + 13 * costs.receive == pytest.approx(0.11, abs=0.005)
    assert 256 * (costs.submit + costs.schedule) + 52 * costs.receive == pytest.approx(0.90, abs=0.01)


def test_one_task_takes_the_sum_of_all_stations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scaling.SCATTER", 0.0)
    costs = Costs(submit=1, receive=2, schedule=3)
    outcome = simulate(Job(1e6, 1e6, is_export=False), 5, costs, seed=1)
    assert outcome.seconds == pytest.approx(1 + 3 + 1 / MEGAPIXELS_A_SECOND + 2 * BYTES_A_PIXEL)


@pytest.mark.parametrize(("workers", "limit"), [(1, MEGAPIXELS_A_SECOND), (4, 4 * MEGAPIXELS_A_SECOND), (4000, 555.6)])
def test_the_slowest_station_sets_the_pace(monkeypatch: pytest.MonkeyPatch, workers: int, limit: float) -> None:
    """Without scatter and other costs, the rate is that of the workers, or of the scheduler."""
    monkeypatch.setattr("benchmarks.scaling.SCATTER", 0.0)
    costs = Costs(submit=0, receive=0, schedule=0.0018)
    outcome = simulate(Job(8000e6, 1e6, is_export=False), workers, costs, seed=1)
    assert 8000 / outcome.seconds == pytest.approx(limit, rel=0.02)
