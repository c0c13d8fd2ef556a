"""What ``rasterwire index`` refuses, keeps and tells: other sources, emptied ones, wrong options, broken documents."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import obstore
import pytest
from click.testing import CliRunner, Result

import rasterwire.catalog.followed as of_followed
from cases import every
from rasterwire.catalog.followed import FollowedCatalog
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.ingest.build import OtherSource, SourceKind, update_index
from rasterwire.cli.main import cli
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import configure, loop
from rasterwire.query import Query
from seaweed import Seaweed, seaweed
from test_buckets import index_by_command, opened, write_config
from test_catalog import write_item, write_raster
from test_ingest import catalog, entries, item, write_parquet
from waiting import until


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["index", *map(str, arguments)])


@pytest.fixture(autouse=True)
def _no_sources() -> Iterator[None]:
    yield
    configure({})
    loop.stop()


def put_catalog(folder: Path, *names: str) -> Path:
    """Write a static catalog of items without rasters, and return its root document."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(item(name)))
    root = folder / "catalog.json"
    root.write_text(json.dumps(catalog(*(("item", f"{name}.json") for name in names))))
    return root


def put_folder(folder: Path, *names: str) -> Path:
    for name in names:
        write_raster(folder / f"{name}.tif")
    return folder


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Another source


def test_an_index_is_not_updated_from_another_source_unless_that_is_said(tmp_path: Path) -> None:
    first, second = put_catalog(tmp_path / "first", "a", "b"), put_catalog(tmp_path / "second", "b", "c")
    folder, index = put_folder(tmp_path / "folder", "dem"), tmp_path / "index.sqlite"
    assert run(first, "--into", index).exit_code == 0
    for other in (second, folder):
        refused = run(other, "--into", index)
        assert refused.exit_code == 1
        assert f"this index is of another source (catalog {first})" in refused.output
        assert "choose another file, or add --replace" in refused.output
        assert set(entries(index)) == {"a", "b"}
    assert run(first, "--into", index).exit_code == 0
    done = run(second, "--into", index, "--replace")
    assert (done.exit_code, done.stdout) == (0, "images: 1 added, 1 changed, 1 removed\n")
    assert {entry.id: entry.origin for entry in entries(index).values()} == {"b": "b.json", "c": "c.json"}
    assert run(folder, "--into", index, "--replace").exit_code == 0
    assert set(entries(index)) == {"dem"}
    assert run(first, "--into", index).exit_code == 1
    assert run(first, "--into", index, "--replace").exit_code == 0
    assert run(folder, "--into", index, "--replace").exit_code == 0
    assert set(entries(index)) == {"dem"}, "what was known of the folder before counts no more"


def test_a_document_of_another_source_in_the_same_version_is_read_again(tmp_path: Path) -> None:
    first, second, index = tmp_path / "first.parquet", tmp_path / "second" / "first.parquet", tmp_path / "index.sqlite"
    write_parquet(first, [item("a")])
    second.parent.mkdir()
    second.hardlink_to(first)  # the same file, and so the same version
    write_raster(tmp_path / "B1.tif")
    write_raster(second.parent / "B1.tif")
    update_index(str(first), SourceKind.GEOPARQUET, index)
    update_index(str(second), SourceKind.GEOPARQUET, index, replaces=True)
    (entry,) = entries(index).values()
    assert entry.sources[0].href == str(second.parent / "B1.tif")


def test_a_source_that_cannot_be_read_replaces_nothing(tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    first = put_catalog(tmp_path / "first", "a")
    assert run(first, "--into", index).exit_code == 0
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    refused = run(broken, "--into", index, "--replace")
    assert refused.exit_code == 1
    assert refused.output.endswith("Error: the root document of the catalog cannot be read: no JSON document\n")
    assert set(entries(index)) == {"a"}
    assert run(first, "--into", index).exit_code == 0


def test_a_signature_and_a_user_make_no_other_source(tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    store = IndexStore(index)
    store.put_source("catalog https://eo.example.org/catalog.json")
    store.close()
    for address in ("https://eo.example.org/catalog.json?sig=abc", "https://me:key@eo.example.org/catalog.json"):
        with pytest.raises(SourceUnavailable, match="no source of this server's settings covers"):
            update_index(address, SourceKind.CATALOG, index)
    with pytest.raises(OtherSource) as caught:
        update_index("https://me:key@eo.example.org/other.json?sig=abc", SourceKind.CATALOG, index)
    assert "abc" not in str(caught.value)
    assert "key" not in str(caught.value)


# An emptied source


def test_an_emptied_folder_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    folder, index = put_folder(tmp_path / "folder", "a", "b"), tmp_path / "index.sqlite"
    assert run(folder, "--into", index).exit_code == 0
    for path in folder.iterdir():
        path.unlink()
    (folder / "readme.txt").write_text("not mounted")
    refused = run(folder, "--into", index)
    assert refused.exit_code == 1
    assert "the source has no images any more, so those of the index stay" in refused.output
    assert set(entries(index)) == {"a", "b"}
    put_folder(folder, "b")
    assert run(folder, "--into", index).stdout == "images: 0 added, 1 changed, 1 removed\n"
    (folder / "b.tif").unlink()
    assert run(folder, "--into", index, "--replace").stdout == "images: 0 added, 0 changed, 1 removed\n"
    assert run(folder, "--into", index).exit_code == 0


def test_an_emptied_catalog_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    root = put_catalog(tmp_path / "k", "a", "b")
    assert run(root, "--into", index).exit_code == 0
    whole = root.read_text()
    root.write_text(json.dumps(catalog()))
    assert "the source has no images any more" in run(root, "--into", index).output
    assert set(entries(index)) == {"a", "b"}
    assert not list(tmp_path.glob("*.progress*"))
    root.write_text(whole)
    assert run(root, "--into", index).exit_code == 0
    assert set(entries(index)) == {"a", "b"}
    root.write_text(json.dumps(catalog()))
    assert run(root, "--into", index, "--replace").stdout == "images: 0 added, 0 changed, 2 removed\n"


@pytest.mark.parametrize("is_linked", [False, True])
def test_an_emptied_list_of_items_leaves_the_index_as_it_is(tmp_path: Path, is_linked: bool) -> None:
    """The document is still there, and is none that is missing."""
    index, items = tmp_path / "index.sqlite", tmp_path / "k" / "items.json"
    items.parent.mkdir()
    root = items
    if is_linked:
        root = tmp_path / "k" / "catalog.json"
        root.write_text(json.dumps(catalog(("item", "items.json"))))
    whole = json.dumps({"type": "FeatureCollection", "features": [item("a"), item("b")]})
    items.write_text(whole)
    assert run(root, "--into", index).exit_code == 0
    assert set(entries(index)) == {"a", "b"}
    for emptied in ({"type": "FeatureCollection", "features": []}, {"type": "FeatureCollection"}):
        items.write_text(json.dumps(emptied))
        assert "the source has no images any more" in run(root, "--into", index).output
        assert set(entries(index)) == {"a", "b"}
        assert not list(tmp_path.glob("*.progress*"))
    items.write_text(whole)
    assert run(root, "--into", index).exit_code == 0
    assert set(entries(index)) == {"a", "b"}
    items.write_text(json.dumps({"type": "FeatureCollection", "features": [item("b")]}))
    assert run(root, "--into", index).stdout == "images: 0 added, 1 changed, 1 removed\n"
    items.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert run(root, "--into", index, "--replace").stdout == "images: 0 added, 0 changed, 1 removed\n"


def test_an_emptied_table_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    index, table = tmp_path / "index.sqlite", tmp_path / "items.parquet"
    write_parquet(table, [item("a"), item("b")])
    assert run(table, "--into", index).exit_code == 0
    parquet.write_table(parquet.read_table(table).slice(0, 0), table)
    assert "the source has no images any more" in run(table, "--into", index).output
    assert set(entries(index)) == {"a", "b"}
    assert run(table, "--into", index, "--replace").stdout == "images: 0 added, 0 changed, 2 removed\n"


def test_one_list_of_several_may_be_emptied(tmp_path: Path) -> None:
    index, folder = tmp_path / "index.sqlite", tmp_path / "k"
    folder.mkdir()
    root = folder / "catalog.json"
    root.write_text(json.dumps(catalog(("item", "one.json"), ("item", "two.json"))))
    for name in ("one", "two"):
        (folder / f"{name}.json").write_text(json.dumps({"type": "FeatureCollection", "features": [item(name)]}))
    assert run(root, "--into", index).exit_code == 0
    (folder / "one.json").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert run(root, "--into", index).stdout == "images: 0 added, 0 changed, 1 removed\n"
    assert set(entries(index)) == {"two"}
    assert run(root, "--into", index).stdout == "images: 0 added, 0 changed, 0 removed\n"


def test_a_server_keeps_the_index_of_an_emptied_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(of_followed, "_PAUSE", 0.01)
    root = put_catalog(tmp_path / "k", "a")
    served = FollowedCatalog(str(root), tmp_path / "state" / "x.sqlite", name="EO")
    try:
        until(partial(served.count, Query()), 1)
        root.write_text(json.dumps(catalog()))
        warning = "the index of catalog EO could not be updated: the source has no images any more"
        until(lambda: warning in caplog.text, True)
        assert [image.id for image in served.find(Query()).images] == ["a"]
    finally:
        served.close()


# Options and files


def test_wrong_options_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    folder = put_folder(tmp_path / "folder", "a")
    index = tmp_path / "index.sqlite"
    assert run(folder, "--into", index).exit_code == 0
    refusals: list[tuple[list[Any], str]] = [
        ([folder, "--into", tmp_path / "x" / "y" / "z.sqlite"], "there is no folder for it; make it first"),
        ([folder, "--into", tmp_path / "index.db"], "end the name with .sqlite"),
        ([folder, "--into", tmp_path / "n.sqlite", "--collection", "c"], "--collection is for a STAC API, and SOURCE"),
        (["--into", index, "--export", tmp_path / "o.parquet", "--collection", "c"], "are about a SOURCE"),
        (["--into", index, "--export", tmp_path / "o.parquet", "--replace"], "are about a SOURCE"),
        (["--into", index, "--export", tmp_path / "x" / "o.parquet"], "there is no folder for it"),
        (["--into", tmp_path / "gone.sqlite", "--export", tmp_path / "o.parquet"], "there is no such index"),
        ([index, "--into", tmp_path / "n.sqlite"], "is an index; name what it is made of"),
    ]
    before = files(tmp_path)
    for arguments, words in refusals:
        refused = run(*arguments)
        assert refused.exit_code == 2, arguments
        assert words in " ".join(refused.output.split()), refused.output
        assert files(tmp_path) == before


@every("name", ["catalog.json", "items.parquet"])
def test_a_first_build_that_fails_leaves_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{")
    assert run(tmp_path / name, "--into", tmp_path / "index.sqlite").exit_code == 1
    assert files(tmp_path) == {name}


@every(("name", "kind"), [("empty", "folder"), ("list.json", "catalog")])
def test_a_first_build_that_finds_no_image_leaves_no_file(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.json").write_text('{"a": 1}')
    before = files(tmp_path)
    refused = run(tmp_path / name, "--into", tmp_path / "index.sqlite", "--export", tmp_path / "x.parquet")
    assert refused.exit_code == 1
    assert f"no image was found in SOURCE, which was read as --kind {kind}" in refused.output
    assert files(tmp_path) == before


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    root = tmp_path / "catalog.json"
    (tmp_path / "i.json").write_text(json.dumps(item("i", "dem.tif")))
    root.write_text(
        json.dumps(
            catalog(("item", "i.json"), ("item", "gone.json"), ("child", "../out.json"), ("item", "/etc/passwd"))
        )
    )
    done = run(root, "--into", tmp_path / "index.sqlite")
    assert (done.exit_code, "  catalog.json: link: the catalog says gone.json; found no such" in done.stderr) == (
        0,
        True,
    )
    assert {note.claim for note in IndexStore(tmp_path / "index.sqlite", read_only=True).notes()} == {
        "gone.json",
        "../out.json",
        "an absolute path to passwd",
    }


def test_a_build_that_fails_later_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, index = put_catalog(tmp_path / "k", "a", "b", "c"), tmp_path / "index.sqlite"
    monkeypatch.setattr("rasterwire.catalog.ingest.run._FIRST_BATCH", 3)  # two documents, and an entry of the second

    def fail(_count: int, _total: int | None) -> None:
        raise SourceUnavailable.of_file("it is away")

    with pytest.raises(SourceUnavailable):
        update_index(str(root), SourceKind.CATALOG, index, tell=fail)
    assert len(IndexStore(index, read_only=True).documents()) == 2
    update_index(str(root), SourceKind.CATALOG, index)
    assert set(entries(index)) == {"a", "b", "c"}


def test_files_that_cannot_be_written_are_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rasterwire.catalog.ingest.build.update_index", refuse)
    refused = run(put_folder(tmp_path / "folder", "a"), "--into", tmp_path / "index.sqlite")
    assert refused.exit_code == 1
    assert "files beside the index cannot be written: Permission denied" in refused.output


# What is told


def test_broken_documents_are_named_up_to_a_number(tmp_path: Path) -> None:
    root = put_catalog(tmp_path / "k", "a", *(f"x{number:02d}" for number in range(14)))
    for number in range(14):
        (root.parent / f"x{number:02d}.json").write_text("{")
    done = run(root, "--into", tmp_path / "index.sqlite")
    assert (done.exit_code, done.stdout) == (0, "images: 1 added, 0 changed, 0 removed\n")
    lines = done.stderr.splitlines()
    assert "documents with problems: 14" in lines
    assert len([line for line in lines if line.endswith(".json: no JSON document")]) == 10
    assert "  and 4 more" in lines
    again = run(root, "--into", tmp_path / "index.sqlite")
    assert again.stdout == "images: 0 added, 0 changed, 0 removed\n"


def test_broken_documents_of_a_folder_are_named(tmp_path: Path) -> None:
    folder = put_folder(tmp_path / "folder", "a")
    write_item(folder / "i.json", "i", {"B1": {"href": "a.tif"}})
    assert run(folder, "--into", tmp_path / "index.sqlite").stdout == "images: 1 added, 0 changed, 0 removed\n"
    (folder / "i.json").write_text("{")
    done = run(folder, "--into", tmp_path / "index.sqlite")
    assert done.stdout == "images: 0 added, 0 changed, 0 removed\n"
    assert "  i.json: no JSON document; what the catalog knew of it stays" in done.stderr
    assert set(entries(tmp_path / "index.sqlite")) == {"i"}


def test_items_whose_ids_others_have_are_told(tmp_path: Path) -> None:
    root = put_catalog(tmp_path / "k", "a", "b", "c")
    for name in ("b", "c"):
        (root.parent / f"{name}.json").write_text(json.dumps(item("a", collection=name)))
    done = run(root, "--into", tmp_path / "index.sqlite")
    assert done.stdout == "images: 1 added, 0 changed, 0 removed\n"
    assert "items that are left out, since others have their ids: a, and 1 more; make an index of each" in done.stderr


HOSTILE: list[Any] = [
    {"id": "\ud800"},
    {"id": 5},
    {"id": "x" * 100_000},
    {"id": "a\0b"},
    {"assets": {"B1": 5, "": {"href": ""}, "B2": {"href": ["x"]}, "\ud800": {"href": "B1.tif"}}},
    {"assets": {"B1": {"href": "\0.tif"}, "B2": {"href": "http://[/x.tif"}, "B3": {"href": "file://x/B1.tif"}}},
    {"properties": {"datetime": "9999-12-31T23:59:59.999999+14:00"}},
    {"properties": {"datetime": "0001-01-01T00:00:00+14:00", "system:time_start": 10**400}},
    {"properties": {"\ud800": "\ud800", "x": float("nan"), "y": 10**400}},
    {"properties": []},
    {"collection": {"a": 1}},
    {"collection": "\ud800"},
    {"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}, "bbox": ["a", 1, 2, 3]},
    {"geometry": {"type": "Polygon", "coordinates": [[[1e308, -1e308], [1e308, 1e308], [0, 0], [1e308, -1e308]]]}},
    {"bbox": [float("nan")] * 4},
    {"stac_version": None, "type": "FeatureCollection", "features": [5, {"id": "a"}, None]},
    {"proj:shape": [10**30, -1], "properties": {"proj:transform": [float("inf")] * 6, "proj:epsg": 10**30}},
]


def test_no_item_hides_the_others_of_a_source(tmp_path: Path) -> None:
    names = [f"h{number:02d}" for number in range(len(HOSTILE))]
    root = put_catalog(tmp_path / "k", "first", *names, "last")
    for name, fields in zip(names, HOSTILE, strict=True):
        (root.parent / f"{name}.json").write_text(json.dumps(item(name) | fields))
    write_raster(root.parent / "B1.tif")
    (root.parent / "broken.tif").write_bytes(b"II*\0nothing")
    for number, source in enumerate((root, root.parent)):
        index = tmp_path / f"{number}.sqlite"
        assert run(source, "--into", index).exit_code == 0
        assert {"first", "last"} <= set(entries(index))
    assert "broken" in set(entries(tmp_path / "1.sqlite"))


# A bucket


@pytest.fixture(scope="module")
def store() -> Iterator[Seaweed]:
    with seaweed() as running:
        yield running


def test_an_emptied_bucket_leaves_the_index_as_it_is(store: Seaweed, tmp_path: Path) -> None:
    bucket = opened(store, "emptied")
    obstore.put(bucket, "a.tif", b"x")
    obstore.put(bucket, "readme.txt", b"x")
    config = write_config(tmp_path, store, "s3://emptied/")
    assert index_by_command(tmp_path, config, "s3://emptied/")[0] == 0
    obstore.delete(bucket, "a.tif")
    code, output = index_by_command(tmp_path, config, "s3://emptied/")
    assert (code, "the source has no images any more" in output) == (1, True), output
    obstore.delete(bucket, "readme.txt")
    code, output = index_by_command(tmp_path, config, "s3://emptied/")
    assert (code, "there are no objects at the address" in output) == (1, True), output
    assert set(entries(tmp_path / "made.sqlite")) == {"a"}
    (tmp_path / "made.sqlite").unlink()
    code, output = index_by_command(tmp_path, config, "s3://emptied")
    assert (code, "there are no objects at the address" in output) == (1, True), output
