"""Downloads as arrays."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from images import SCENE
from rasterwire.client import Client
from rasterwire.demo.scene import make_scene
from rasterwire.server.settings import Settings
from serving import served

PARAMS = {"image": SCENE, "bands": ["B3", "B8"], "region": [-122.0859, 37.0436, -122.0626, 37.0586], "scale": 10}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("arrays")
    make_scene(folder / "catalog")
    settings = Settings(folder / "catalog", grpc_port=0, http_port=-1, state_dir=folder / "state")
    with served(settings) as server, Client(server.address) as instance:
        yield instance


def test_numpy_and_rasterio_agree(client: Client) -> None:
    array = client.to_numpy(PARAMS)
    assert (array.dtype.names, array.shape) == (("B3", "B8"), (170, 209))
    opened = client.open_rasterio(PARAMS)
    gc.collect()  # the dataset alone has to keep the bytes
    assert opened.descriptions == ("B3", "B8")
    assert np.array_equal(opened.read(2), array["B8"])
    assert np.array_equal(opened.read(1), array["B3"])
    opened.close()


def test_xarray_has_names_and_coordinates(client: Client) -> None:
    array = client.to_xarray(PARAMS)
    assert list(array.band.values) == ["B3", "B8"]
    assert float(array.x[0]) == 581275
