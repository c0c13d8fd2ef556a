"""Forms of a crs in text: every door accepts the same ones, with the right meaning."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.request import Request, urlopen

import numpy as np
import pyproj
import pytest
import rasterio
from odc.geo.crs import CRS

from effort import HANG
from graphs import World, call, evaluated
from rasterwire.catalog.bands import claimed_crs
from rasterwire.catalog.entry import Claim
from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.expression.coerce import coerce
from rasterwire.expression.language.values import Projection
from rasterwire.geo.crs import crs_name, parse_crs, transformer
from rasterwire.geo.region import geojson_region
from rasterwire.server.messages.convert import to_request
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2
from serving import Served, served

RADIUS = 6371007.181

MODIS_WKT = (  # as Earth Engine prints it, and as the registry of SR-ORG has it
    'PROJCS["MODIS Sinusoidal", \n  GEOGCS["WGS 84", \n    DATUM["WGS_1984", \n      SPHEROID["WGS 84", 6378137.0, '
    '298.257223563, AUTHORITY["EPSG","7030"]], \n      AUTHORITY["EPSG","6326"]], \n    PRIMEM["Greenwich", 0.0, '
    'AUTHORITY["EPSG","8901"]], \n    UNIT["degree", 0.017453292519943295], \n    AXIS["Longitude", EAST], \n    '
    'AXIS["Latitude", NORTH], \n    AUTHORITY["EPSG","4326"]], \n  PROJECTION["Sinusoidal"], \n  '
    'PARAMETER["semi_major", 6371007.181], \n  PARAMETER["semi_minor", 6371007.181], \n  '
    'PARAMETER["central_meridian", 0.0], \n  PARAMETER["false_easting", 0.0], \n  PARAMETER["false_northing", 0.0], \n'
    '  UNIT["m", 1.0], \n  AXIS["x", EAST], \n  AXIS["y", NORTH], \n  AUTHORITY["SR-ORG","6974"]]'
)

UTM = [
    "EPSG:32633",
    "epsg:32633",
    " EPSG:32633\n",
    "urn:ogc:def:crs:EPSG::32633",
    "URN:OGC:DEF:CRS:EPSG:10.092:32633",
    "urn:x-ogc:def:crs:EPSG:32633",
    "http://www.opengis.net/def/crs/EPSG/0/32633",
    "https://www.opengis.net/def/crs/EPSG/0/32633",
    "http://opengis.net/def/crs/EPSG/9.9.1/32633/",
    "http://www.opengis.net/gml/srs/epsg.xml#32633",
    "+proj=utm +zone=33 +datum=WGS84",
    "+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs +type=crs",
    "+init=epsg:32633",
    pyproj.CRS(32633).to_wkt("WKT1_ESRI"),
    pyproj.CRS(32633).to_wkt("WKT1_GDAL"),
    pyproj.CRS(32633).to_wkt("WKT2_2019"),
    pyproj.CRS(32633).to_json(),
]
LONLAT = [
    "EPSG:4326",
    "CRS:84",
    "OGC:CRS84",
    "urn:ogc:def:crs:OGC:1.3:CRS84",
    "urn:ogc:def:crs:OGC::CRS84",
    "urn:ogc:def:crs:CRS::84",
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "+proj=longlat +datum=WGS84 +no_defs",
]
MODIS = ["SR-ORG:6974", "sr-org:6974", MODIS_WKT, f"+proj=sinu +R={RADIUS}"]

REFUSED = {
    "http://example.com/def/crs/EPSG/0/32633": "CRS_NOT_PLAIN",
    "http://www.opengis.net.example.com/def/crs/EPSG/0/32633": "CRS_NOT_PLAIN",
    "http://www.opengis.net/def/crs/EPSG/0/32633?a": "CRS_NOT_PLAIN",
    "file:///etc/passwd": "CRS_NOT_PLAIN",
    "+proj=longlat +nadgrids=/etc/passwd": "CRS_NOT_PLAIN",
    "+proj=utm +zone=33 +geoidgrids=x.gtx": "CRS_NOT_PLAIN",
    "+init=/etc/passwd:1": "CRS_NOT_PLAIN",
    "+proj=longlat +ellps=@file": "CRS_UNKNOWN",
    "+proj=nothing": "CRS_UNKNOWN",
    "urn:ogc:def:crs:EPSG::999999": "CRS_UNKNOWN",
    "SR-ORG:1": "CRS_UNKNOWN",
    "EPSG:5773": "CRS_UNKNOWN",  # heights only
    "+" * 70_000: "CRS_TOO_LONG",
    "urn:ogc:def:crs:" + "A" * 60_000: "CRS_NOT_PLAIN",
}


def doors(text: str) -> dict[str, CRS | None]:
    """Return the crs that each door reads from a text."""
    params = download_pb2.DownloadParams(image="x", crs=text)
    params.bands.add(id="B1", crs=text)
    params.region.crs = text
    params.region.bounding_box.CopyFrom(download_pb2.BoundingBox(west=1, south=1, east=2, north=2))
    request, _ = to_request(params)
    member = {"type": "name", "properties": {"name": text}}
    polygon = {"type": "Point", "coordinates": [1, 1], "crs": member}
    projection = call("Projection", crs=text)
    printed = {"type": "Projection", "wkt": text, "transform": [1, 0, 0, 0, 1, 0]}
    projections = evaluated(projection), coerce(printed, "Projection", "crs", World())
    assert all(isinstance(item, Projection) for item in projections)
    return {
        "crs": request.grid.crs,
        "bands[0].crs": request.bands[0].grid.crs,
        "region.crs": request.region.crs if request.region else None,
        "region.geojson.crs": geojson_region(json.dumps(polygon), crs=None, geodesic=None).crs,
        "Projection": projections[0].crs,
        "Projection of WKT": projections[1].crs,
        "claim of STAC": claimed_crs(Claim(crs=text)),
    }


def test_every_door_reads_every_spelling() -> None:
    for expected, spellings in (("EPSG:32633", UTM), ("EPSG:4326", LONLAT)):
        for text in spellings:
            for door, crs in doors(text).items():
                assert crs is not None, (door, text)
                assert (crs_name(crs), crs == CRS(expected)) == (expected, True), (door, text)


def test_modis_is_on_its_sphere_in_every_spelling() -> None:
    for text in MODIS:
        for door, crs in doors(text).items():
            assert crs is not None
            for lon, lat in ((15.0, 45.0), (-170.0, -80.0), (0.0, 0.0), (120.5, 60.25)):
                x, y = transformer(CRS("EPSG:4326"), crs).transform(lon, lat)
                expected = RADIUS * math.radians(lon) * math.cos(math.radians(lat)), RADIUS * math.radians(lat)
                assert (x, y) == pytest.approx(expected, abs=1e-5), (door, text, lon, lat)
    systems = [parse_crs(text, "crs") for text in MODIS]
    assert all(crs == systems[0] for crs in systems)


def test_what_is_no_spelling_is_refused_at_every_door_with_its_reason() -> None:
    for text, reason in REFUSED.items():
        with pytest.raises(InvalidRequest) as caught:
            parse_crs(text, "crs")
        assert caught.value.violations[0].reason == reason, text[:60]
        assert len(caught.value.violations[0].description) < 400
        assert claimed_crs(Claim(crs=text)) is None
        with pytest.raises(InvalidExpression):
            evaluated(call("Projection", crs=text))
        params = download_pb2.DownloadParams(image="x", crs=text[:65_536])
        params.region.crs = text[:65_536]
        params.region.bounding_box.CopyFrom(download_pb2.BoundingBox(west=1, south=1, east=2, north=2))
        with pytest.raises(InvalidRequest) as caught:
            to_request(params)
        assert {violation.field for violation in caught.value.violations} == {"crs", "region.crs"}, text[:60]


def test_a_datum_that_is_not_known_is_not_taken_for_one_of_the_same_ellipsoid() -> None:
    loose = parse_crs("+proj=utm +zone=10 +ellps=clrk66", "crs")  # which PROJ finds to be like EPSG:26710
    assert not crs_name(loose).startswith("EPSG:")
    assert loose != CRS("EPSG:26710")
    assert crs_name(parse_crs("+proj=utm +zone=10 +datum=NAD27", "crs")) == "EPSG:26710"


def test_no_grid_is_ever_fetched_whatever_the_environment_says() -> None:
    code = (
        "import rasterwire.geo.crs, pyproj.network, os; "
        "print(pyproj.network.is_network_enabled(), os.environ['PROJ_NETWORK'])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PROJ_NETWORK": "ON"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == ["False", "OFF"]


# -- crs that are not tied to the earth --------------------------------------------------------

PIXELS = np.arange(48, dtype="uint16").reshape(6, 8)
UNTIED = {
    "site": 'LOCAL_CS["site",UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH]]',
    "feet": 'LOCAL_CS["works",UNIT["US survey foot",0.304800609601219],AXIS["X",EAST],AXIS["Y",NORTH]]',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("untied")
    (folder / "catalog").mkdir()
    place = rasterio.Affine(2, 0, 100, 0, -2, 60)
    for name, wkt in UNTIED.items():
        profile = {"count": 1, "width": 8, "height": 6, "dtype": "uint16", "crs": rasterio.crs.CRS.from_wkt(wkt)}
        with rasterio.open(folder / "catalog" / f"{name}.tif", "w", "GTiff", transform=place, **profile) as raster:
            raster.write(PIXELS, 1)
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


def test_the_own_crs_of_an_image_can_be_named_back(server: Served) -> None:
    for name in UNTIED:
        spellings = (
            server.catalog.GetImage(catalog_service_pb2.GetImageRequest(id=name), timeout=HANG).image.bands[0].grid.crs
        )
        assert "site" in spellings or "works" in spellings
        params = download_pb2.DownloadParams(image=name, crs=spellings, format=download_pb2.FORMAT_GEO_TIFF)
        params.crs_transform.extend([2, 0, 100, 0, -2, 60])
        params.dimensions.extend([8, 6])
        native = download_pb2.DownloadParams(image=name, format=download_pb2.FORMAT_GEO_TIFF)
        assert server.stream(params)[0] == server.stream(native)[0]
        part = download_pb2.DownloadParams(image=name, format=download_pb2.FORMAT_GEO_TIFF)
        part.region.crs = spellings
        part.region.bounding_box.CopyFrom(download_pb2.BoundingBox(west=104, south=50, east=108, north=58))
        with rasterio.MemoryFile(server.stream(part)[0]) as file, file.open() as raster:
            np.testing.assert_array_equal(raster.read(1), PIXELS[1:5, 2:4])


def test_an_image_that_is_not_tied_to_the_earth_hides_no_other_from_a_listing(server: Served) -> None:
    for path in ("/v1/projects/p/assets/site", "/v1/projects/p/assets:listAssets", "/v1/projects/p/assets"):
        with urlopen(Request(server.http + path), timeout=HANG) as answer:
            body = json.load(answer)
        assert answer.status == 200
        if "assets" in body:
            assert {asset["id"] for asset in body["assets"]} == set(UNTIED)
