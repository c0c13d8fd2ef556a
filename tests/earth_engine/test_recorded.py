"""Recorded requests of the real clients, sent again unchanged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from earth_engine.shared_folder import shared_folder

pytestmark = pytest.mark.uninitialized

# Requests for missing images or files, by case and number: the answer is an error with a sentence.
REFUSED = {
    ("js_k_region4", 0): (400, "a polygon of two points"),
    ("py_s2_bands_jsonstr", 0): (400, "a band whose name is a JSON text"),
    ("py_u6_format_garbage", 0): (400, "the file format FOO"),
    ("py_y3_getInfo_missing", 0): (404, "an asset that does not exist"),
    ("py_z14_crs_wkt", 0): (400, 'a coordinate reference system that says PROJCS["x"] and nothing else'),
}

# Requests that the server cannot serve, with the reason; the page on Earth Engine shows the same table.
NOT_SERVED: dict[tuple[str, int], str] = {}


def _recorded() -> Iterator[Any]:
    folder = shared_folder()
    for file in sorted((folder / "earth-engine" / "recorded").glob("*.json")) if folder else ():
        document = json.loads(file.read_text(encoding="utf-8"))
        for index, request in enumerate(document.get("requests") or ()):
            if "/thumbnails/" not in request["path"]:  # these refer to the result of the request before
                yield pytest.param(file.stem, index, request, id=f"{file.stem}-{index}")


@pytest.mark.parametrize(("case", "index", "recorded"), list(_recorded()))
def test_a_recorded_request_is_served_as_it_is(url: str, case: str, index: int, recorded: dict[str, Any]) -> None:
    headers = {
        k: v for k, v in recorded["headers"].items() if k.lower() not in {"host", "content-length", "connection"}
    }
    body = recorded.get("body")
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    answer = requests.request(recorded["method"], url + recorded["path"], headers=headers, data=data, timeout=300)
    if (case, index) in REFUSED or (case, index) in NOT_SERVED:
        expected_status = REFUSED.get((case, index), (400, ""))[0]
        assert answer.status_code == expected_status, answer.text
        assert answer.json()["error"]["code"] == expected_status
        assert " " in answer.json()["error"]["message"]
        return
    assert answer.status_code == 200, answer.text
    path = recorded["path"].partition("?")[0]
    if path.endswith("/thumbnails"):
        pixels = requests.get(f"{url}/v1/{answer.json()['name']}:getPixels", timeout=300)
        assert pixels.status_code == 200, pixels.text
        assert pixels.content
    elif path.endswith("/maps"):
        tile = requests.get(f"{url}/v1/{answer.json()['name']}/tiles/12/659/1591", timeout=300)
        assert tile.status_code == 200, tile.text


def test_there_are_recorded_requests(shared: Path) -> None:
    assert len(list((shared / "recorded").glob("*.json"))) > 100
