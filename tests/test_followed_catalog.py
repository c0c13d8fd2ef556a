"""An index that a server makes of a source elsewhere, and makes like it again."""

import gc
import json
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rasterwire.catalog.followed as of_followed
from effort import HANG
from rasterwire.catalog.followed import FollowedCatalog
from rasterwire.catalog.ingest.build import update_index
from rasterwire.errors import SourceUnavailable
from rasterwire.query import Query
from stac_double import item_of
from test_refusals import write_item
from waiting import until


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_followed, "_PAUSE", 0.01)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A static catalog with one item."""
    folder = tmp_path / "source"
    folder.mkdir()
    links = [{"rel": "item", "href": f"{name}.json"} for name in ("a", "b")]
    catalog = {"type": "Catalog", "id": "x", "stac_version": "1.0.0", "description": "", "links": links}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    (folder / "a.json").write_text(json.dumps(item_of("a")))
    return folder / "catalog.json"


@pytest.fixture
def catalog(source: Path, tmp_path: Path) -> Iterator[FollowedCatalog]:
    made = FollowedCatalog(str(source), tmp_path / "index" / "x.sqlite")
    yield made
    made.close()


def test_an_index_is_made_and_follows_its_source(catalog: FollowedCatalog, source: Path) -> None:
    until(lambda: [image.id for image in catalog.find(Query()).images], ["a"])
    source.with_name("b.json").write_text(json.dumps(item_of("b", "s2")))
    until(lambda: (catalog.count(Query()), catalog.exists("s2"), catalog.close_id("B")), (2, True, "b"))


def test_two_processes_may_share_an_index(catalog: FollowedCatalog, source: Path, tmp_path: Path) -> None:
    second = FollowedCatalog(str(source), tmp_path / "index" / "x.sqlite")
    try:
        for one in (catalog, second):
            until(lambda one=one: one.count(Query()), 1)  # type: ignore[misc]
    finally:
        second.close()


def test_until_it_is_complete_an_index_says_so_and_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    catalog = FollowedCatalog(str(tmp_path / "gone.json"), tmp_path / "index" / "x.sqlite", name="EO")

    def problem() -> str:
        with pytest.raises(SourceUnavailable) as raised:
            catalog.find(Query())
        return raised.value.problem

    try:
        first = problem()
        assert "being made, with 0 documents so far; ask later" in first or "cannot be made: " in first
        until(lambda: "cannot be made: " in problem(), True)
        until(lambda: "the index of catalog EO could not be updated" in caplog.text, True)
        assert str(tmp_path) not in problem() + caplog.text
    finally:
        catalog.close()


def test_rasters_that_no_source_covers_are_told_after_an_update(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_item(tmp_path / "items" / "i.json", {"B0": {"href": "https://example.com/1.tif"}})
    catalog = FollowedCatalog(str(tmp_path / "items"), tmp_path / "index" / "x.sqlite", name="EO")
    try:
        until(lambda: "catalog EO: of 1 image looked at, none has a raster at an address" in caplog.text, True)
    finally:
        catalog.close()


def test_one_that_nobody_has_any_more_is_followed_no_longer(source: Path, tmp_path: Path) -> None:
    catalog = FollowedCatalog(str(source), tmp_path / "index" / "x.sqlite")
    until(partial(catalog.count, Query()), 1)
    thread = catalog._thread
    del catalog
    gc.collect()
    thread.join(HANG)
    assert not thread.is_alive()


def test_an_error_that_nobody_foresaw_ends_one_update_alone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [sqlite3.OperationalError("disk of /secret is full"), ValueError("https://secret"), RecursionError()]
    update = update_index

    def update_or_fail(*arguments: Any, **options: Any) -> object:
        if failures:
            raise failures.pop()
        return update(*arguments, **options)

    monkeypatch.setattr(of_followed, "update_index", update_or_fail)
    catalog = FollowedCatalog(str(source), tmp_path / "index" / "x.sqlite")
    try:
        until(partial(catalog.count, Query()), 1)
    finally:
        catalog.close()
    assert "unexpected OperationalError" in caplog.text
    assert "secret" not in caplog.text
