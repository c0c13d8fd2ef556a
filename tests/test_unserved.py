"""``images --check`` lists the files and assets that are not served; one line at start counts them."""

import logging
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.ingest.build import SourceKind, update_index
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.cli.main import cli
from rasterwire.server.process.unserved import tell_unread, tell_unserved
from test_refusals import write_item, write_tiff

BESIDE = ["a.tif.msk", "a.tif.ovr", "a.tif.aux.xml", "a.tfw", "b.wld", "sub/c.TIF.MSK", "sub/c.j2w"]
FORMATS = ["x.img", "x.vrt", "sub/x.grib2", "x.HDF", "x.tif.gz"]
FINE = ["readme.txt", "thumb.png", "notes.xml", ".hidden.tif.msk"]


def fill(folder: Path) -> None:
    write_tiff(folder / "a.tif")
    write_tiff(folder / "sub" / "c.tif")
    for name in (*BESIDE, *FORMATS, *FINE):
        (folder / name).write_bytes(b"")
    assets = {
        "web": {"href": "https://user:secret@example.com/p/x.tif?sig=token"},
        "bucket": {"href": "s3://bucket/key.tif"},
        "machine": {"href": "file://elsewhere.example/x.tif"},
        "thumb": {"href": "https://example.com/x.png"},
        "here": {"href": "a.tif"},
    }
    write_item(folder / "i.json", assets)


def test_check_names_what_is_ignored_or_elsewhere(tmp_path: Path) -> None:
    fill(tmp_path)
    unserved = FolderCatalog(tmp_path).unserved()
    assert {item.name for item in unserved} == {*BESIDE, *FORMATS, "i, web", "i, bucket", "i, machine"}
    assert not any("secret" in str(item) or "token" in str(item) or str(tmp_path) in str(item) for item in unserved)
    result = CliRunner().invoke(cli, ["images", str(tmp_path), "--check"])
    assert result.exit_code == 0  # the documents have no errors
    for name in (*BESIDE, *FORMATS):
        assert f"{name}: " in result.output, name


def test_hdf_files_are_named_with_the_way_to_convert(tmp_path: Path) -> None:
    for name in ("MOD09.hdf", "OMI.he5"):
        (tmp_path / name).write_bytes(b"")
    reasons = {item.name: item.reason for item in FolderCatalog(tmp_path).unserved()}
    assert "h4toh5" in reasons["MOD09.hdf"]
    assert "rename it" in reasons["OMI.he5"]


def test_check_counts_assets_of_other_machines_in_one_line_for_each(tmp_path: Path) -> None:
    write_item(tmp_path / "i.json", {f"B{n}": {"href": f"https://user:x@example.com/{n}.tif"} for n in range(30)})
    write_item(tmp_path / "j.json", {"B0": {"href": "s3://bucket/0.tif"}, "B1": {"href": "https://example.com/1.tif"}})
    result = CliRunner().invoke(cli, ["images", str(tmp_path), "--check"])
    assert result.stdout.splitlines() == [
        "31 assets at https://example.com: not read, since only files of the folder are served",
        "1 asset at s3://bucket: not read, since only files of the folder are served",
    ]


def test_a_server_says_in_one_line_what_it_does_not_serve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tiff(tmp_path / "fine" / "a.tif")
    with caplog.at_level(logging.INFO, "rasterwire.server"):
        tell_unserved(tmp_path / "fine")
        assert caplog.messages == [f"1 image in {tmp_path / 'fine'}"]
        caplog.clear()
        fill(tmp_path / "fine")
        tell_unserved(tmp_path / "fine")
    assert len(caplog.messages) == 2
    message = caplog.messages[1]
    for part in ("2 .msk", "1 .ovr", "1 .aux.xml", "1 .tfw", "1 .img", "1 asset at https", "1 asset at s3", "--check"):
        assert part in message, part
    assert "\n" not in message


def test_images_without_rasters_are_counted_at_start_and_named_in_a_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiff(tmp_path / "a.tif")
    write_item(tmp_path / "i.json", {"B0": {"href": "gone.tif"}})
    write_item(tmp_path / "j.json", {"B0": {"href": "https://example.com/1.tif"}, "B1": {"href": "gone.tif"}})
    with caplog.at_level(logging.INFO, "rasterwire.server"):
        tell_unserved(tmp_path)
    assert caplog.messages[0].startswith(f"3 images, 2 without rasters in {tmp_path}; ")
    done = CliRunner().invoke(cli, ["images", str(tmp_path)])
    assert done.stdout.splitlines() == ["a", "i\tno rasters", "j\tno rasters"]
    assert done.stderr == "3 images, 2 without rasters; add --check to see what is missing\n"


def test_a_folder_without_images_is_told_as_such(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.img").write_bytes(b"")
    done = CliRunner().invoke(cli, ["images", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"no images in {tmp_path}: an image is a GeoTIFF" in done.stderr
    assert "not served are 1 .img" in done.stderr
    with caplog.at_level(logging.INFO, "rasterwire.server"):
        tell_unserved(tmp_path)
    assert caplog.messages[0].startswith(f"no images in {tmp_path}: an image is a GeoTIFF")


def test_a_world_file_or_mask_changes_no_image(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif")
    before = FolderCatalog(tmp_path).get("a")
    for name in BESIDE[:4]:
        (tmp_path / name).write_bytes(b"1\n0\n0\n-1\n0\n0\n")
    after = FolderCatalog(tmp_path).get("a")
    assert (after.bands[0].grid, after.bands[0].masked) == (before.bands[0].grid, before.bands[0].masked)


def test_an_index_without_a_raster_that_can_be_read_is_told_at_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, path = tmp_path / "items", tmp_path / "x.sqlite"
    for number in range(3):
        write_item(folder / f"i{number}.json", {"B0": {"href": "https://example.com/1.tif"}})
    update_index(str(folder), SourceKind.FOLDER, path)
    settings = CatalogSettings(CatalogKind.INDEX, str(path), "far")
    with caplog.at_level(logging.WARNING, "rasterwire.server"):
        tell_unread(settings, tmp_path)
        assert len(caplog.messages) == 1
        assert "catalog far: of 3 images looked at, none has a raster at an address that" in caplog.messages[0]
        caplog.clear()
        write_tiff(folder / "a.tif")
        update_index(str(folder), SourceKind.FOLDER, path)
        tell_unread(settings, tmp_path)
        assert not caplog.messages
        path.write_bytes(b"no index")
        tell_unread(settings, tmp_path)
    assert caplog.messages == ["catalog far: the index of this catalog cannot be opened; build it again"]


def test_a_look_that_the_end_of_the_process_cuts_short_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell_unserved(tmp_path / "none")
    assert caplog.messages
    caplog.clear()
    monkeypatch.setattr(threading.main_thread(), "is_alive", lambda: False)
    tell_unserved(tmp_path / "none")
    assert not caplog.messages
