"""The client with hostile servers: it opens, unpickles and follows nothing, and limits what it stores."""

import io
import itertools
import pickle
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import rasterio
import tifffile

from rasterwire.client import Client, CorruptData
from rasterwire.client.expected import most_bytes
from rasterwire.v1 import download_pb2
from scripted import Chunks, Scripted, always, chunks_of, client_of, info_of, plan_of

SIDE = 4


def plan_for(format_: download_pb2.Format.ValueType, size: int = 0) -> download_pb2.DownloadPlan:
    """Return a plan of one band of bytes."""
    band = download_pb2.BandPlan(id="B1", data_type=download_pb2.DATA_TYPE_UINT8)
    raster = download_pb2.RasterPlan(grid=download_pb2.PixelGrid(width=SIDE, height=SIDE), bands=[band])
    return download_pb2.DownloadPlan(format=format_, rasters=[raster], estimated_bytes=size)


def tiff(shape: tuple[int, ...] = (SIDE, SIDE), xml: str = "") -> bytes:
    file = io.BytesIO()
    tags = [(42112, 2, 0, xml, True)] if xml else []  # GDAL_METADATA
    tifffile.imwrite(
        file, np.zeros(shape, "uint8"), photometric="minisblack", planarconfig="contig", metadata=None, extratags=tags
    )
    return file.getvalue()


def item(domain: str, name: str, path: Path) -> str:
    return f'<GDALMetadata><Item name="{name}" domain="{domain}">{path}</Item></GDALMetadata>'


def made_npy(header: str, data: bytes) -> bytes:
    """Return an NPY with any header. Source: numpy's NEP 1."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.fixture
def decoy(tmp_path: Path) -> Path:
    """Return a VRT that refers to a raster on this machine."""
    with rasterio.open(tmp_path / "own.tif", "w", "GTiff", SIDE, SIDE, 1, dtype="uint8") as raster:
        raster.write(np.full((1, SIDE, SIDE), 77, "uint8"))
    source = f"<SimpleSource><SourceFilename>{tmp_path / 'own.tif'}</SourceFilename></SimpleSource>"
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    path = tmp_path / "decoy.vrt"
    path.write_text(f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">{band}</VRTDataset>')
    with rasterio.open(path) as opened:
        assert opened.read().max() == 77
    return path


def is_refused(data: bytes, method: Callable[[Client], object]) -> str:
    """Return the client's error for a file that a server sends with the right checksums and sizes."""
    is_npy = data.startswith(b"\x93")
    plan = plan_for(download_pb2.FORMAT_NPY if is_npy else download_pb2.FORMAT_GEO_TIFF, len(data))
    server = Scripted(plan)
    server.streamed = lambda: chunks_of(data, info_of(data))
    with client_of(server) as client, pytest.raises(CorruptData) as caught:
        method(client)
    return str(caught.value)


def test_what_leads_to_other_files_is_not_opened(decoy: Path, tmp_path: Path) -> None:
    cases = {
        "a VRT": (decoy.read_bytes(), "no TIFF"),
        "a VRT behind white space": (b"\n  " + decoy.read_bytes(), "no TIFF"),
        "a text that is no raster": (b"hello", "no TIFF"),
        "nothing but the beginning of a TIFF": (tiff()[:40], "cannot be opened"),
        "overviews elsewhere": (tiff(xml=item("OVERVIEWS", "OVERVIEW_FILE", decoy)), "OVERVIEWS"),
        "rasters elsewhere": (tiff(xml=item("SUBDATASETS", "SUBDATASET_1_NAME", decoy)), "SUBDATASETS"),
        "coordinates elsewhere": (tiff(xml=item("GEOLOCATION", "X_DATASET", decoy)), "GEOLOCATION"),
    }
    for name, (data, message) in cases.items():
        assert message in is_refused(data, lambda client: client.open_rasterio({"image": "a"})), name
        assert message in is_refused(data, lambda client: client.to_xarray({"image": "a"})), name


def test_a_raster_is_that_of_its_plan() -> None:
    for shape in ((SIDE, SIDE + 1), (SIDE + 1, SIDE), (SIDE, SIDE, 2)):
        assert "where the plan says" in is_refused(tiff(shape), lambda client: client.open_rasterio({"image": "a"}))
    server = Scripted(plan_for(download_pb2.FORMAT_GEO_TIFF))
    server.streamed = lambda: chunks_of(tiff(), info_of(tiff()))
    with client_of(server) as client, client.open_rasterio({"image": "a"}) as opened:
        assert opened.shape == (SIDE, SIDE)


def test_an_array_is_neither_unpickled_nor_larger_than_what_came() -> None:
    def array(shape: str, descr: str = "[('B1', '|u1')]") -> str:
        return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"

    pixels = bytes(SIDE * SIDE)
    cases = {
        "objects": (made_npy(array("(4, 4)", "'|O'"), pickle.dumps([0] * 16)), "not what the plan says"),
        "a field of objects": (made_npy(array("(4, 4)", "[('B1', '|O')]"), pickle.dumps(0)), "not what the plan"),
        "a shape of terabytes": (made_npy(array("(4000000, 4000000)"), pixels), "not what the plan says"),
        "another type": (made_npy(array("(4, 4)", "[('B1', '<u2')]"), 2 * pixels), "not what the plan says"),
        "a field of more dimensions": (
            made_npy(array("(4, 4)", "[('B1', '|u1', (1000000,))]"), pixels),
            "not what the plan says|16 bytes of pixels",
        ),
        "a field too many of gigabytes": (
            made_npy(array("(4, 4)", "[('B1', '|u1'), ('mask', 'V1000000000')]"), pixels),
            "16 bytes of pixels",
        ),
        "too few pixels": (made_npy(array("(4, 4)"), pixels[:-1]), "15 bytes of pixels"),
        "a header that is no literal": (made_npy("__import__('os').abort()", b""), "no NPY"),
        "a header of nested brackets": (made_npy("(" * 110, b""), "no NPY"),
        "a version of its own": (b"\x93NUMPY\x09\x00" + bytes(200), "no NPY"),
    }
    for name, (data, expected) in cases.items():
        message = is_refused(data, lambda client: client.to_numpy({"image": "a"}))
        assert any(part in message for part in expected.split("|")), (name, message)
    data = made_npy(array("(4, 4)"), bytes(range(16)))
    server = Scripted(plan_for(download_pb2.FORMAT_NPY, len(data)))
    server.streamed = lambda: chunks_of(data, info_of(data))
    with client_of(server) as client:
        assert client.to_numpy({"image": "a"})["B1"].tolist() == np.arange(16).reshape(4, 4).tolist()


def test_data_without_end_is_left(tmp_path: Path) -> None:
    def endless(info: download_pb2.FileInfo | None, grows: bool = False) -> Chunks:
        part = b"x" * 1000
        for number in itertools.count():
            file = info
            if info is not None and grows:
                file = info_of(b"")
                file.size_bytes = info.size_bytes + 1000 * number
            yield download_pb2.DownloadChunk(
                data=part, offset=1000 * number, crc32c=google_crc32c.value(part), file=file
            )

    large = info_of(b"")
    large.size_bytes = 1 << 60
    right = info_of(bytes(5000))
    cases = {
        "no size": (lambda: endless(None), "before the server told of what file"),
        "a size beyond the plan": (lambda: endless(large), "where its plan makes 5000"),
        "more than the size": (lambda: endless(right), "beyond the 5000"),
        "a size that grows": (lambda: endless(right, grows=True), "told 5000 bytes before, and now 6000"),
        "messages behind the end": (
            lambda: itertools.chain(
                chunks_of(bytes(5000), right), itertools.repeat(download_pb2.DownloadChunk(file=right))
            ),
            "after the end",
        ),
    }
    for name, (script, message) in cases.items():
        server = Scripted(plan_of(5000), always(script))
        server.streamed = script
        with client_of(server) as client:
            with pytest.raises(CorruptData, match=message):
                client.stream({"image": "a"})
            with pytest.raises(CorruptData, match=message):
                client.download({"image": "a"}, tmp_path / "x")
        assert list(tmp_path.iterdir()) == [], name


def test_files_are_held_against_the_most_that_a_plan_can_make() -> None:
    tile = 512
    for format_, side in ((download_pb2.FORMAT_GEO_TIFF, 1), (download_pb2.FORMAT_ZIPPED_GEO_TIFF, 3000)):
        plan = plan_for(format_)
        plan.rasters[0].grid.width = plan.rasters[0].grid.height = side
        # whole tiles without compression, a mask, and overviews
        least = 2 * (-(-side // tile) * tile) ** 2 * 4 // 3
        assert least < most_bytes(plan) < 8 * least + (16 << 20)


def test_the_name_of_the_server_stays_in_the_folder(tmp_path: Path) -> None:
    data = b"abc"
    names = [
        "../../up.tif",
        "/etc/passwd",
        "C:\\up.tif",
        "..",
        "",
        "a\x1b[2J\nb.tif",
        "\u202efit.tif",
        "a\0b",
        "x" * 999,
    ]
    for name in names:
        folder = tmp_path / "into"
        folder.mkdir()
        server = Scripted(plan_of(3), always(partial(chunks_of, data, info_of(data, name=name))))
        with client_of(server) as client:
            path = client.download({"image": "a"}, folder).path
        assert path.parent == folder, name
        assert path.name.isprintable(), name
        assert [entry.name for entry in tmp_path.iterdir()] == ["into"], name
        path.unlink()
        folder.rmdir()
