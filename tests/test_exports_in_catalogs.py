"""Exports whose destination lies in a folder of images: what they write is an image, and hides none."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import rasterio

from asking import ask
from effort import HANG
from exporting import Exporter, exporter, make_catalog
from graphs import call_node, constant_node, node_graph
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.export_conflicts import catalogs_around
from rasterwire.v1 import catalog_service_pb2, download_pb2, export_service_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from serving import Refusal, refusal
from waiting import until

Params = download_pb2.DownloadParams


@pytest.fixture(scope="module")
def within(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """A server whose exports go into its folder of images, or a folder in that."""
    folder = tmp_path_factory.mktemp("within")
    catalog = make_catalog(folder / "catalog")
    (catalog / "scene").mkdir()
    (catalog / "scene" / "B1.tif").write_bytes((catalog / "a.tif").read_bytes())
    places = DestinationSettings("results", str(catalog)), DestinationSettings("inner", str(catalog / "exported"))
    with exporter(folder, export=ExportSettings(places)) as running:
        yield Exporter(running.server, running.stub, catalog, catalog)


def refused(running: Exporter, prefix: str, **values: Any) -> Refusal:
    """Return how a request is refused; a dry run is refused alike."""
    fields: dict[str, Any] = {"download": Params(image="c"), "prefix": prefix, "destination": "results"} | values
    params = ExportParams(**fields)
    refusals = []
    for is_dry in (False, True):
        params.validate_only = is_dry
        with pytest.raises(grpc.RpcError) as caught:
            running.stub.CreateExport(export_service_pb2.CreateExportRequest(params=params), timeout=HANG)
        refusals.append(refusal(caught.value))
    assert refusals[0] == refusals[1]
    return refusals[0]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("destination", "prefix"), [("results", "a"), ("inner", "a"), ("inner", "scene")])
def test_an_export_that_would_hide_an_image_is_refused(
    within: Exporter, destination: str, prefix: str, overwrite: bool
) -> None:
    before = within.files()
    answer = refused(within, prefix, destination=destination, overwrite=overwrite)
    assert answer.fields == {"prefix": "IMAGE_EXISTS"}
    assert f"{prefix!r} is an image of this server, which the export would hide; choose another" in answer.message
    assert within.files() == before


def test_what_is_wrong_with_the_download_is_told_beside_it(within: Exporter) -> None:
    download = Params(image="c", bands=[download_pb2.BandSpec(id="Z")])
    assert set(refused(within, "a", download=download).fields) == {"prefix", "download.bands[0].id"}


def test_a_file_of_an_image_that_no_export_wrote_is_not_replaced(within: Exporter) -> None:
    answer = refused(within, "scene/B1", overwrite=True)
    assert answer.fields == {"prefix": "IMAGE_EXISTS"}
    assert "'scene/B1.tif' is a file of the catalog that no export wrote" in answer.message


def image_of(running: Exporter, image_id: str) -> Any:
    request = catalog_service_pb2.GetImageRequest(id=image_id)
    try:
        return running.server.catalog.GetImage(request, timeout=HANG).image
    except grpc.RpcError as error:
        assert refusal(error).code is grpc.StatusCode.NOT_FOUND
        return None


def test_what_an_export_wrote_is_replaced_where_it_is_asked_for(within: Exporter) -> None:
    key = str(uuid.uuid4())
    first = within.create(Params(image="a"), prefix="made/x", request_id=key)
    assert within.ended(first.name).state == Export.STATE_SUCCEEDED
    until(lambda: image_of(within, "made/x") is not None, wanted=True)
    answer = refused(within, "made/x")
    assert answer.fields == {"prefix": "IMAGE_EXISTS"}
    assert "set overwrite to replace it" in answer.message
    assert within.create(Params(image="a"), prefix="made/x", request_id=key).name == first.name
    again = within.create(Params(image="c"), prefix="made/x", overwrite=True)
    assert within.ended(again.name).state == Export.STATE_SUCCEEDED
    with rasterio.open(within.folder / "made/x.tif") as made, rasterio.open(within.folder / "c.tif") as source:
        assert (made.read() == source.read()).all()
    assert "would hide" in refused(within, "made/x", destination="inner", overwrite=True).message


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["bucket", "asset"])
def test_earth_engine_is_refused_in_its_words(within: Exporter, kind: str, overwrite: bool) -> None:
    body: dict[str, Any] = {"expression": node_graph(call_node("Image.load", id=constant_node("c")))}
    field = "fileExportOptions.cloudStorageDestination.filenamePrefix"
    if kind == "bucket":
        place = {"bucket": "results", "filenamePrefix": "a"}
        body["fileExportOptions"] = {"fileFormat": "GEO_TIFF", "cloudStorageDestination": place}
    else:
        asset = {"name": "projects/p/assets/a", "overwrite": overwrite}
        body["assetExportOptions"] = {"earthEngineDestination": asset}
        field = "assetExportOptions.earthEngineDestination.name"
    headers = {"Content-Type": "application/json"}
    status, _, answer = ask(within.server, "POST", "/v1/projects/p/image:export", json.dumps(body).encode(), headers)
    assert status == 400
    assert (
        f"{field}: 'a' is an image of this server, which the export would hide"
        in json.loads(answer)["error"]["message"]
    )


def test_destinations_are_in_the_catalogs_of_their_folder_or_bucket(tmp_path: Path) -> None:
    bucket = DestinationSettings("bucket", objects="s3://maps/2026/exports/")
    catalogs = [
        CatalogSettings(CatalogKind.INDEX, source, prefix)
        for source, prefix in (
            ("s3://maps/2026", "YEAR"),
            ("s3://maps/20", "OTHER"),
            ("s3://maps/catalog.json", "STATIC"),
            ("s3://maps", "ALL"),
        )
    ]
    assert catalogs_around(bucket, {"": tmp_path}, catalogs) == ("YEAR", "ALL")
    folder = DestinationSettings("folder", str(tmp_path / "images" / "exported"))
    folders = {"": tmp_path / "other", "eo": tmp_path / "images", "all": tmp_path}
    assert catalogs_around(folder, folders, catalogs) == ("eo", "all")


def test_the_only_band_of_an_export_has_its_name_when_it_is_read_back(within: Exporter) -> None:
    params = Params(image="a", bands=[download_pb2.BandSpec(id="nir")])
    ended = within.ended(within.create(params, prefix="one/band").name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    until(lambda: image_of(within, "one/band") is not None, wanted=True)
    assert [band.id for band in image_of(within, "one/band").bands] == ["nir"]
    item = json.loads((within.folder / "one/band.stac.json").read_text())
    assert item["assets"]["nir"]["bands"] == [{"name": "nir", "data_type": "uint16", "nodata": 0}]
    assert item["assets"]["nir"]["href"] == "./band.tif"
    data, _ = within.server.stream(Params(image="one/band", format=download_pb2.FORMAT_NPY))
    original, _ = within.server.stream(Params(image="a", bands=params.bands, format=download_pb2.FORMAT_NPY))
    assert data == original


def test_files_that_would_each_be_bands_of_one_image_are_refused(within: Exporter) -> None:
    answer = refused(within, "tiles", file_side=256)
    assert answer.fields == {"file_side": "FILES_IN_CATALOG"}
    assert "leave file_side out, or export to another destination" in answer.message
