"""Exports by the Python client and by the command line."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import rasterio

from effort import HANG
from exporting import Exporter, exporter, warped
from rasterwire.client import AsyncClient, Client, ExportFailed, ExportOptions, InvalidParams, NotFound
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.principal import Quota
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.v1 import export_service_pb2
from rasterwire.v1.export_service_pb2 import Export
from serving import refusal


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter(tmp_path_factory.mktemp("client")) as server:
        yield server


def test_a_client_exports_and_is_told_how_far_it_is(running: Exporter) -> None:
    shown: list[Export] = []
    with Client(running.server.address) as client:
        dry = client.plan_export({"image": "a", "scale": 20}, "results/by-client", ExportOptions(file_side=256))
        assert dry.export.parts_total == 3 * 2 + 3
        assert dry.plan.rasters[0].grid.width == 650
        export = client.export(
            {"image": "a", "scale": 20}, "results/by-client", ExportOptions(file_side=256), progress=shown.append
        )
        assert export.state == Export.STATE_SUCCEEDED
        assert shown[-1].state == Export.STATE_SUCCEEDED
        assert [file.key for file in export.files if file.key.endswith(".tif")] == [
            f"by-client-{row:010}-{col:010}.tif" for row in (0, 256) for col in (0, 256, 512)
        ]
        assert next(client.list_exports()).name == export.name
        assert client.cancel_export(export.name).state == Export.STATE_SUCCEEDED
        with pytest.raises(ExportFailed, match="exists already"):
            client.export({"image": "a", "scale": 20}, "results/by-client", ExportOptions(file_side=256))
        with pytest.raises(NotFound):
            client.get_export("exports/" + "0" * 32)
        with pytest.raises(InvalidParams, match="destination"):
            client.create_export({"image": "a"}, "nowhere")


def test_the_client_for_asyncio_has_the_same_verbs(running: Exporter) -> None:
    async def run() -> None:
        async with AsyncClient(running.server.address) as client:
            export = await client.create_export(warped(), "results/by-asyncio")
            states = [watched.state async for watched in client.watch_export(export.name)]
            assert states[-1] == Export.STATE_SUCCEEDED
            assert (await client.get_export(export.name)).files
            assert (await client.plan_export(warped(), "results")).export.HasField("estimated_duration")
            assert (await client.cancel_export(export.name)).state == Export.STATE_SUCCEEDED
            assert export.name in {listed.name async for listed in client.list_exports()}

    asyncio.run(run())


def run(running: Exporter, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rasterwire.cli", *arguments, "--server", running.server.address]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)


def test_the_command_line_exports_watches_lists_shows_and_cancels(running: Exporter) -> None:
    dry = run(running, "export", "a", "--to", "results/by-cli", "--file-side", "512", "--dry-run")
    assert re.search(r"parts +9", dry.stdout), dry
    done = run(running, "export", "a", "--to", "results/by-cli", "--file-side", "512", "--watch", "--description", "x")
    assert done.returncode == 0, done
    assert "succeeded  9 of 9 parts" in done.stdout
    name = done.stdout.partition(" ")[0]
    with rasterio.open(running.folder / "by-cli.vrt") as mosaic, rasterio.open(running.catalog / "a.tif") as image:
        assert (mosaic.read() == image.read()).all()
    listed = run(running, "exports", "list")
    assert re.search(rf"{name} .* succeeded .* 9/9 .* results/by-cli  x", listed.stdout), listed
    assert run(running, "exports", "show", name).stdout == done.stdout
    ended = run(running, "exports", "cancel", name)
    assert (ended.returncode, ended.stdout) == (6, "")
    assert ended.stderr == f"{name} has succeeded already; nothing was cancelled\n"
    assert run(running, "exports", "watch", name).stdout == done.stdout
    again = run(running, "export", "a", "--to", "results/by-cli", "--file-side", "512", "--watch")
    assert again.returncode == 6, again
    assert "exists already" in again.stderr
    dry_again = run(running, "export", "a", "--to", "results/by-cli", "--file-side", "512", "--dry-run")
    assert re.search(r"there already +by-cli-0000000000-0000000000\.tif, .*; would make it fail", dry_again.stdout)
    over = run(running, "export", "a", "--to", "results/by-cli", "--file-side", "512", "--dry-run", "--overwrite")
    assert re.search(r"there already +.*by-cli\.stac\.json; would be replaced", over.stdout), over
    no_prefix = run(running, "export", "a", "--to", "results/a b")
    assert "--to: has to be names of letters, digits, ., _ and -" in no_prefix.stderr
    assert "regex" not in no_prefix.stderr
    refused = run(running, "export", "a", "-b", "Z", "--to", "nowhere", "--file-side", "300")
    assert refused.returncode == 3
    for option in ("--to: no destination 'nowhere'", "--file-side: has to be 0", "--band"):
        assert option in refused.stderr


def test_exports_of_another_tenant_do_not_exist_and_quotas_count(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys"
    keys = {name: add_key(keys_file, name) for name in ("mine", "them")}
    folder = tmp_path / "results"
    settings = {
        "auth": AuthSettings(keys_file),
        "tenants": (
            TenantSettings("mine", ("a",), quota=Quota(pixels_per_day=20_000_000, concurrent_exports=0)),
            TenantSettings("them", ("*",)),
        ),
        "export": ExportSettings(
            (DestinationSettings("results", str(folder)), DestinationSettings("own", str(folder), tenants=("mine",)))
        ),
    }
    with exporter(tmp_path, **settings) as running:
        with Client(running.server.address, api_key=keys["them"]) as them:
            export = them.export({"image": "a"}, "results/x", ExportOptions(file_side=1024))
            assert export.prefix == "them/x"
            assert {file.key.partition("/")[0] for file in export.files} == {"them"}
            with pytest.raises(InvalidParams, match=r"there are results \(request"):
                them.create_export({"image": "a"}, "own")
        with Client(running.server.address, api_key=keys["mine"]) as mine:
            assert list(mine.list_exports()) == []
            for ask in (mine.get_export, mine.cancel_export, lambda name: next(mine.watch_export(name))):
                with pytest.raises(NotFound) as caught:
                    ask(export.name)
                assert caught.value.reason == "EXPORT_NOT_FOUND"
            with pytest.raises(Exception, match="quota concurrent_exports: 0 of 0"):
                mine.create_export({"image": "a"}, "own")
            quotas = {quota.name: quota for quota in mine.limits().quotas}
            assert quotas["pixels_per_day"].used == 0
            assert (quotas["concurrent_exports"].limit, quotas["concurrent_exports"].used) == (0, 0)
        with pytest.raises(grpc.RpcError) as refused:
            running.stub.ListExports(export_service_pb2.ListExportsRequest(), timeout=HANG)
        assert refusal(refused.value).code is grpc.StatusCode.UNAUTHENTICATED
