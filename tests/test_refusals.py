"""Errors name the cause: the codec, the address, the area of use of a crs."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import InvalidRequest, SourceUnavailable
from rasterwire.plan import Limits, make_plan
from rasterwire.server.messages.convert import to_request
from rasterwire.v1 import download_pb2

PLACE = rasterio.Affine(10, 0, 500000, 0, -10, 5000000)


def write_tiff(path: Path, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": 1, "width": 8, "height": 8, "dtype": "uint8", "crs": "EPSG:32633", "transform": PLACE} | more
    with rasterio.open(path, "w", "GTiff", **profile) as raster:
        raster.write(np.ones((raster.count, raster.height, raster.width), raster.dtypes[0]))
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
    for offset in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        if struct.unpack_from("<H", data, offset)[0] == 259:
            struct.pack_into("<H", data, offset + 8, code)
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
        message = str(caught.value)
        assert any(option in message for option in name.split("|")), (code, message)
        assert "DEFLATE" in message, message
        assert "damaged" not in message, message
        assert str(tmp_path) not in message, message


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


# -- what has no place in a crs ----------------------------------------------------------------

HEIGHT = 35_785_831.0
DISK = f"+proj=geos +h={HEIGHT:.0f} +sweep=y +a=6378169 +b=6356583.8 +lon_0="


def planned(folder: Path, image: str, **more: Any) -> Any:
    params = download_pb2.DownloadParams(image=image, format=download_pb2.FORMAT_GEO_TIFF, **more)
    request, _ = to_request(params)
    return make_plan(request, FolderCatalog(folder).get(image), Limits()).rasters[0].grid


def write_disk(path: Path, lon: float) -> Path:
    place = rasterio.Affine(50_000, 0, -5_700_000, 0, -50_000, 5_700_000)
    crs = rasterio.crs.CRS.from_proj4(DISK + f"{lon:g}")
    return write_tiff(path, width=228, height=228, crs=crs, transform=place)


def test_a_full_disk_without_a_region_is_the_part_that_has_a_place(tmp_path: Path) -> None:
    # a satellite sees the equator up to the tangent from its orbit; source: plane trigonometry
    limb = math.degrees(math.acos(6378169 / (6378169 + HEIGHT)))
    for lon in (0.0, 140.7, -137.2, 57.5):
        write_disk(tmp_path / f"d{lon:g}.tif", lon)
        grid = planned(tmp_path, f"d{lon:g}", crs="EPSG:4326", scale=20_000)
        left, bottom, right, top = grid.extent.boundingbox.bbox
        pixel = 20_000 / 111319.49079327358
        middle = (left + right) / 2
        assert abs((middle - lon + 180) % 360 - 180) <= pixel, lon
        assert limb - 0.3 - pixel < (right - left) / 2 < limb + 0.05 + pixel, (lon, left, right)
        assert limb - 0.3 - pixel < top < limb + 0.5 + pixel, (lon, top)
        assert top == pytest.approx(-bottom, abs=pixel)
        dimensions = planned(tmp_path, f"d{lon:g}", crs="EPSG:4326", dimensions=[300])
        assert max(dimensions.shape) == 300


def test_the_earth_in_mercator_without_a_region_ends_where_mercator_is_used(tmp_path: Path) -> None:
    place = rasterio.Affine(1, 0, -180, 0, -1, 90)
    write_tiff(tmp_path / "earth.tif", width=360, height=180, crs="EPSG:4326", transform=place)
    left, bottom, right, top = planned(tmp_path, "earth", crs="EPSG:3857", scale=10_000).extent.boundingbox.bbox
    assert (left, right) == pytest.approx((-20_037_508, 20_037_508), abs=10_001)
    assert (bottom, top) == pytest.approx((-20_048_966, 20_048_966), abs=10_001)


def test_the_earth_around_a_pole_without_a_region_ends_where_the_crs_does(tmp_path: Path) -> None:
    place = rasterio.Affine(1, 0, -180, 0, -1, 90)
    write_tiff(tmp_path / "earth.tif", width=360, height=180, crs="EPSG:4326", transform=place)
    for code, latitude in ((3413, 60), (3031, -60), (6931, 0)):
        radius = math.hypot(*pyproj.Transformer.from_crs(4326, code, always_xy=True).transform(10, latitude))
        box = planned(tmp_path, "earth", crs=f"EPSG:{code}", scale=25_000).extent.boundingbox.bbox
        assert tuple(map(abs, box)) == pytest.approx((radius,) * 4, abs=25_001), code


def test_what_has_no_place_at_all_names_the_crs_and_no_region(tmp_path: Path) -> None:
    place = rasterio.Affine(0.01, 0, 100, 0, -0.01, 10)
    write_tiff(tmp_path / "far.tif", crs="EPSG:4326", transform=place)
    with pytest.raises(InvalidRequest) as caught:
        planned(tmp_path, "far", crs=DISK + "-75", scale=1000)
    for violation in caught.value.violations:
        assert (violation.field, violation.reason) == ("crs", "IMAGE_OUTSIDE_CRS")
        assert "smaller" not in violation.description
        assert "region" not in violation.description
    whole = planned(tmp_path, "far")
    assert whole.shape == (8, 8)


def test_a_region_beyond_a_crs_is_still_refused_as_one(tmp_path: Path) -> None:
    write_disk(tmp_path / "d.tif", 0)
    box = {"west": 90, "south": 0, "east": 120, "north": 10}
    region = download_pb2.Region(bounding_box=download_pb2.BoundingBox(**box))
    with pytest.raises(InvalidRequest) as caught:
        planned(tmp_path, "d", region=region)
    assert caught.value.violations[0].field == "region"
