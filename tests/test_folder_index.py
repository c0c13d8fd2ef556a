"""The index of a folder: it is what a new one would be, only what changed is read, and no request waits for that."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from effort import HANG
from rasterwire.catalog import stac, tree
from rasterwire.catalog.document import read_document
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.ingest import folder as updates
from rasterwire.catalog.ingest import watch
from rasterwire.catalog.ingest.folder import FolderUpdates
from rasterwire.geo.region import box_region
from rasterwire.query import Query
from test_catalog import band_names, ids, write_item, write_raster


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the documents that are read."""
    names: list[str] = []

    def counted(path: str) -> Any:
        names.append(Path(path).name)
        return read_document(path)

    monkeypatch.setattr(stac, "read_document", counted)
    return names


def state(catalog: FolderCatalog) -> tuple[list[str], set[str], list[str]]:
    """Return all that a catalog tells of its images, without opening a raster."""
    entries = [repr(entry) for entry in catalog._index.store().entries()]
    return entries, {str(note) for note in catalog._index.store().notes()}, catalog.without_rasters()


def fill(root: Path, count: int) -> None:
    raster = write_raster(root / "assets" / "a.tif")
    for number in range(count):
        write_item(
            root / "items" / f"{number:03d}.json", f"i{number:03d}", {"B1": {"href": f"../assets/{raster.name}"}}
        )


def test_only_documents_that_changed_are_read(tmp_path: Path, reads: list[str]) -> None:
    root, index = tmp_path / "root", tmp_path / "state" / "index.sqlite"
    fill(root, 20)
    catalog = FolderCatalog(root, 0, index)
    assert len(ids(catalog)) == 20
    assert sorted(reads) == [f"{number:03d}.json" for number in range(20)]

    reads.clear()
    write_item(root / "items" / "003.json", "other", {"B1": {"href": "../assets/a.tif"}})
    write_item(root / "items" / "new.json", "new", {"B1": {"href": "../assets/a.tif"}})
    (root / "items" / "007.json").unlink()
    expected = sorted({f"i{number:03d}" for number in range(20)} - {"i003", "i007"} | {"other", "new"})
    assert ids(catalog) == expected
    assert sorted(reads) == ["003.json", "new.json"]

    reads.clear()
    catalog.close()
    again = FolderCatalog(root, 0, index)
    assert ids(again) == expected
    (root / "items" / "000.json").unlink()
    third = FolderCatalog(root, 0, index)
    assert ids(third) == expected[1:]
    assert band_names(third, "new") == ["B1"]
    assert not reads


def test_an_item_gets_its_bands_when_its_rasters_come_and_loses_them_when_they_go(tmp_path: Path) -> None:
    root, index = tmp_path / "root", tmp_path / "index.sqlite"
    write_item(root / "i.json", "i", {"B1": {"href": "late/B%201.tif"}, "B2": {"href": "B2.tif"}})
    write_raster(root / "B2.tif")
    catalog = FolderCatalog(root, 0, index)
    assert band_names(catalog, "i") == ["B2"]
    late = write_raster(root / "late" / "B 1.tif")
    assert band_names(catalog, "i") == ["B1", "B2"]
    assert ids(catalog) == ["i"]  # neither raster is an image of its own
    catalog.close()
    late.unlink()
    again = FolderCatalog(root, 0, index)
    assert band_names(again, "i") == ["B2"]
    (root / "i.json").unlink()
    assert ids(again) == ["B2"]
    write_item(root / "j.json", "j", {"B": {"href": "B2.tif"}})
    assert ids(again) == ["j"]


CHANGES = 20


@pytest.mark.parametrize("seed", range(4))
def test_after_any_changes_the_index_is_what_a_new_one_would_be(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "root"
    raster = write_raster(tmp_path / "raster.tif")
    choice = random.Random(seed)
    root.mkdir()
    catalog = FolderCatalog(root, 0, tmp_path / "index.sqlite")
    for step in range(CHANGES):
        for _ in range(choice.randint(1, 3)):
            change(root, raster, choice)
        if choice.random() < 0.2:
            catalog.close()
            catalog = FolderCatalog(root, 0, tmp_path / "index.sqlite")
        new = FolderCatalog(root)
        assert state(catalog) == state(new), step
        new.close()
    assert state(catalog)[0]


def change(root: Path, raster: Path, choice: random.Random) -> None:
    """Add, replace or remove a file of a small folder, with names that meet often."""
    folder = root / choice.choice(["", "", "a", "a/b", "c"])
    folder.mkdir(parents=True, exist_ok=True)
    names = ["r1.tif", "r 2.tif", "r%202.tif"]
    hrefs = [f"{up}{name}" for up in ("", "./", "../", "a/", f"{root}/a/") for name in names]
    assets = {f"B{number}": {"href": choice.choice(hrefs)} for number in range(choice.randint(1, 3))}
    image_id = choice.choice(["one", "two", "a", "c", "r1"])
    item = {"type": "Feature", "stac_version": "1.0.0", "id": image_id, "properties": {}, "assets": assets}
    links = [{"rel": "item", "href": choice.choice(["odd.stac", "a/odd.stac", "../odd.stac", "i.json"])}]
    match choice.randrange(9):
        case 0 | 1 | 2:
            target = folder / choice.choice(names)
            target.unlink(missing_ok=True)
            if choice.random() < 0.2:
                target.symlink_to(choice.choice([root / "a" / "r1.tif", raster]))
            else:
                shutil.copyfile(raster, target)
        case 3 | 4:
            (folder / choice.choice(["i.json", "odd.stac"])).write_text(json.dumps(item))
        case 5:
            document: dict[str, Any] = {"type": "Catalog", "id": "c", "links": links}
            if choice.random() < 0.5:
                document = {"type": "FeatureCollection", "features": [item, {**item, "id": f"{image_id}2"}]}
            (folder / "catalog.json").write_text(json.dumps(document))
            if choice.random() < 0.2:  # always the same: what a document said before it broke stays
                (folder / "torn.json").write_text('{"href": "r1.tif"}, {"href": "../r%202.tif"}')
        case 6:
            (folder / "asset.json").write_text(json.dumps({"type": "Image", "id": choice.choice(["d", "one"])}))
        case _:
            files = sorted(path for path in root.rglob("*") if not path.is_dir() or path.is_symlink())
            if files:
                choice.choice(files).unlink()


def test_of_several_that_share_an_index_one_looks_and_all_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MAX_AWAITED", 0)
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.01)
    fill(tmp_path / "root", 3)
    with looking(monkeypatch) as looks:
        first, second = (FolderCatalog(tmp_path / "root", 0, tmp_path / "index.sqlite") for _ in range(2))
        assert len(ids(first)) == 3
        assert len(ids(second)) == 3
        looks.lookers.clear()  # of the first, which made the index
        write_item(tmp_path / "root" / "items" / "new.json", "new", {"B1": {"href": "../assets/a.tif"}})
        looks.wait_for_next()
        assert "new" in ids(first)
        assert "new" in ids(second)
        assert len({id(looker) for looker in looks.lookers}) == 1
        (first if looks.belongs_to(first) else second).close()  # the other one takes over
        looks.lookers.clear()
        looks.wait_for_next()
        assert len({id(looker) for looker in looks.lookers}) == 1
        first.close()
        second.close()


class Looks:
    """What looked at a folder, and when it is done."""

    def __init__(self) -> None:
        self.lookers: list[FolderUpdates] = []
        self.gate = threading.RLock()  # a look has it from its begin to its end
        self._done = threading.Condition()
        self._count = 0
        self.last: FolderUpdates | None = None

    def add(self, looker: FolderUpdates) -> None:
        with self._done:
            self.lookers.append(looker)
            self.last = looker
            self._count += 1
            self._done.notify_all()

    def wait_for_next(self) -> None:
        """Wait for a look that began after now."""
        with self._done:
            wanted = self._count + 2
            assert self._done.wait_for(lambda: self._count >= wanted, HANG)

    def belongs_to(self, catalog: FolderCatalog) -> bool:
        return catalog._index._updates is self.last


class looking:  # noqa: N801
    """Count looks while the block runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __enter__(self) -> Looks:
        looks = Looks()
        update = FolderUpdates.update

        def counted(self: FolderUpdates, **options: Any) -> Any:
            with looks.gate:
                result = update(self, **options)
            looks.add(self)
            return result

        self._monkeypatch.setattr(FolderUpdates, "update", counted)
        return looks

    def __exit__(self, *_: object) -> None:
        pass


def test_no_request_waits_for_a_look_at_a_large_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MAX_AWAITED", 0)
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.01)
    root, index = tmp_path / "root", tmp_path / "index.sqlite"
    fill(root, 3)
    with looking(monkeypatch) as looks:
        catalog = FolderCatalog(root, 0, index)
        assert len(ids(catalog)) == 3
        with looks.gate:  # no look is under way, and none goes on
            write_item(root / "items" / "new.json", "new", {"B1": {"href": "../assets/a.tif"}})
            assert len(ids(catalog)) == 3
            assert band_names(catalog, "i000") == ["B1"]
            again = FolderCatalog(root, 0, index)  # after a restart, the index answers
            assert len(ids(again)) == 3
        looks.wait_for_next()
        assert "new" in ids(catalog)
        assert "new" in ids(again)
        catalog.close()
        again.close()


def test_a_small_folder_that_grows_large_makes_no_request_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MAX_AWAITED", 6)
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.01)
    fill(tmp_path / "root", 1)
    with looking(monkeypatch) as looks:
        catalog = FolderCatalog(tmp_path / "root", 0)
        assert len(ids(catalog)) == 1
        fill(tmp_path / "root", 30)
        with looks.gate:  # the look of the request finds too many; that of the background waits
            assert len(ids(catalog)) == 1
        looks.wait_for_next()
        assert len(ids(catalog)) == 30
        catalog.close()


def test_footprints_of_plain_rasters_are_learnt_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_MAX_AWAITED", 0)
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.01)
    root = tmp_path / "root"
    for number in range(3):
        write_raster(root / f"{number}" / "a.tif")
    (root / "bad.tif").write_bytes(b"II*\x00 nothing more")
    with looking(monkeypatch) as looks:
        catalog = FolderCatalog(root, 0)
        assert len(ids(catalog)) == 4
        looks.wait_for_next()
        looks.wait_for_next()
        assert [entry.id for entry in catalog._index.store().without_footprint("", 9)] == ["bad"]
        catalog.close()


@pytest.mark.parametrize("settled", [True, False])
def test_a_quick_look_sees_what_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: bool) -> None:
    monkeypatch.setattr(tree, "_TICK", -(1 << 62) if settled else 1 << 62)
    fill(tmp_path, 3)
    listed: list[object] = []
    list_folder = tree._listed

    def counted(entries: Any, top: str, stamp: Any, is_settled: bool) -> tree.Folder:
        listed.append(stamp)
        return list_folder(entries, top, stamp, is_settled)

    monkeypatch.setattr(tree, "_listed", counted)
    first = tree.scan(tmp_path)
    listed.clear()
    again = tree.scan(tmp_path, first, is_quick=True)
    assert again == first
    assert len(listed) == (0 if settled else 3)
    with (tmp_path / "items" / "000.json").open("a") as file:
        file.write(" ")
    quick = tree.scan(tmp_path, first, is_quick=True)
    assert (quick == first) == settled
    assert tree.scan(tmp_path, first) != first
    (tmp_path / "items" / "000.json").unlink()
    (tmp_path / "new").mkdir()
    write_raster(tmp_path / "new" / "x.tif")
    later = tree.scan(tmp_path, first, is_quick=True)
    assert later == tree.scan(tmp_path)
    assert later.folders["assets"] is first.folders["assets"]


BUILD = """
import os, signal, sys
from pathlib import Path
from rasterwire.catalog import stac
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.ingest import folder
folder._MAX_BATCH = 10
read, left = stac.read_document, [int(sys.argv[3])]
def counted(path):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path)
stac.read_document = counted
FolderCatalog(Path(sys.argv[1]), 0, Path(sys.argv[2])).image_count()
"""


def test_a_process_killed_while_it_builds_the_index_leaves_the_rest_to_the_next(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, index = tmp_path / "root", tmp_path / "index.sqlite"
    fill(root, 60)
    write_raster(root / "free" / "x.tif")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", BUILD, root, index, "35"], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    catalog = FolderCatalog(root, 0, index)
    assert ids(catalog) == ["free", *(f"i{number:03d}" for number in range(60))]
    assert len(reads) == 30  # three batches were there
    new = FolderCatalog(root)
    assert state(catalog) == state(new)


def test_writes_that_fail_are_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "_MAX_BATCH", 2)
    root = tmp_path / "root"
    fill(root, 3)
    catalog = FolderCatalog(root, 0, tmp_path / "index.sqlite")
    assert len(ids(catalog)) == 3
    fill(root, 9)
    (root / "items" / "001.json").unlink()
    write_raster(root / "free" / "x.tif")
    for failing in range(1, 8):
        calls = [0]
        store = catalog._index._store

        def write(documents: Any, failing: int = failing, calls: list[int] = calls, store: Any = store) -> None:
            calls[0] += 1
            if calls[0] == failing:
                raise OSError("disk full")
            type(store).write_many(store, documents)

        monkeypatch.setattr(store, "write_many", write)
        try:
            ids(catalog)
        except Exception as error:  # noqa: BLE001  whatever it is, the next call makes up for it
            assert "disk full" in str(error.__cause__)
    monkeypatch.undo()
    assert state(catalog) == state(FolderCatalog(root))


def test_an_index_of_another_folder_or_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    root, index = tmp_path / "root", tmp_path / "index.sqlite"
    fill(root, 3)
    FolderCatalog(root, 0, index).image_count()
    moved = tmp_path / "moved"
    root.rename(moved)
    catalog = FolderCatalog(moved, 0, index)
    assert band_names(catalog, "i001") == ["B1"]
    assert catalog.get("i001").bands[0].href.startswith(str(moved))
    catalog.close()
    index.write_bytes(b"SQLite format 3\x00 and nothing more" * 100)
    assert len(ids(FolderCatalog(moved, 0, index))) == 3
    for path in tmp_path.glob("index*"):
        if path.name != "index.sqlite":
            path.unlink()
    write_item(moved / "items" / "000.json", "other", {"B1": {"href": "../assets/a.tif"}})
    assert ids(FolderCatalog(moved, 0, index)) == ["i001", "i002", "other"]


def test_a_replaced_raster_has_its_new_footprint(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_raster(root / "x" / "a.tif", crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 8))
    write_raster(root / "b.tif", crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 8))
    catalog = FolderCatalog(root, 0, tmp_path / "index.sqlite")
    here, there = (Query(regions=(box_region(west, 1, west + 2, 3),)) for west in (1, 101))
    assert [image.id for image in catalog.find(here).images] == ["b", "x"]
    assert not catalog.find(there).images
    for path in (root / "x" / "a.tif", root / "b.tif"):
        write_raster(path, crs="EPSG:4326", transform=(1, 0, 100, 0, -1, 8))
    assert not catalog.find(here).images
    assert [image.id for image in catalog.find(there).images] == ["b", "x"]


def test_a_temporary_index_goes_with_its_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    fill(tmp_path / "root", 2)
    catalog = FolderCatalog(tmp_path / "root")
    assert len(ids(catalog)) == 2
    assert list((tmp_path / "temporary").iterdir())
    del catalog
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("limit", [0, 100])
def test_an_index_that_was_removed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(watch, "_MAX_AWAITED", limit)
    fill(tmp_path / "root", 3)
    catalog = FolderCatalog(tmp_path / "root", 0, tmp_path / "state" / "index" / "index.sqlite")
    assert len(ids(catalog)) == 3
    shutil.rmtree(tmp_path / "state" / "index")
    (tmp_path / "root" / "items" / "000.json").unlink()
    assert ids(catalog) == ["i001", "i002"]
    assert band_names(catalog, "i001") == ["B1"]
    catalog.close()
