"""Earth Engine's batch requests: what they become, and their doors before a real server."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from cases import every
from graphs import call_node, constant_node, node_graph
from rasterwire.errors import InvalidExpression, InvalidRequest, Violation
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.earth_engine.batch_places import catalog_destinations
from rasterwire.server.earth_engine.batch_requests import BatchExport, BatchReader
from rasterwire.server.earth_engine.operations import operation_json
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportedFile, ExportFailure
from serving import Served, served
from waiting import until

IMAGE = node_graph(call_node("Image.load", id=constant_node("a")))
CLOUD = {"bucket": "results", "filenamePrefix": "kenya/ndvi"}
ID = "0123456789abcdef0123456789abcdef"

reader = BatchReader(["results", "drive"], {"images/": [DestinationSettings("assets", "/images")]})
plain_reader = BatchReader(["results"], {})


def body(**members: Any) -> dict[str, Any]:
    """Return a body as the client sends it, with other members."""
    return {
        "expression": IMAGE,
        "description": "ndvi",
        "fileExportOptions": {"fileFormat": "GEO_TIFF", "cloudStorageDestination": CLOUD},
    } | members


def tiff(**options: Any) -> dict[str, Any]:
    return body(
        fileExportOptions={"fileFormat": "GEO_TIFF", "cloudStorageDestination": CLOUD, "geoTiffOptions": options}
    )


def drive(**destination: Any) -> dict[str, Any]:
    return body(fileExportOptions={"fileFormat": "GEO_TIFF", "driveDestination": destination})


def asset(name: str, **options: Any) -> dict[str, Any]:
    destination = {"name": name} | ({"overwrite": True} if options.pop("overwrite", False) else {})
    members = body(assetExportOptions={"earthEngineDestination": destination} | options)
    del members["fileExportOptions"]
    return members


def read(members: dict[str, Any], by: BatchReader = reader) -> BatchExport:
    return by.read(json.loads(json.dumps(members)))


# -- requests -----------------------------------------------------------------------------------


def test_a_request_to_a_bucket_becomes_an_export_to_the_destination_of_its_name() -> None:
    request_id = str(uuid.uuid4())
    batch = read(body(requestId=request_id, maxPixels={"value": "1000000000000"}, priority={"value": 5}))
    params, download = batch.export.params, batch.export.download
    assert (params.destination, params.prefix, params.description) == ("results", "kenya/ndvi", "ndvi")
    assert (params.request_id, params.max_pixels, params.priority) == (request_id, 10**12, 5)
    assert (params.file_side, params.overwrite, batch.ignored) == (0, True, [])
    assert download.params.format == download_pb2.FORMAT_GEO_TIFF
    assert download.params.mask == download_pb2.MASK_NODATA
    assert batch.export.message().download.expression.values


def test_what_a_request_does_not_say_is_left_to_the_export() -> None:
    params = read(body()).export.params
    assert (params.max_pixels, params.HasField("priority"), params.request_id) == (0, False, "")


def test_a_request_id_that_is_no_uuid_becomes_always_the_same_one() -> None:
    first, second, other = (read(body(requestId=name)).export.params.request_id for name in ("x", "x", "y"))
    assert first == second != other
    assert str(uuid.UUID(first)) == first


@every(
    ("width", "height", "side", "is_told"),
    [
        (512, 512, 512, False),
        (10240, 10240, 10240, False),
        (500, 600, 256, True),
        (1000, 1000, 768, True),
        (4096, 1024, 1024, True),
        (1, 1, 256, True),
        (65536, 65536, 32768, True),
    ],
)
def test_dimensions_of_files_become_squares_of_at_most_their_size(
    width: int, height: int, side: int, is_told: bool
) -> None:
    batch = read(tiff(tileDimensions={"width": width, "height": height}))
    assert batch.export.params.file_side == side
    assert [f"of {width} x {height} becomes {side} x {side}" in sentence for sentence in batch.ignored] == [
        True
    ] * is_told


@every(("value", "nodata"), [(0, 0.0), (-9999.5, -9999.5), ("NaN", np.nan), ("-Infinity", -np.inf)])
def test_a_nodata_value_is_that_of_the_files(value: object, nodata: float) -> None:
    params = read(tiff(noData={"floatValue": value})).export.download.params
    np.testing.assert_array_equal(params.nodata, nodata)


def test_files_are_cloud_optimized_where_they_shall_be() -> None:
    sides = {"width": 256, "height": 256}
    for options, is_cloud_optimized in (({"cloudOptimized": True}, True), ({}, False)):
        download = read(tiff(tileDimensions=sides, **options)).export.download
        assert download.params.cloud_optimized is is_cloud_optimized


def test_a_grid_of_the_body_is_the_grid_of_the_export() -> None:
    grid = {"crsCode": "EPSG:32610", "affineTransform": {"scaleX": 10, "scaleY": -10, "translateX": 5}}
    download = read(body(grid=grid)).export.download.params
    assert (download.crs, list(download.crs_transform)) == ("EPSG:32610", [10, 0, 5, 0, -10, 0])


@every(
    ("members", "told"),
    [
        (tiff(skipEmptyFiles=True), "geoTiffOptions.skipEmptyFiles"),
        (tiff(tileSize={"value": 128}), "geoTiffOptions.tileSize"),
        (tiff(metadataKeys=["a"]), "geoTiffOptions.metadataKeys"),
        (body(workloadTag="x"), "workloadTag"),
        (body(maxWorkers={"value": 3}), "maxWorkers"),
        (body(somethingNew=1), "somethingNew"),
        (asset("projects/p/assets/images/a", pyramidingPolicy="MODE"), "assetExportOptions.pyramidingPolicy"),
        (asset("images/a", pyramidingPolicyOverrides={"b": "MIN"}), "assetExportOptions.pyramidingPolicyOverrides"),
    ],
)
def test_what_has_no_effect_is_told(members: dict[str, Any], told: str) -> None:
    (sentence,) = read(members).ignored
    assert f"{told} has no effect: " in sentence


def test_an_empty_workload_tag_is_not_told() -> None:
    assert read(body(workloadTag="")).ignored == []


@every(
    ("destination", "prefix"),
    [
        ({"folder": "maps", "filenamePrefix": "ndvi"}, "maps/ndvi"),
        ({"filenamePrefix": "ndvi"}, "ndvi"),
        ({"folder": "maps"}, "maps/ndvi"),
    ],
)
def test_folders_of_drive_are_prefixes_of_the_destination_of_that_name(
    destination: dict[str, Any], prefix: str
) -> None:
    params = read(drive(**destination)).export.params
    assert (params.destination, params.prefix, params.overwrite) == ("drive", prefix, True)


def test_assets_go_to_the_folder_whose_images_are_served_by_their_ids() -> None:
    params = read(asset("projects/my-project/assets/images/2026/ndvi")).export.params
    assert (params.destination, params.prefix, params.overwrite) == ("assets", "2026/ndvi", False)
    assert read(asset("images/ndvi", overwrite=True)).export.params.overwrite
    of_tenant = BatchReader([], {"": [DestinationSettings("assets", "/images")]}, "forestry")
    assert read(asset("projects/p/assets/forestry/ndvi"), of_tenant).export.params.prefix == "ndvi"


def test_destinations_within_folders_of_images_take_assets(tmp_path: Path) -> None:
    images, elsewhere = tmp_path / "images", tmp_path / "images-of-others"
    destinations = [
        DestinationSettings("bucket", objects="s3://bucket/images"),
        DestinationSettings("elsewhere", str(elsewhere)),
        DestinationSettings("inner", str(images / "exported")),
        DestinationSettings("outer", str(images)),
    ]
    places = catalog_destinations(destinations, {"": tmp_path / "others", "eo": images})
    assert {prefix: [place.name for place in several] for prefix, several in places.items()} == {
        "eo/": ["inner", "outer"]
    }


def test_assets_go_to_the_first_destination_that_is_for_the_tenant() -> None:
    tenants = ("forestry", "water")
    several = [DestinationSettings(f"of-{name}", "/images", tenants=(name,)) for name in tenants]
    several.append(DestinationSettings("of-all", "/images"))
    for tenant, name in (("forestry", "of-forestry"), ("water", "of-water"), ("other", "of-all")):
        params = read(asset(f"eo/{tenant}/ndvi"), BatchReader([], {"eo/": several}, tenant)).export.params
        assert (params.destination, params.prefix) == (name, "ndvi")


@every(
    ("members", "by", "field", "words"),
    [
        (body(fileExportOptions=None), reader, "fileExportOptions", "exactly one of"),
        (body(assetExportOptions={}), reader, "fileExportOptions", "exactly one of"),
        (body(fileExportOptions=3), reader, "fileExportOptions", "object"),
        (body(fileExportOptions={"fileFormat": "GEO_TIFF"}), reader, "fileExportOptions", "exactly one of"),
        (
            body(fileExportOptions={"fileFormat": "TF_RECORD_IMAGE", "cloudStorageDestination": CLOUD}),
            reader,
            "fileExportOptions.fileFormat",
            "'TF_RECORD_IMAGE' is not served; export as GEO_TIFF",
        ),
        (drive(filenamePrefix="a"), plain_reader, "fileExportOptions.driveDestination", "with the bucket results"),
        (drive(folder=5), reader, "fileExportOptions.driveDestination.folder", "text"),
        (drive() | {"description": ""}, reader, "fileExportOptions.driveDestination.filenamePrefix", "begin with"),
        (
            body(fileExportOptions={"fileFormat": "GEO_TIFF", "cloudStorageDestination": {"filenamePrefix": "a"}}),
            reader,
            "fileExportOptions.cloudStorageDestination.bucket",
            "is missing",
        ),
        (asset("images/a"), plain_reader, "assetExportOptions.earthEngineDestination.name", "takes no assets"),
        (asset("other/a"), reader, "assetExportOptions.earthEngineDestination.name", "begin it with 'images/'"),
        (asset("images/"), reader, "assetExportOptions.earthEngineDestination.name", "begin it with 'images/'"),
        (body(maxPixels={"value": "1e9"}), reader, "maxPixels", "'1e9' is no whole number"),
        (body(maxPixels={"value": True}), reader, "maxPixels", "no whole number"),
        (body(maxPixels={"value": "9" * 19}), reader, "maxPixels", "no whole number"),
        (body(priority={"value": 10000}), reader, "priority", "from 0 to 9999"),
        (body(priority={"value": -1}), reader, "priority", "from 0 to 9999"),
        (body(description=7), reader, "description", "text"),
        (body(requestId=[]), reader, "requestId", "text"),
        (tiff(noData={"floatValue": "x"}), reader, "fileExportOptions.geoTiffOptions.noData", "no number"),
        (tiff(tileDimensions=512), reader, "fileExportOptions.geoTiffOptions.tileDimensions", "width and height"),
        (
            tiff(tileDimensions={"width": 512}),
            reader,
            "fileExportOptions.geoTiffOptions.tileDimensions",
            "no whole number",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(
    members: dict[str, Any], by: BatchReader, field: str, words: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(members, by)
    (violation,) = raised.value.violations
    assert violation.field == field
    assert words in violation.description


def test_sentences_of_the_export_name_fields_of_the_body() -> None:
    error = InvalidRequest((Violation("max_pixels", "X", "set max_pixels, not file_side of some_image"),))
    (violation,) = read(body()).in_its_words(error).violations
    path = "fileExportOptions.geoTiffOptions.tileDimensions"
    assert violation.description == f"set maxPixels, not {path} of some_image"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(body(fileExportOptions=None, priority={"value": "x"}, maxPixels=0.5))
    assert {item.field for item in raised.value.violations} == {"fileExportOptions", "priority", "maxPixels"}


def test_a_body_without_an_expression_is_refused() -> None:
    with pytest.raises(InvalidExpression):
        read(body(expression=None))


def test_errors_of_the_export_are_told_in_words_of_the_body() -> None:
    names = ["destination", "prefix", "max_pixels", "download.nodata", "download.expression", "description"]
    error = InvalidRequest(tuple(Violation(name, "X", "x") for name in names))
    of_bucket = read(body()).in_its_words(error)
    place = "fileExportOptions.cloudStorageDestination"
    assert [violation.field for violation in of_bucket.violations] == [
        f"{place}.bucket",
        f"{place}.filenamePrefix",
        "maxPixels",
        "fileExportOptions.geoTiffOptions.noData",
        "expression",
        "description",
    ]
    of_asset = read(asset("images/a")).in_its_words(error)
    assert of_asset.violations[0].field == of_asset.violations[1].field
    assert of_asset.violations[0].field == "assetExportOptions.earthEngineDestination.name"


# -- operations ---------------------------------------------------------------------------------


def export(state: str, **values: Any) -> Export:
    message = Export(name=f"exports/{ID}", state=Export.State.Value(f"STATE_{state}"), **values)
    message.create_time.FromJsonString("2026-01-02T03:04:05.678Z")
    message.update_time.FromJsonString("2026-01-02T03:04:15Z")
    return message


def test_an_export_that_runs_is_an_operation_that_runs() -> None:
    running = export("RUNNING", description="ndvi", priority=5, attempt=1, parts_total=4, parts_done=1, bytes_done=7)
    running.start_time.FromJsonString("2026-01-02T03:04:05.500Z")
    operation = operation_json(running, "projects/p")
    assert operation["name"] == f"projects/p/operations/{ID}"
    assert operation["done"] is False
    assert {"error", "response"}.isdisjoint(operation)
    metadata = operation["metadata"]
    expected = {"state": "RUNNING", "type": "EXPORT_IMAGE", "description": "ndvi", "priority": 5, "attempt": 1}
    assert {key: metadata[key] for key in expected} == expected
    assert (metadata["progress"], metadata["batchEecuUsageSeconds"]) == (0.25, 9.5)
    assert metadata["createTime"] == "2026-01-02T03:04:05.678Z"
    assert metadata["startTime"] == "2026-01-02T03:04:05.500Z"
    assert "endTime" not in metadata
    (stage,) = metadata["stages"]
    assert (stage["completeWorkUnits"], stage["totalWorkUnits"]) == (1, "4")


@every(
    ("state", "is_done", "outcome"),
    [
        ("PENDING", False, ""),
        ("RUNNING", False, ""),
        ("CANCELLING", False, ""),
        ("SUCCEEDED", True, "response"),
        ("CANCELLED", True, "error"),
        ("FAILED", True, "error"),
    ],
)
def test_states_are_those_of_operations(state: str, is_done: bool, outcome: str) -> None:
    operation = operation_json(export(state), "projects/p")
    assert (operation["done"], operation["metadata"]["state"]) == (is_done, state)
    assert {"error", "response"} & operation.keys() == ({outcome} if outcome else set())


@every(
    ("reason", "code"),
    [("SOURCE_UNAVAILABLE", 9), ("FILE_EXISTS", 6), ("UPLOAD_GONE", 10), ("INTERNAL", 13), ("UNHEARD_OF", 13)],
)
def test_failures_have_codes_and_messages(reason: str, code: int) -> None:
    failed = export("FAILED", failure=ExportFailure(reason=reason, message="a sentence"))
    assert operation_json(failed, "projects/p")["error"] == {"code": code, "message": "a sentence"}


def test_files_are_told_once_they_are_all_there() -> None:
    files = [ExportedFile(key="x/a.tif"), ExportedFile(key="x/a.stac.json")]
    place = {"destination": "results", "prefix": "x/a"}
    succeeded, running = (export(state, files=files, **place) for state in ("SUCCEEDED", "RUNNING"))
    metadata = operation_json(succeeded, "projects/p")["metadata"]
    assert metadata["destinationUris"] == ["results/x/a.tif", "results/x/a.stac.json"]
    assert metadata["progress"] == 1.0
    assert "destinationUris" not in operation_json(running, "projects/p")["metadata"]
    listed = operation_json(export("SUCCEEDED", **place), "projects/p")
    assert listed["metadata"]["destinationUris"] == ["results/x/a"]


# -- doors --------------------------------------------------------------------------------------

SIDES = {"width": 40, "height": 30}
P = "/v1/projects/my-project"


@dataclass(frozen=True, slots=True)
class Batch:
    """A server that exports.

    Attributes:
        server: that runs.
        folder: where exports go.
        key: of the caller, "" where nobody is asked.
    """

    server: Served
    folder: Path
    key: str = ""

    def post(self, target: str, document: Any, key: str = "") -> tuple[int, Any]:
        return self.call("POST", target, json.dumps(document).encode(), key)

    def get(self, target: str, key: str = "") -> tuple[int, Any]:
        return self.call("GET", target, None, key)

    def call(self, method: str, target: str, content: bytes | None, key: str = "") -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        status, _, answer = ask(self.server, method, P + target, content, headers)
        return status, json.loads(answer)

    def started(self, key: str = "", **members: Any) -> str:
        """Start an export and return the path of its operation behind the project."""
        status, operation = self.post("/image:export", body(**members), key)
        assert status == 200, operation
        return str(operation["name"]).removeprefix("projects/my-project")

    def ended(self, name: str, state: str) -> Any:
        """Return an operation once it has come to a state that nothing follows."""
        until(lambda: self.get(name)[1]["metadata"]["state"], state)
        return self.get(name)[1]


def cloud(prefix: str, **options: Any) -> dict[str, Any]:
    destination = {"bucket": "results", "filenamePrefix": prefix}
    return {"fileFormat": "GEO_TIFF", "cloudStorageDestination": destination, "geoTiffOptions": options}


def make_catalog(folder: Path) -> np.ndarray[Any, Any]:
    """Write an image, and return its pixels."""
    folder.mkdir()
    pixels = np.arange(1, 2401, dtype="uint16").reshape(2, 30, 40)
    profile = {"count": 2, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0, **SIDES}
    with rasterio.open(folder / "a.tif", "w", "GTiff", transform=Affine(10, 0, 5e5, 0, -10, 4.6e6), **profile) as file:
        file.write(pixels)
    return pixels


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    folder = tmp_path_factory.mktemp("batch")
    make_catalog(folder / "catalog")
    place = DestinationSettings("results", str(folder / "results"))
    drive_place = DestinationSettings("drive", str(folder / "drive"))
    exports = ExportSettings((place, drive_place))
    settings = Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state", export=exports)
    with served(settings) as server:
        yield Batch(server, folder)


def test_an_image_is_exported_as_the_source_has_it(batch: Batch) -> None:
    name = batch.started(fileExportOptions=cloud("whole/a", noData={"floatValue": 7}))
    operation = batch.ended(name, "SUCCEEDED")
    assert operation["response"]
    assert "results/whole/a.tif" in operation["metadata"]["destinationUris"]
    with (
        rasterio.open(batch.folder / "results" / "whole" / "a.tif") as file,
        rasterio.open(batch.folder / "catalog" / "a.tif") as source,
    ):
        np.testing.assert_array_equal(file.read(), source.read())
        assert (file.nodata, file.transform, file.crs) == (7, source.transform, source.crs)


def test_an_export_to_drive_goes_to_the_folder(batch: Batch) -> None:
    options = {"fileFormat": "GEO_TIFF", "driveDestination": {"folder": "maps", "filenamePrefix": "b"}}
    batch.ended(batch.started(fileExportOptions=options), "SUCCEEDED")
    assert (batch.folder / "drive" / "maps" / "b.tif").is_file()


def test_a_request_that_comes_again_is_the_same_operation(batch: Batch) -> None:
    request_id = str(uuid.uuid4())
    first, second = (batch.started(requestId=request_id, fileExportOptions=cloud("again/a")) for _ in range(2))
    assert first == second
    status, answer = batch.post("/image:export", body(requestId=request_id, fileExportOptions=cloud("again/b")))
    assert status == 400
    assert "requestId: " in answer["error"]["message"]


def test_operations_are_listed_in_pages_the_newest_first(batch: Batch) -> None:
    names = [batch.started(fileExportOptions=cloud(f"listed/{number}")) for number in range(3)]
    pages, token = [], ""
    while True:
        status, page = batch.get(f"/operations?pageSize=2&pageToken={token}")
        assert status == 200
        pages.append([operation["name"].removeprefix("projects/my-project") for operation in page["operations"]])
        if not (token := page.get("nextPageToken", "")):
            break
    assert all(len(page) <= 2 for page in pages)
    assert [name for page in pages for name in page][:3] == names[::-1]
    for query in ("pageSize=x", "pageToken=x", "filter=done"):
        status, answer = batch.get(f"/operations?{query}")
        assert status == 400
        assert query.partition("=")[0] in answer["error"]["message"]


def test_a_cancelled_export_leaves_nothing(batch: Batch) -> None:
    grid = {"crsCode": "EPSG:32633", "affineTransform": {"scaleX": 0.02, "scaleY": -0.02}, "dimensions": None}
    grid["affineTransform"] |= {"translateX": 5e5, "translateY": 4.6e6}  # type: ignore[operator]
    grid["dimensions"] = {"width": 20000, "height": 15000}
    name = batch.started(fileExportOptions=cloud("large/a"), grid=grid, maxPixels={"value": "1000000000"})
    until(lambda: batch.get(name)[1]["metadata"]["state"], "RUNNING")
    assert batch.post(f"{name}:cancel", {}) == (200, {})
    operation = batch.ended(name, "CANCELLED")
    assert operation["error"] == {"code": 1, "message": "Cancelled."}
    assert not [path for path in batch.folder.glob("results/large/*") if path.is_file()]
    assert batch.post(f"{name}:cancel", {}) == (200, {})


@every("key", [ID, "unknown", "0" * 32])
def test_unknown_operations_are_not_found(batch: Batch, key: str) -> None:
    for status, answer in (batch.get(f"/operations/{key}"), batch.post(f"/operations/{key}:cancel", {})):
        assert status == 404
        assert answer["error"]["status"] == "NOT_FOUND"


@every(
    ("members", "words"),
    [
        (
            {"fileExportOptions": cloud("x") | {"cloudStorageDestination": {"bucket": "mine", "filenamePrefix": "x"}}},
            "fileExportOptions.cloudStorageDestination.bucket: no destination 'mine'; there are results, drive",
        ),
        ({"fileExportOptions": cloud("a b")}, "fileExportOptions.cloudStorageDestination.filenamePrefix: "),
        (
            {"maxPixels": {"value": "10"}},
            "maxPixels: the export has 1200 pixels, more than 10; ask for a smaller region or a coarser scale",
        ),
        ({"fileExportOptions": cloud("x", noData={"floatValue": 1e9})}, "fileExportOptions.geoTiffOptions.noData: "),
    ],
)
def test_the_export_itself_refuses_in_words_of_the_body(batch: Batch, members: dict[str, Any], words: str) -> None:
    status, answer = batch.post("/image:export", body(fileExportOptions=cloud("x")) | members)
    assert status == 400
    assert words in answer["error"]["message"]


def test_an_image_that_there_is_not_is_told_at_once(batch: Batch) -> None:
    missing = node_graph(call_node("Image.load", id=constant_node("nope")))
    status, answer = batch.post("/image:export", body(expression=missing))
    assert status == 400
    assert "nope" in answer["error"]["message"]


@every("kind", ["table", "video", "map", "videoMap", "classifier"])
def test_other_exports_say_that_they_are_not_there(batch: Batch, kind: str) -> None:
    status, answer = batch.post(f"/{kind}:export", {})
    assert (status, answer["error"]["message"]) == (
        400,
        f"{kind}:export: not implemented by this server; it exports images",
    )


def test_without_destinations_there_are_no_operations(tmp_path: Path) -> None:
    make_catalog(tmp_path / "catalog")
    settings = Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state")
    with served(settings) as server:
        plain = Batch(server, tmp_path)
        assert plain.get("/operations") == (200, {})
        assert plain.get(f"/operations/{ID}")[0] == 404
        assert plain.post(f"/operations/{ID}:cancel", {})[0] == 404
        status, answer = plain.post("/image:export", body())
        assert (status, answer["error"]["reason"]) == (409, "EXPORTS_NOT_SET")


def test_operations_of_another_tenant_do_not_exist(tmp_path: Path) -> None:
    make_catalog(tmp_path / "catalog")
    keys_file = tmp_path / "keys"
    keys = {name: add_key(keys_file, name) for name in ("mine", "them")}
    settings = Settings(
        tmp_path / "catalog",
        grpc_port=0,
        http_port=0,
        state_dir=tmp_path / "state",
        auth=AuthSettings(keys_file),
        tenants=(TenantSettings("mine", ("*",)), TenantSettings("them", ("*",))),
        export=ExportSettings(
            (
                DestinationSettings("results", str(tmp_path / "results")),
                DestinationSettings("drive", "/x", tenants=("them",)),
            )
        ),
    )
    with served(settings) as server:
        shared = Batch(server, tmp_path)
        name = shared.started(keys["mine"], fileExportOptions=cloud("a"))
        until(lambda: shared.get(name, keys["mine"])[1]["done"], wanted=True)
        assert (tmp_path / "results" / "mine" / "a.tif").is_file()
        assert shared.get(name, keys["them"])[0] == 404
        assert shared.post(f"{name}:cancel", {}, keys["them"])[0] == 404
        assert shared.get("/operations", keys["them"]) == (200, {"operations": []})
        assert len(shared.get("/operations", keys["mine"])[1]["operations"]) == 1
        for method, target in (("GET", "/operations"), ("GET", name), ("POST", "/image:export")):
            assert shared.call(method, target, b"{}" if method == "POST" else None)[0] == 401
        status, answer = shared.post("/image:export", drive(filenamePrefix="a"), keys["mine"])
        assert status == 400
        assert "with the bucket results" in answer["error"]["message"]
