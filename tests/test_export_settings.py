"""Settings of exports, and who takes which of them."""

from contextlib import closing
from pathlib import Path

import pytest

from cases import every
from rasterwire.errors import Violations
from rasterwire.export.claims import ExportClaims
from rasterwire.export.settings import DestinationSettings, ExportSettings, read_export
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
        assert other.take({"x"}, 1) == []
        one.release(taken[0])
        again = [export_id for _ in range(count) for export_id in other.take({"x"}, 2 - len(other))]
        assert again == [taken[0]]
        assert other.take({"elsewhere"}, 5) == []
