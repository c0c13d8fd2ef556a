"""Addresses of downloads that are signed with keys of a file."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from rasterwire.server import addresses
from rasterwire.server.identity.settings import AuthSettings
from rasterwire.server.identity.url_keys import UrlSigner
from rasterwire.server.settings import BadSettings, Settings, load_settings
from rasterwire.v1 import download_pb2
from serving import Served, served

OLD, NEW = 64 * "a", 64 * "b"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "catalog").mkdir()
    (folder / "keys").write_text(f"# of tests\nnew {NEW}\nold {OLD}\n")
    profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(
        folder / "catalog" / "a.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile
    ) as a:
        a.write(np.ones((1, 6, 8), dtype="uint16"))
    auth = AuthSettings(url_keys_file=folder / "keys")
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "s", auth=auth)) as running:
        yield running


def created(server: Served) -> tuple[download_pb2.DownloadId, str, dict[str, str]]:
    """Return a download, and the path and the query of its address."""
    download = server.create(download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_NPY)).download_id
    address = urlsplit(download.url)
    return download, address.path, {name: values[0] for name, values in parse_qs(address.query).items()}


def status(server: Served, path: str, query: dict[str, str]) -> int:
    return ask(server, "GET", f"{path}?{urlencode(query)}")[0]


def signature(secret: str, name: str, download_id: str, expires: str) -> str:
    text = f"rasterwire getPixels 1\n{name}\n{download_id}\n{expires}"
    return hmac.new(bytes.fromhex(secret), text.encode(), hashlib.sha256).hexdigest()


def test_an_address_holds_a_signature_in_place_of_the_token(server: Served) -> None:
    download, path, query = created(server)
    assert download.token not in download.url
    expires = query["expires"]
    assert query == {
        "expires": f"{int(download.expire_time.ToDatetime(UTC).timestamp())}",
        "key": "new",
        "signature": signature(NEW, "new", download.name.partition("/")[2], expires),
    }
    code, _, body = ask(server, "GET", download.url.removeprefix(server.http))
    assert (code, body) == (200, server.read(download))
    assert status(server, path, {"token": download.token}) == 200, "a token is an address as well"


def test_every_key_of_the_file_is_taken_and_no_other(server: Served) -> None:
    download, path, query = created(server)
    name = download.name.partition("/")[2]
    for key, secret, expected in (("old", OLD, 200), ("new", OLD, 404), ("other", OLD, 404), ("", OLD, 404)):
        signed = query | {"key": key, "signature": signature(secret, key, name, query["expires"])}
        assert status(server, path, signed) == expected, key


def test_whatever_is_changed_of_an_address_makes_it_unknown(server: Served) -> None:
    _, path, query = created(server)
    _, other, _ = created(server)
    assert status(server, path, query) == 200
    assert status(server, other, query) == 404
    for name, value in (
        ("expires", f"{int(query['expires']) + 1}"),
        ("expires", f"0{query['expires']}"),
        ("key", "old"),
        ("signature", query["signature"][:-1]),
        ("signature", "\xe9" * 64),
        ("signature", ""),
    ):
        assert status(server, path, query | {name: value}) == 404, (name, value)
    for name in query:
        assert status(server, path, {key: value for key, value in query.items() if key != name}) == 404, name
    assert status(server, path, query | {"token": "0" * 32}) == 404


def test_an_address_ends_at_its_time(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    download, path, query = created(server)
    name, now = download.name.partition("/")[2], datetime.now(UTC).timestamp()
    earlier = f"{int(now) + 600}"
    signed = query | {"expires": earlier, "signature": signature(NEW, "new", name, earlier)}
    for seconds, expected in ((int(earlier) - 0.5, 200), (float(earlier), 404)):
        monkeypatch.setattr(addresses, "time", type("Clock", (), {"time": staticmethod(lambda at=seconds: at)}))
        assert status(server, path, signed) == expected


def test_keys_are_changed_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"old {OLD}")
    signer = UrlSigner(path)

    def query() -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(signer.sign("d", 100)).items()}

    before = query()
    for text, key, is_valid in (
        (f"new {NEW}\nold {OLD}", "new", True),
        ("no key", "new", True),
        (f"new {NEW}", "new", False),
    ):
        path.write_text(text)
        signer.reload()
        assert query()["key"] == key
        assert signer.is_valid("d", before, 99) is is_valid
        assert signer.is_valid("d", query(), 99)


@pytest.mark.parametrize(
    "text", ["", "# none", "id", "id abc", f"id {63 * 'a'}", f"id {65 * 'a'}", f"a {OLD}\na {NEW}"]
)
def test_a_file_that_is_wrong_is_told_without_its_secrets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(ValueError, match="key") as caught:
        UrlSigner(path)
    assert "aaa" not in str(caught.value)


def test_the_setting_needs_no_tenants_but_a_file(tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    (tmp_path / "keys").write_text(f"a {OLD}")
    config.write_text(f'[auth]\nurl_keys_file = "{tmp_path}/keys"')
    settings = load_settings(config, {"catalog": tmp_path})
    assert settings.auth.url_keys_file == tmp_path / "keys"
    assert settings.is_reloaded
    config.write_text('[auth]\nurl_keys_file = "/no/such"')
    with pytest.raises(BadSettings, match=r"^auth\.url_keys_file: '/no/such' is no file"):
        load_settings(config, {"catalog": tmp_path})
