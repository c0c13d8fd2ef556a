"""The ways to initialize the client with another server than Google's."""

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials

from earth_engine.initialized import PROJECT, initialized
from earth_engine.oracle import SCENE, array, fetched

pytestmark = pytest.mark.uninitialized


def _works() -> None:
    assert ee.Number(1).add(2).getInfo() == 3
    image = ee.Image(SCENE).select("B11")
    url = image.getDownloadURL({"region": [-122.08, 37.05, -122.079, 37.051], "scale": 20, "format": "NPY"})
    assert array(fetched(url)).dtype.names == ("B11",)


@pytest.mark.parametrize("suffix", ["", "/", "/a/prefix", "/a/prefix/"])
def test_any_form_of_the_address_will_do(url: str, suffix: str) -> None:
    with initialized(url + suffix):
        _works()


@pytest.mark.parametrize(
    "arguments",
    [
        {"credentials": Credentials("token")},
        {"credentials": Credentials("token", quota_project_id=PROJECT), "project": None},
        {"credentials": AnonymousCredentials()},
        {"cloud_api_key": "key"},
    ],
    ids=["a token", "the project of a token", "anonymous", "a key"],
)
def test_any_credentials_will_do(url: str, arguments: dict[str, object]) -> None:
    with initialized(url, **arguments):
        _works()


def test_the_key_goes_with_pictures_and_tiles(url: str) -> None:
    with initialized(url, cloud_api_key="a-key"):
        image = ee.Image(SCENE).select("B4")
        thumb = image.getThumbURL({"dimensions": 16, "min": 0, "max": 3000, "region": [-122.08, 37.05, -122.07, 37.06]})
        assert "key=a-key" in thumb
        assert fetched(thumb)[1:4] == b"PNG"
        tile = image.getMapId({"min": 0, "max": 3000})["tile_fetcher"].format_tile_url(659, 1591, 12)
        assert "key=a-key" in tile
        assert fetched(tile)[1:4] == b"PNG"


def test_without_a_project_the_client_asks_for_one(url: str) -> None:
    with pytest.raises(ee.EEException, match="no project found"), initialized(url, project=None):
        pass
