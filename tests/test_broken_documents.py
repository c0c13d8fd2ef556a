"""A document that breaks takes no image away, and gives its rasters no other identity; its operator is told."""

import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.cli.main import cli
from test_catalog import band_names, findings, ids, write_item, write_raster

TORN = '{"type": "Feature", "stac_version": "1.0.0", "id": "i", "assets": {"B1": {"href": "./B%201.tif"}, "B2": {"hr'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an item of two rasters, beside another one."""
    for name in ("B 1.tif", "B2.tif", "free.tif"):
        write_raster(tmp_path / "root" / "scene" / name)
    write_item(tmp_path / "root" / "scene" / "i.json", "i", {"B1": {"href": "B 1.tif"}, "B2": {"href": "B2.tif"}})
    return tmp_path / "root"


@pytest.fixture
def catalog(root: Path, tmp_path: Path) -> Iterator[FolderCatalog]:
    opened = FolderCatalog(root, 0, tmp_path / "index.sqlite")
    assert ids(opened) == ["i", "scene"]
    yield opened
    opened.close()


def again(catalog: FolderCatalog, root: Path, index: Path) -> FolderCatalog:
    """Return the catalog of the next process."""
    catalog.close()
    return FolderCatalog(root, 0, index)


@pytest.mark.parametrize("text", ["{", "", TORN, "\0", "[" * 100_000])
def test_an_item_that_breaks_is_served_as_before_until_it_is_mended_or_removed(
    catalog: FolderCatalog, root: Path, tmp_path: Path, text: str
) -> None:
    document = root / "scene" / "i.json"
    whole = document.read_text()
    document.write_text(text)
    assert ids(catalog) == ["i", "scene"]
    catalog = again(catalog, root, tmp_path / "index.sqlite")
    assert ids(catalog) == ["i", "scene"]
    assert (band_names(catalog, "i"), band_names(catalog, "scene")) == (["B1", "B2"], ["free"])
    assert findings(catalog) == {("scene/i.json", "", "document")}
    write_raster(root / "scene" / "later.tif")
    assert band_names(catalog, "scene") == ["free", "later"]
    document.write_text(whole.replace('"i"', '"j"'))
    assert ids(catalog) == ["j", "scene"]
    assert findings(catalog) == set()
    document.write_text(text)
    assert ids(catalog) == ["j", "scene"]
    document.unlink()
    assert ids(catalog) == ["scene"]
    assert band_names(catalog, "scene") == ["B2", "B 1", "free", "later"]
    catalog.close()


def test_rasters_that_a_broken_document_names_become_no_images(root: Path) -> None:
    document = root / "scene" / "i.json"
    whole = document.read_text()
    document.write_text(TORN)
    catalog = FolderCatalog(root, 0)
    assert ids(catalog) == ["scene"]
    assert band_names(catalog, "scene") == ["B2", "free"], "B 1.tif is named before the document breaks off"
    (note,) = catalog.check()
    assert note.image_id == "scene/i.json"
    assert "no JSON document; what the catalog knew of it stays" in note.value
    document.write_text(whole)
    assert (ids(catalog), band_names(catalog, "scene")) == (["i", "scene"], ["free"])


def test_a_document_that_is_no_catalog_of_anything_hides_nothing(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif")
    write_raster(tmp_path / "b" / "c.tif")
    for folder in (tmp_path, tmp_path / "b"):
        (folder / "settings.json").write_text("// settings of another program\n{}")
    assert ids(FolderCatalog(tmp_path)) == ["a", "b"]


def test_the_links_of_a_catalog_that_breaks_stay(tmp_path: Path) -> None:
    write_raster(tmp_path / "root" / "a.tif")
    write_item(tmp_path / "root" / "odd.stac", "odd", {"B1": {"href": "a.tif"}})
    links = [{"rel": "item", "href": "odd.stac"}]
    top = tmp_path / "root" / "catalog.json"
    top.write_text(json.dumps({"type": "Catalog", "id": "c", "links": links}))
    catalog = FolderCatalog(tmp_path / "root", 0, tmp_path / "index.sqlite")
    assert ids(catalog) == ["odd"]
    top.write_text("{")
    assert ids(catalog) == ["odd"]
    top.unlink()
    assert ids(catalog) == ["a"]


@pytest.mark.parametrize("folder", ["", "scene"])
def test_a_description_that_breaks_leaves_its_image_as_it_was(tmp_path: Path, folder: str) -> None:
    root = tmp_path / "root"
    write_raster(root / folder / "B1.tif")
    description = root / folder / "asset.json"
    description.write_text(json.dumps({"type": "Image", "id": "described/one"}))
    catalog = FolderCatalog(root, 0, tmp_path / "index.sqlite")
    assert ids(catalog) == ["described/one"]
    description.write_text("{")
    assert ids(catalog) == ["described/one"]
    write_raster(root / folder / "B2.tif")
    assert ids(catalog) == ["described/one"]
    assert ids(FolderCatalog(root)) == [], "nobody knows which image it is"
    assert findings(catalog) == {(f"{folder}/asset.json".lstrip("/"), "", "document")}
    description.write_text(json.dumps({"type": "Image", "id": "described/two"}))
    assert (ids(catalog), band_names(catalog, "described/two")) == (["described/two"], ["B1", "B2"])
    description.write_text("{")
    assert ids(catalog) == ["described/two"]
    for path in (root / folder).glob("*.tif"):
        path.unlink()
    assert ids(catalog) == []


def test_the_log_and_the_check_tell_of_broken_documents(
    catalog: FolderCatalog, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "scene" / "i.json").write_text("{")
    (root / "new\n.json").write_text("{")
    with caplog.at_level(logging.WARNING, "rasterwire.server"):
        ids(catalog)
        ids(catalog)
    (message,) = caplog.messages
    assert message.startswith("the catalog's folder has documents with problems: ")
    assert "scene/i.json (" in message
    assert "'new\\n.json' (" in message
    assert str(root) not in message
    checked = CliRunner().invoke(cli, ["images", str(root), "--check"])
    assert checked.exit_code == 1
    assert "scene/i.json: document: the catalog says a JSON document; found no JSON document; what" in checked.output


def test_the_log_tells_of_an_emptied_folder(
    catalog: FolderCatalog, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(root / "scene")
    assert ids(catalog) == []
    assert ids(catalog) == []
    assert caplog.messages == ["the catalog's folder has no images any more; is its disk mounted?"]


def refuse(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let folders not be listed, as one that another user owns, or on a disk that fails."""
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path) in folders:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_listed_loses_nothing(
    catalog: FolderCatalog, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_raster(root / "top.tif")
    write_raster(root / "other" / "gone.tif")
    assert ids(catalog) == ["i", "other", "scene", "top"]
    with monkeypatch.context() as patches:
        refuse(patches, root / "scene")
        (root / "top.tif").unlink()
        (root / "other" / "gone.tif").unlink()
        assert ids(catalog) == ["i", "scene"]
        assert ids(catalog) == ["i", "scene"]
        assert len([line for line in caplog.messages if "cannot be listed" in line]) == 1
        (root / "scene" / "i.json").unlink()
        assert ids(catalog) == ["i", "scene"]
    assert ids(catalog) == ["scene"]
    assert band_names(catalog, "scene") == ["B2", "B 1", "free"]
    with monkeypatch.context() as patches:
        refuse(patches, root)
        assert ids(catalog) == ["scene"]
    assert "the folder of the catalog cannot be listed" in caplog.text
