"""Requests that the real clients sent, sent again as they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from earth_engine.shared_folder import shared_folder

pytestmark = pytest.mark.uninitialized

# Requests that name or hold what is not there: the answer is a sentence, by case and number of the request.
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
        for at, request in enumerate(document.get("requests") or ()):
            if "/thumbnails/" not in request["path"]:  # these name what the one before them made
                yield pytest.param(file.stem, at, request, id=f"{file.stem}-{at}")


@pytest.mark.parametrize(("case", "at", "recorded"), list(_recorded()))
def test_a_recorded_request_is_served_as_it_is(url: str, case: str, at: int, recorded: dict[str, Any]) -> None:
    kept = {k: v for k, v in recorded["headers"].items() if k.lower() not in {"host", "content-length", "connection"}}
    body = recorded.get("body")
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    answer = requests.request(recorded["method"], url + recorded["path"], headers=kept, data=data, timeout=300)
    if (case, at) in REFUSED or (case, at) in NOT_SERVED:
        wanted = REFUSED.get((case, at), (400, ""))[0]
        assert answer.status_code == wanted, answer.text
        assert answer.json()["error"]["code"] == wanted
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
