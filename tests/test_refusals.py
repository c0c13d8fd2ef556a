"""Refusals say what is the matter: the codec, the address, the part of the earth that a crs has."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable

PLACE = rasterio.Affine(10, 0, 500000, 0, -10, 5000000)


def write_tiff(path: Path, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": 1, "width": 8, "height": 8, "dtype": "uint8", "crs": "EPSG:32633", "transform": PLACE} | more
    with rasterio.open(path, "w", "GTiff", **profile) as made:
        made.write(np.ones((made.count, made.height, made.width), made.dtypes[0]))
    return path


def write_item(path: Path, assets: dict[str, Any], **properties: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": path.stem,
        "properties": {"datetime": "2020-01-01T00:00:00Z", **properties},
        "geometry": None,
        "links": [],
        "assets": assets,
    }
    path.write_text(json.dumps(item))
    return path


def with_compression(path: Path, code: int) -> None:
    """Write another number into the compression tag of the first directory of a little-endian TIFF."""
    data = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    for at in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        if struct.unpack_from("<H", data, at)[0] == 259:
            struct.pack_into("<H", data, at + 8, code)
    path.write_bytes(data)


def test_a_codec_that_this_build_lacks_is_named(tmp_path: Path) -> None:
    codecs = {
        50002: "JXL",
        52546: "JXL",
        34712: "JP2000",
        34892: "JPEG_LOSSY",
        34933: "PNG",
        9: "ITU T85|JBIG|JBIG_BW|TIFF compression 9",
        65123: "TIFF compression 65123",
        6: "JPEG of TIFF 6.0",
    }
    for code, name in codecs.items():
        with_compression(write_tiff(tmp_path / f"c{code}.tif"), code)
        with pytest.raises(SourceUnavailable) as caught:
            FolderCatalog(tmp_path).get(f"c{code}")
        said = str(caught.value)
        assert any(one in said for one in name.split("|")), (code, said)
        assert "DEFLATE" in said, said
        assert "damaged" not in said, said
        assert str(tmp_path) not in said, said


def test_a_file_address_in_the_folder_is_that_file(tmp_path: Path) -> None:
    root = tmp_path / "r oot"
    path = write_tiff(root / "item" / "ä b#.tif")
    link = tmp_path / "link"
    link.symlink_to(root)
    uri = path.as_uri()
    spelled = {
        "plain": uri,
        "localhost": uri.replace("file://", "file://localhost"),
        "capitals": uri.replace("file://", "FILE://LOCALHOST"),
        "short": uri.replace("file://", "file:"),
        "by_link": (link / "item" / "ä b#.tif").as_uri(),
    }
    for name, href in spelled.items():
        write_item(root / f"{name}.json", {"a": {"href": href}})
    for folder in (root, link):
        catalog = FolderCatalog(folder)
        for name in spelled:
            if name != "by_link" or folder == link:
                assert [band.name for band in catalog.get(name).bands] == ["a"], (name, folder)
    assert not [note for note in FolderCatalog(link).check() if note.image_id in spelled]


def test_a_file_address_elsewhere_is_no_band(tmp_path: Path) -> None:
    outside = write_tiff(tmp_path / "outside" / "secret.tif")
    root = tmp_path / "root"
    write_tiff(root / "x.tif")
    hrefs = {
        "outside": outside.as_uri(),
        "up": (root / "x.tif").as_uri().replace("x.tif", "../outside/secret.tif"),
        "encoded": (root / "x.tif").as_uri().replace("x.tif", "..%2Foutside%2Fsecret.tif"),
        "machine": (root / "x.tif").as_uri().replace("file://", "file://elsewhere.example"),
        "relative": "file:x.tif",
        "odd": "file://[/x.tif",
    }
    for name, href in hrefs.items():
        write_item(root / f"{name}.json", {"a": {"href": href, "type": "image/tiff"}})
    catalog = FolderCatalog(root)
    for name in hrefs:
        with pytest.raises(SourceUnavailable, match="none of its rasters is in the folder"):
            catalog.get(name)
    assert all(str(tmp_path) not in str(note) for note in catalog.check())
