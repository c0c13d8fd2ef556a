"""Settings of exports, and who takes which of them."""

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cases import every
from rasterwire.errors import InvalidRequest, StorageUnavailable, Violations
from rasterwire.export.claims import ExportClaims
from rasterwire.export.settings import DestinationSettings, ExportSettings, read_export
from rasterwire.server.export_plans import planned_again
from rasterwire.store import Lease
from rasterwire.store.jobs import ExportRecord
from rasterwire.store.leases import SqliteLeases
from rasterwire.store.sqlite_jobs import SqliteJobStore


def test_destinations_are_read() -> None:
    violations = Violations()
    bucket = {"name": "b", "objects": "s3://maps/exports", "region": "eu-north-1", "tenants": ["forestry"]}
    settings = read_export({"destinations": [{"name": "a", "folder": "/srv/a"}, bucket]}, violations)
    assert violations.items == []
    folder, other = settings.destinations
    assert folder == DestinationSettings("a", "/srv/a")
    assert (other.source.prefix, other.source.region, other.source.credentials) == (
        "s3://maps/exports/",
        "eu-north-1",
        "env",
    )
    assert (folder.is_for("water"), other.is_for("water"), other.is_for("forestry")) == (True, False, True)


@every(
    ("table", "fields"),
    [
        ([], {"export"}),
        ({"places": []}, {"export.places"}),
        ({"destinations": {}}, {"export.destinations"}),
        ({"destinations": [5, {}]}, {f"export.destinations[{path}" for path in ("0]", "1]", "1].name")}),
        (
            {"destinations": [{"name": "a b", "folder": "x"}]},
            {f"export.destinations[0].{n}" for n in ("name", "folder")},
        ),
        ({"destinations": [{"name": "a", "folder": "/x", "objects": "s3://b"}]}, {"export.destinations[0]"}),
        ({"destinations": [{"name": "a", "folder": "/x", "region": "r"}]}, {"export.destinations[0].region"}),
        ({"destinations": [{"name": "a", "objects": "gs://b"}]}, {"export.destinations[0].objects"}),
        ({"destinations": [{"name": "a", "folder": "/x", "tenants": []}]}, {"export.destinations[0].tenants"}),
        ({"destinations": [{"name": "a", "folder": "/x"}, {"name": "a", "folder": "/y"}]}, {"export.destinations"}),
    ],
)
def test_all_that_is_wrong_is_told_by_its_path(table: object, fields: set[str]) -> None:
    violations = Violations()
    assert read_export(table, violations) == ExportSettings()
    assert {violation.field for violation in violations.items} == fields


@pytest.mark.parametrize("count", [3, 50])
def test_every_export_is_taken_by_one_process_however_many_others_have(tmp_path: Path, count: int) -> None:
    with (
        closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs,
        closing(ExportClaims(jobs, SqliteLeases(tmp_path / "leases.sqlite"), "a")) as one,
        closing(ExportClaims(jobs, SqliteLeases(tmp_path / "leases.sqlite"), "b")) as other,
    ):
        for number in range(count):
            jobs.put(ExportRecord(f"{number:032x}", "", "", b"", "x", "p", "", "etag", 1, 1, 1, 100))
        taken = [export_id for _ in range(count) for export_id in one.take({"x"}, count - 1 - len(one))]
        assert len(set(taken)) == len(taken) == count - 1 == len(one)
        (last,) = [export_id for _ in range(count) for export_id in other.take({"x"}, 1 - len(other))]
        assert last not in taken
        assert not [*other.take({"x"}, 1)]
        one.release(taken[0])
        again = [export_id for _ in range(count) for export_id in other.take({"x"}, 2 - len(other))]
        assert again == [taken[0]]
        assert not [*other.take({"elsewhere"}, 5)]


class FailingLeases(SqliteLeases):
    """Leases whose store is away when the second one is asked for."""

    asked = 0

    def acquire(self, key: str, owner: str, seconds: float) -> Lease | None:
        self.asked += 1
        if self.asked == 2:
            raise StorageUnavailable
        return super().acquire(key, owner, seconds)


def test_an_export_that_is_taken_before_the_store_is_away_is_told(tmp_path: Path) -> None:
    with (
        closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs,
        closing(ExportClaims(jobs, FailingLeases(tmp_path / "leases.sqlite"), "a")) as claims,
    ):
        for number in range(2):
            jobs.put(ExportRecord(f"{number:032x}", "", "", b"", "x", "p", "", "etag", 1, 1, 1, 100))
        taken: list[str] = []
        with pytest.raises(StorageUnavailable):
            taken.extend(claims.take({"x"}, 2))
        assert len(taken) == len(claims) == 1
        taken.extend(claims.take({"x"}, 1))
        assert sorted(taken) == [f"{number:032x}" for number in range(2)]


def test_an_export_whose_attempts_fail_is_left_for_longer_each_time(tmp_path: Path) -> None:
    now = [0.0]
    with (
        closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs,
        closing(ExportClaims(jobs, SqliteLeases(tmp_path / "leases.sqlite"), "a", lambda: now[0])) as claims,
    ):
        for number in range(2):
            jobs.put(ExportRecord(f"{number:032x}", "", "", b"", "x", "p", "", "etag", 1, 1, 1, 100))
        failing, other = f"{0:032x}", f"{1:032x}"
        pauses = []
        for _ in range(9):
            assert [*claims.take({"x"}, 1)] == [failing]
            begin = now[0]
            claims.postpone(failing)
            claims.release(failing)
            assert [*claims.take({"x"}, 2)] == [other]
            claims.release(other)
            while failing not in (taken := [*claims.take({"x"}, 2)]):
                for export_id in taken:
                    claims.release(export_id)
                now[0] += 0.5
            for export_id in taken:
                claims.release(export_id)
            pauses.append(now[0] - begin)
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_export_to_a_destination_that_is_no_longer_for_its_tenant_is_not_made() -> None:
    tenants = SimpleNamespace(get=lambda name: SimpleNamespace(tenant=name))
    record = ExportRecord("0" * 32, "forestry", "", b"", "x", "p", "", "etag", 1, 1, 1, 100)
    for destinations in ({"x": DestinationSettings("x", "/x", tenants=("water",))}, {}):
        with pytest.raises(InvalidRequest, match="destination: 'x' is not for this tenant any more; ask for") as caught:
            planned_again(cast(Any, None), cast(Any, tenants), destinations, record)
        assert [violation.reason for violation in caught.value.violations] == ["DESTINATION_UNKNOWN"]
