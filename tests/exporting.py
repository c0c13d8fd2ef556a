"""A running server with a destination for exports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, export_service_pb2, export_service_pb2_grpc
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from serving import Served, served

WIDTH, HEIGHT = 1300, 900

Params = download_pb2.DownloadParams


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running server with one destination.

    Attributes:
        server: itself.
        stub: of its exports.
        folder: where these go.
        catalog: of its images.
    """

    server: Served
    stub: Any
    folder: Path
    catalog: Path

    def create(self, download: Params, **values: object) -> Export:
        """Begin an export."""
        params = ExportParams(download=download, destination="results", **values)  # type: ignore[arg-type]
        request = export_service_pb2.CreateExportRequest(params=params)
        answer: Export = self.stub.CreateExport(request, timeout=HANG).export
        return answer

    def ended(self, name: str) -> Export:
        """Wait until an export has ended, and return it with its files."""
        for answer in self.stub.WatchExport(export_service_pb2.WatchExportRequest(name=name), timeout=HANG):
            last = answer.export
        assert last.end_time.seconds
        return self.get(name)

    def get(self, name: str) -> Export:
        answer: Export = self.stub.GetExport(export_service_pb2.GetExportRequest(name=name), timeout=HANG).export
        return answer

    def files(self) -> list[str]:
        """Return the names of all that is in the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


def make_catalog(folder: Path) -> Path:
    """Make two images of the same two bands with nodata."""
    folder.mkdir()
    random = np.random.default_rng(7)
    profile = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "crs": "EPSG:32610", "count": 2, "nodata": 0}
    transform = Affine(10, 0, 500_000, 0, -10, 4_100_000)
    for name in ("a", "c"):
        with rasterio.open(folder / f"{name}.tif", "w", dtype="uint16", transform=transform, **profile) as raster:
            raster.write(random.integers(0, 200, (2, HEIGHT, WIDTH)).astype("uint16"))
            raster.descriptions = ("red", "nir")
    return folder


@contextmanager
def exporter(tmp_path: Path, **settings: Any) -> Iterator[Exporter]:
    catalog = tmp_path / "catalog"
    if not catalog.exists():
        make_catalog(catalog)
    folder = tmp_path / "results"
    values: dict[str, Any] = {
        "catalog": catalog,
        "grpc_port": 0,
        "http_port": 0,
        "state_dir": tmp_path / "state",
        "export": ExportSettings((DestinationSettings("results", str(folder)),)),
    }
    with served(Settings(**(values | settings))) as server, grpc.insecure_channel(server.address) as channel:
        yield Exporter(server, export_service_pb2_grpc.ExportServiceStub(channel), folder, catalog)


def warped(**values: Any) -> Params:
    """Return a request whose pixels depend on where they lie to less than a pixel."""
    region = download_pb2.Region(
        bounding_box=download_pb2.BoundingBox(west=500_100, south=4_092_000, east=512_345, north=4_099_900),
        crs="EPSG:32610",
    )
    return Params(
        image="a",
        crs="EPSG:32611",
        scale=13.7,
        region=region,
        resampling=download_pb2.RESAMPLING_BILINEAR,
        format=download_pb2.FORMAT_GEO_TIFF,
        **values,
    )
