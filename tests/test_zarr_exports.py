"""Exports of Zarr stores, as zarr-python, xarray and rioxarray read them, beside GeoTIFFs of the same requests."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  the accessor ``rio``
import xarray as xr

from exporting import Exporter, exporter, warped
from rasterwire.v1 import download_pb2
from rasterwire.v1.export_service_pb2 import Export

Params = download_pb2.DownloadParams


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter(tmp_path_factory.mktemp("zarr")) as running_exporter:
        yield running_exporter


def as_zarr(params: Params) -> Params:
    copy = Params()
    copy.CopyFrom(params)
    copy.format = download_pb2.FORMAT_ZARR
    return copy


def stored(running: Exporter, params: Params) -> tuple[Path, Export]:
    """Export a request as a Zarr store, and return where it is."""
    prefix = f"stores/{uuid.uuid4().hex}"
    ended = running.ended(running.create(as_zarr(params), prefix=prefix).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    assert ended.parts_done == ended.parts_total == len(ended.files)
    return running.folder / f"{prefix}.zarr", ended


def test_xarray_opens_what_rasterio_reads_of_a_geotiff(running: Exporter, tmp_path: Path) -> None:
    params = warped(mask=download_pb2.MASK_NODATA)
    store, _ = stored(running, params)
    path = tmp_path / "whole.tif"
    path.write_bytes(running.server.stream(params)[0])
    with rasterio.open(path) as expected, xr.open_zarr(store, mask_and_scale=False) as cube:
        assert list(cube.data_vars) == ["red", "nir"]
        for index, name in enumerate(cube.data_vars, 1):
            array = cube[name]
            assert (array.dims, array.dtype) == (("y", "x"), expected.dtypes[index - 1])
            assert np.array_equal(array.values, expected.read(index))
            assert array.rio.nodata == expected.nodata
            assert array.rio.crs == expected.crs
            assert array.rio.transform() == expected.transform
            assert array.rio.transform(recalc=True).almost_equals(expected.transform)
