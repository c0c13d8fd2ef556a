"""A problem of one item does not affect the others."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from rasterwire import compiled
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.fair_share import FairPool
from rasterwire.errors import InvalidRequest, SourceUnavailable
from rasterwire.files.raster_file import open_raster
from rasterwire.plan import Limits, make_plan
from rasterwire.request import DownloadRequest, Format
from rasterwire.store import DownloadRecord
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.turns import Caller

PLACE = {"crs": "EPSG:32632", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


def store(path: Path, items: str = "", **place: object) -> None:
    path.parent.mkdir(exist_ok=True)
    shape = {"count": 1, "height": 8, "width": 8, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(np.ones((1, 8, 8), "uint8"))
        if items:
            file.update_tags(1, PLACEHOLDER="x" * 40)
    if items:
        content = path.read_bytes()
        start = content.index(b"<GDALMetadata>")
        end = content.index(b"</GDALMetadata>") + len(b"</GDALMetadata>")
        text = f"<GDALMetadata>{items}</GDALMetadata>".encode("latin-1")
        assert len(text) <= end - start
        path.write_bytes(content[:start] + text.ljust(end - start) + content[end:])


def test_bands_with_and_without_a_place_are_refused_in_one_file_whichever_comes_first(tmp_path: Path) -> None:
    for name, first in (("placed", True), ("unplaced", False)):
        store(tmp_path / name / "a.tif", **(PLACE if first else {}))
        store(tmp_path / name / "b.tif", **({} if first else PLACE))
        image = FolderCatalog(tmp_path).get(name)
        with pytest.raises(InvalidRequest, match="ask for a file per band"):
            make_plan(DownloadRequest(image_id=name, format=Format.ZIPPED_GEO_TIFF), image, Limits())


def test_a_name_that_is_not_in_utf8_is_told(tmp_path: Path) -> None:
    store(tmp_path / "c" / "a.tif", '<Item name="DESCRIPTION" sample="0" role="description">caf\xe9</Item>', **PLACE)
    with open_raster(str(tmp_path / "c" / "a.tif")) as file, pytest.raises(UnicodeDecodeError):
        _ = file.descriptions  # the library's own message
    with pytest.raises(SourceUnavailable, match="UTF-8"):
        FolderCatalog(tmp_path / "c").get("a")


def test_items_named_as_arguments_of_a_library_are_left_out(tmp_path: Path) -> None:
    store(tmp_path / "c" / "a.tif", '<Item name="bidx" sample="0">3</Item>', **PLACE)
    band = FolderCatalog(tmp_path / "c").get("a").bands[0]
    assert (band.metadata.items, band.metadata.file.not_read) == ((), 1)


def test_cancelled_work_is_let_go_before_its_turn() -> None:
    turns, release = FairPool(1, "test"), threading.Event()
    first = turns.submit(Caller("", "a"), release.wait)
    waiting = [turns.submit(Caller("", "a"), release.wait) for _ in range(5)]
    for future in waiting:
        future.cancel()
    queue_length = turns.running_and_waiting[1]
    release.set()
    assert first.result(300)
    turns.close()
    assert queue_length <= 1  # the first itself, if its thread had not begun


def test_a_repeated_request_id_keeps_no_region_of_its_own(tmp_path: Path) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with closing(SqliteDownloadStore(tmp_path / "a.sqlite", 4 << 20)) as ids:
        for number in range(12):
            part = bytes([number]) * (1 << 20)
            stored = ids.put(DownloadRecord(f"id-{number}", "token", "again", b"", "etag", until, (part,)))
            assert stored.id == "id-0"
        assert ids.put(DownloadRecord("other", "token", "", b"", "etag", until, (b"o" * 9000,))).id == "other"


def test_loops_are_compiled_in_one_thread_while_twins_serve_the_others() -> None:
    loop = compiled.Loop(lambda: "loop", lambda: "twin")
    loop.machine = loop.machine.py_func
    compiled.run_twins(True)
    try:
        with compiled.loops_in_thread():
            inside = loop()
        served = loop()
    finally:
        compiled.run_twins(False)
    assert (inside, served, loop()) == ("loop", "twin", "loop")
