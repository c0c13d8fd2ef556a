"""The catalog of an index, beside that of the folder whose entries it holds."""

import os
import random
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rasterio import Affine

import made_entries
from rasterwire.catalog import indexed
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.header import Header, read_header
from rasterwire.catalog.image_reader import HeaderCache
from rasterwire.catalog.index import Document, IndexStore
from rasterwire.catalog.index.writing import Writer
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest.file_records import FileRecords
from rasterwire.catalog.ingest.folder import FolderUpdates
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.geo.region import box_region
from rasterwire.query import Intersects, Not, Query
from test_catalog import write_item, write_raster

HERE = box_region(-123.1, 36, -122.9, 36.2)
"""Where the rasters of ``write_raster`` are."""


@dataclass
class Folder:
    """A folder, its index, and the files that were opened."""

    root: Path
    store: IndexStore
    opened: list[str]

    def index(self) -> IndexCatalog:
        """Return the catalog of the entries of the folder as it is now."""
        FolderUpdates(self.root, self.store, FileRecords(self.root.parent / "files.sqlite")).update()
        return IndexCatalog(self.store)

    def restarted(self) -> IndexCatalog:
        """Return the catalog of a process that begins now."""
        self.store.close()
        self.store = IndexStore(self.store.path)
        self.opened.clear()
        return IndexCatalog(self.store)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """Give an empty folder."""
    (tmp_path / "data").mkdir()
    made = Folder(tmp_path / "data", IndexStore(tmp_path / "index.sqlite"), [])

    def read(path: str, version: str) -> Header:
        made.opened.append(os.path.basename(path))  # noqa: PTH119
        return read_header(path, version)

    monkeypatch.setattr(indexed, "read_header", read)
    yield made
    made.store.close()


def fill(root: Path) -> None:
    """Write images of all kinds."""
    write_raster(root / "whole.tif", ("a", "b"), overviews=(2,))
    write_raster(root / "S2" / "scene" / "B2.tif")
    write_raster(root / "S2" / "scene" / "B10.tif", dtype="float32", nodata=-1.5)
    write_raster(root / "far.tif", transform=Affine(10, 0, 300000, 0, -10, 1000000))
    write_raster(root / "items" / "red.tif", size=16)
    write_raster(root / "items" / "nir.tif", size=8)
    assets = {"red": {"href": "red.tif"}, "nir": {"href": "nir.tif"}, "gone": {"href": "gone.tif"}}
    write_item(root / "items" / "item.json", "item", assets, datetime="2021-01-09T18:57:51Z", cloud=5)
    write_item(root / "none.json", "without", {"red": {"href": "missing.tif"}})


def test_images_are_those_of_the_folder_before_and_after_a_restart(folder: Folder) -> None:
    fill(folder.root)
    plain = FolderCatalog(folder.root, refresh_seconds=0)
    ids = [image.id for image in plain.find(Query()).images]
    images = {image_id: plain.get(image_id) for image_id in ids if image_id != "without"}
    folder.opened.clear()  # a folder has an index of its own
    catalog = folder.index()
    assert [image.id for image in catalog.find(Query()).images] == ids
    assert {image_id: catalog.get(image_id) for image_id in images} == images
    assert sorted(folder.opened) == ["B10.tif", "B2.tif", "far.tif", "nir.tif", "red.tif", "whole.tif"]
    again = folder.restarted()
    assert all(again.get(image_id) == plain.get(image_id) for image_id in ids if image_id != "without")
    assert folder.opened == []
    for one in (plain, again):
        with pytest.raises(SourceUnavailable, match="none of its rasters"):
            one.get("without")
        with pytest.raises(ImageNotFound):
            one.get("nothing")


def test_answers_are_those_of_the_folder(folder: Folder) -> None:
    fill(folder.root)
    plain = FolderCatalog(folder.root, refresh_seconds=0)
    catalog = folder.index()
    rng = random.Random(2)
    (folder.root / "none.json").unlink()  # the folder has an error for it in place of a footprint
    folder.store.remove(["none.json"])
    for _ in range(200):
        question = made_entries.query(rng)
        ids = [image.id for image in plain.find(question).images]
        assert [image.id for image in catalog.find(question).images] == ids, question
        assert catalog.count(question) == len(ids), question
    for name in ("S2", "items", "whole", ""):
        assert catalog.exists(name) == plain.exists(name)
    for name in ("WHOLE", "scene", "itm", "sea"):
        assert catalog.close_id(name) == plain.close_id(name)


def test_a_replaced_file_is_opened_again_and_no_other(folder: Folder) -> None:
    fill(folder.root)
    folder.index().get("S2/scene")
    catalog = folder.restarted()
    write_raster(folder.root / "S2" / "scene" / "B2.tif", dtype="uint8", size=4)
    assert [band.dtype for band in catalog.get("S2/scene").bands] == ["uint8", "float32"]
    assert folder.opened == ["B2.tif"]
    assert [band.dtype for band in folder.restarted().get("S2/scene").bands] == ["uint8", "float32"]
    assert folder.opened == []


def test_a_footprint_is_read_once_and_never_again(folder: Folder) -> None:
    fill(folder.root)
    catalog = folder.index()
    near = [image.id for image in catalog.find(Query(regions=(HERE,))).images]
    assert near == ["S2/scene", "item", "whole", "without"]  # without a footprint, it may be anywhere
    assert catalog.find(Query(prefix="whole", regions=(HERE,))).images[0].footprint is not None
    again = folder.restarted()
    assert [image.id for image in again.find(Query(regions=(HERE,))).images] == near
    elsewhere = Query(conditions=(Not(Intersects(HERE)),))
    assert [image.id for image in again.find(elsewhere).images] == ["far"]
    assert again.count(Query(regions=(HERE,))) == 4
    assert again.find(Query(prefix="whole", regions=(HERE,))).images[0].footprint is not None
    assert folder.opened == []


def test_a_condition_on_places_reads_footprints_too(folder: Folder) -> None:
    fill(folder.root)
    elsewhere = Query(conditions=(Not(Intersects(HERE)),))
    assert [image.id for image in folder.index().find(elsewhere).images] == ["far"]
    assert folder.restarted().count(elsewhere) == 1
    assert folder.opened == []


def test_a_file_that_cannot_be_read_hides_nothing(folder: Folder) -> None:
    fill(folder.root)
    (folder.root / "items" / "red.tif").write_bytes(b"II*\0damaged")
    (folder.root / "far.tif").write_bytes(b"II*\0damaged")
    catalog = folder.index()
    assert [image.id for image in catalog.find(Query(regions=(HERE,))).images] == [
        *("S2/scene", "far", "item", "whole", "without")
    ]
    item = catalog.get("item")
    assert [band.name for band in item.bands] == ["nir"]
    assert [name for name, _ in item.unreadable] == ["gone", "red"]
    (folder.root / "far.tif").unlink()
    write_raster(folder.root / "far.tif", transform=Affine(10, 0, 300000, 0, -10, 1000000))
    assert "far" not in [image.id for image in catalog.find(Query(regions=(HERE,))).images]


def test_an_index_for_reading_serves_what_it_cannot_keep(folder: Folder) -> None:
    fill(folder.root)
    folder.index()
    reader = IndexStore(folder.store.path, read_only=True)
    catalog = IndexCatalog(reader)
    assert len(catalog.find(Query(regions=(HERE,))).images) == 4
    assert catalog.get("whole") == FolderCatalog(folder.root).get("whole")
    reader.close()


def test_a_header_that_cannot_be_entered_fails_no_request(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder.root)
    catalog = folder.index()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Writer, "put_header", full)
    assert len(catalog.get("whole").bands) == 2
    assert folder.store.get("whole") is not None


def test_requests_do_not_wait_for_a_long_change(folder: Folder) -> None:
    fill(folder.root)
    catalog = folder.index()
    begun, over = threading.Event(), threading.Event()

    def documents() -> Iterator[Document]:
        with folder.store._changes():
            begun.set()
            assert over.wait(60)
        yield Document("late", "1", [])

    writer = threading.Thread(target=lambda: folder.store.write_many(documents()))
    writer.start()
    assert begun.wait(60)
    assert catalog.find(Query(regions=(HERE,))).images[0].id == "S2/scene"
    assert len(catalog.get("whole").bands) == 2
    over.set()
    writer.join()
    catalog.get("far")
    assert folder.store.documents()["late"] == "1"
    again = folder.restarted()
    again.get("whole")
    assert folder.opened == []  # what was learnt meanwhile was entered afterwards


def test_an_image_is_found_by_its_collection_and_id(folder: Folder) -> None:
    entries = made_entries.entries(random.Random(4), 100)
    folder.store.write("d", "1", entries)
    catalog = IndexCatalog(folder.store)
    for entry in entries:
        if entry.collection:
            images = catalog.find(Query(entry.collection, prefix=entry.id), size=1).images
            assert [image.id for image in images] == [entry.id]


def test_a_header_of_another_version_than_asked_for_is_not_kept(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif")
    present = read_header(str(tmp_path / "a.tif"))
    answers = [replace(present, version="old"), present]
    cache = HeaderCache(lambda _href, _version: answers.pop(0))
    versions = [cache.read("a.tif", present.version).version for _ in range(3)]
    assert versions == ["old", present.version, present.version]
