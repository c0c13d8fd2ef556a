"""Files of a server's own disk: the kernel sends them over HTTP, and gRPC reads each byte once."""

import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, served
from waiting import until

SIDE = 1100


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "catalog").mkdir()
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(tmp_path / "catalog/a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as service:
        yield service


def test_each_byte_of_a_file_is_read_or_sent_once(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    download = server.create(download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_GEO_TIFF)).download_id
    data = server.read(download)
    counts = {"sendfile": 0, "preadv": 0, "pread": 0}

    def counted(name: str, size: Callable[[Any], int]) -> None:
        function = getattr(os, name)

        def count(*arguments: Any) -> Any:
            answer = function(*arguments)
            counts[name] += size(answer)
            return answer

        monkeypatch.setattr(os, name, count)

    counted("sendfile", int)
    counted("preadv", int)
    counted("pread", len)
    assert server.read(download) == data
    assert counts["preadv"] + counts["pread"] == len(data)
    assert counts["sendfile"] == 0
    counts |= {"preadv": 0, "pread": 0}
    with urllib.request.urlopen(download.url, timeout=HANG) as answer:
        assert answer.read() == data
    # the last bytes may be here before the call that sent them is counted
    until(lambda: counts, {"sendfile": len(data), "preadv": 0, "pread": 0})
