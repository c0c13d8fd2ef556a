"""File names: they keep letters of any script, are safe on any system, and differ on any file system."""

import http.client
import io
import struct
import unicodedata
import zipfile
from collections.abc import Iterator
from email.message import Message
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio

from effort import HANG
from rasterwire.client.transfer import plain_name
from rasterwire.naming import safe_name
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, served

CASE = ["NDVI", "ndvi", "é", unicodedata.normalize("NFD", "É"), "straße", "STRASSE", "band:1", "band/1"]
LONG = ["反" * 200 + "a", "反" * 200 + "b", "x" * 300]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("names")
    (folder / "catalog").mkdir()
    images = {"scripts": ["反射率", "Температура", "الغطاء", "वनस्पति", "NDVI (max) 50%"], "case": CASE, "long": LONG}
    place = rasterio.Affine(10, 0, 500000, 0, -10, 5000000)
    for name, bands in images.items():
        profile = {"count": len(bands), "width": 4, "height": 4, "dtype": "uint8", "crs": "EPSG:32633"}
        with rasterio.open(folder / "catalog" / f"{name}.tif", "w", "GTiff", transform=place, **profile) as raster:
            for index, band in enumerate(bands, 1):
                raster.write(np.full((4, 4), index, "uint8"), index)
                raster.set_band_description(index, band)
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


def entries(server: Served, image: str, name: str = "") -> tuple[list[str], bytes]:
    data, _ = server.stream(download_pb2.DownloadParams(image=image, name=name))
    return zipfile.ZipFile(io.BytesIO(data)).namelist(), data


def test_letters_of_any_script_stay_and_are_marked_as_utf8(server: Served) -> None:
    names, data = entries(server, "scripts", "Изображение")
    spoken = ["反射率", "Температура", "الغطاء", "वनस्पति", "NDVI (max) 50%"]
    assert names == [f"Изображение.{band}.tif" for band in spoken]
    offset = 0
    for name in names:  # the local headers by hand; source: APPNOTE.TXT, sections 4.3.7 and 4.4.4, bit 11
        signature, flags, size, length, extra = struct.unpack_from("<4s2xH10xI4xHH", data, offset)
        assert signature == b"PK\x03\x04"
        assert flags & 0x800, name
        assert data[offset + 30 : offset + 30 + length].decode() == name
        offset += 30 + length + extra + size


def test_names_that_differ_by_case_or_form_alone_stay_apart(server: Served) -> None:
    names, _ = entries(server, "case")
    assert names[:2] == ["case.NDVI.tif", "case.ndvi_1.tif"]
    # the names on a file system that ignores case or decomposes letters
    assert len({unicodedata.normalize("NFC", name.casefold()) for name in names}) == len(CASE)
    assert len({unicodedata.normalize("NFD", name.upper()) for name in names}) == len(CASE)
    assert all(name.endswith(".tif") and name.count(".") == 2 for name in names), names


def test_a_name_is_short_enough_for_any_disk(server: Served) -> None:
    names, _ = entries(server, "long", "雲" * 85)
    assert len(set(names)) == len(LONG)
    for name in names:
        assert len(name.encode()) <= 230, name  # of 255, so that clients may append to it
        assert name.startswith("雲雲雲")
        assert name.endswith(".tif")
        assert "\ufffd" not in name


def test_only_what_is_unsafe_is_replaced() -> None:
    controls = [chr(code) for code in [*range(32), *range(0x7F, 0xA0)]]
    directions = list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    unseen = list("\u200b\u2028\u2029\ufeff\ue000")
    for bad in [*controls, *directions, *unseen, *'<>:"/\\|?*']:
        assert safe_name(f"a{bad}b") == "a_b", repr(bad)
    for good in "aZ09 _-.,;+=~!@#$%^&()[]{}'`é中б\u0301\u200c\u200d🌍":
        expected = f"a{good}b"
        assert safe_name(expected) == unicodedata.normalize("NFC", expected), repr(good)


def test_no_name_means_a_device_or_hides_or_leaves_its_folder() -> None:
    devices = ["CON", "prn", "Aux", "nul", "com1", "COM9", "lpt0", "COM¹", "lpt³", "CONIN$", "conout$", "CLOCK$"]
    for device in devices:
        for name in (device, f"{device}.tif", f"{device} .x.tif"):
            assert safe_name(name).startswith("_"), name
    for fine in ("console", "com10", "nullable.tif", "COMA"):
        assert safe_name(fine) == fine
    for odd in ("..", ".", "", "  ", ". .", "...hidden", "a. .", "x" * 199 + " .tail", "é" * 99 + "\u0301 ."):
        name = safe_name(odd)
        assert name
        assert name[0] not in ". ", odd
        assert name[-1] not in ". ", odd
        assert len(name.encode()) <= 200, odd


def test_the_header_of_http_says_the_very_name(server: Served) -> None:
    for name in ("反射率", "a;b=c", "it's 100%", 'a"b', "Ünïcödé", "plain"):
        answer = server.create(download_pb2.DownloadParams(image="case", name=name))
        parts = urlsplit(answer.download_id.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=HANG)
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        response.read()
        header = response.headers["Content-Disposition"]
        connection.close()
        assert header.isascii(), header
        expected = name.replace('"', "_") + ".zip"
        message = Message()  # the parser of the standard library, which takes filename* as RFC 2231 has it
        message["Content-Disposition"] = header.replace('filename="', 'old="')
        assert message.get_filename() == expected, header
        simple = header.split('filename="')[1].split('"')[0]
        assert "%" not in simple
        assert simple.endswith(".zip")


def test_the_client_keeps_the_letters_of_a_servers_name_and_nothing_unsafe() -> None:
    cases = {
        "反射率.zip": "反射率.zip",
        "NUL.tif": "_NUL.tif",
        "a:stream.tif": "a_stream.tif",
        "../../b.npy": "b.npy",
        "..\\c.npy": "c.npy",
        "ab\u202efit.exe": "ab_fit.exe",
        "می\u200cشود.tif": "می\u200cشود.tif",
        ".hidden": "hidden",
        "": "download",
    }
    for proposed, expected in cases.items():
        assert plain_name(proposed) == expected, proposed
    assert len(plain_name("雲" * 300 + ".tif").encode()) <= 255
    assert plain_name("雲" * 300 + ".tif").endswith("雲.tif")
