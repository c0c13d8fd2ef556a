"""Who reads files by HTTP takes places, of which each tenant gets some."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from effort import HANG
from rasterwire.server import readers as of_readers
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.peer import principal
from rasterwire.server.settings import Settings
from rasterwire.server.web import files
from serving import Served, served

PLACES = 4
"""That anybody may take; one more connection of a tenant finds another, and the rest is kept for others."""


def read(server: Served, key: str) -> tuple[int, Any, bytes]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"fileFormat": "NPY"}).encode()
    return ask(server, "POST", "/v1/projects/p/assets/one:getPixels", body, headers)


def test_a_tenant_whose_readers_stall_leaves_places_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "catalog").mkdir()
    profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "catalog/one.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile
    ) as f:
        f.write(np.ones((1, 6, 8), "uint16"))
    stalled, goes_on, send_body = threading.Semaphore(0), threading.Event(), files._body

    async def stall(*arguments: Any) -> None:
        caller = principal.get()
        assert caller is not None
        if caller.tenant == "many":
            stalled.release()
            await asyncio.to_thread(goes_on.wait, HANG)
        await send_body(*arguments)

    monkeypatch.setattr(files, "_body", stall)
    monkeypatch.setattr(of_readers, "_READERS", PLACES)
    keys = tmp_path / "keys"
    many, few = add_key(keys, "many"), add_key(keys, "few")
    settings = Settings(
        tmp_path / "catalog",
        grpc_port=0,
        http_port=0,
        state_dir=tmp_path / "state",
        auth=AuthSettings(keys),
        tenants=(TenantSettings("many", ("*",)), TenantSettings("few", ("*",))),
    )
    with served(settings) as server, ThreadPoolExecutor(PLACES + 1) as pool:
        try:
            stalling = [pool.submit(read, server, many) for _ in range(PLACES + 1)]
            for _ in stalling:
                assert stalled.acquire(timeout=HANG)
            status, headers, answer = read(server, many)
            assert (status, json.loads(answer)["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
            assert headers["Retry-After"]
            assert read(server, few)[0] == 200
        finally:
            goes_on.set()
        assert {answer.result(HANG)[0] for answer in stalling} == {200}
        assert read(server, many)[0] == 200, "the places are free again"
