"""Files of object stores: exact ranges of one version, whatever the store or the way to it does."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

import fault_proxy as faults
from cases import every
from fault_proxy import FaultServer
from rasterwire.errors import InvalidRequest, SourceUnavailable
from rasterwire.files.sources import HEAD_BYTES, ByteSource, attempts, loop, make
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from seaweed import Seaweed, seaweed

DATA = random.Random(61).randbytes(3 << 20)
SPANS = [(2 << 20, 700), (5, 10), ((2 << 20) + 1000, 50), (HEAD_BYTES - 5, 10), (len(DATA) - 3, 30)]
PARTS = [DATA[offset : offset + count] for offset, count in SPANS]


@pytest.fixture(autouse=True)
def _no_pauses_and_no_connections_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    yield
    loop.stop()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[Seaweed]:
    with seaweed() as running:
        yield running


def settings_of(server: FaultServer, prefix: str = "s3://rasters/") -> SourceSettings:
    return SourceSettings(prefix, server.url.rstrip("/"), timeout_seconds=60, retries=3)


def source_of(settings: SourceSettings) -> ByteSource:
    return make_sources([settings])[settings.prefix]


def problem_of(call: Callable[[], object]) -> str:
    """Return what is said of a file, after a look for what must not be in it."""
    with pytest.raises(SourceUnavailable) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(
            secret in repr(error) for secret in ("127.0.0", "http", "SECRET", "a.tif", "WRONGKEY", "testkey")
        )
        error = error.__cause__ or error.__context__
    return caught.value.problem


@every(("prefix", "path"), [("s3://rasters/", "/rasters/a.tif"), ("gs://rasters/", "/rasters/a.tif"),
                            ("az://rasters/", "/account/rasters/a.tif")])  # fmt: skip
def test_one_request_opens_an_object_and_spans_are_exact(prefix: str, path: str) -> None:
    with FaultServer() as server:
        server.put(path, DATA)
        settings = settings_of(server, prefix)
        if prefix == "az://rasters/":
            settings = replace(settings, endpoint=f"{settings.endpoint}/account")
        source = source_of(settings)
        file = source.open(f"{prefix}a.tif")
        assert (file.href, file.size, file.version, file.head) == (
            f"{prefix}a.tif", len(DATA), '"one"', DATA[:HEAD_BYTES]
        )  # fmt: skip
        assert len(server.requests) == 1
        assert source.read(file, SPANS) == PARTS
        assert len(server.requests) == 4
        assert {request.headers["if-match"] for request in server.requests[1:]} == {'"one"'}
        assert not any("authorization" in request.headers for request in server.requests)


@every("size", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1])
def test_objects_of_few_bytes_are_read(size: int) -> None:
    with FaultServer() as server:
        server.put("/rasters/a.tif", DATA[:size])
        source = source_of(settings_of(server))
        file = source.open("s3://rasters/a.tif")
        assert (file.size, file.head) == (size, DATA[: min(size, HEAD_BYTES)])
        assert source.read(file, [(0, size + 1)]) == [DATA[:size]]


@every(
    "fault",
    [
        faults.status(503),
        faults.status(500),
        faults.status(429),
        faults.reset,
        faults.cut,
        faults.cut_without_length,
    ],
)
def test_what_passes_is_tried_again_and_no_byte_is_wrong(fault: faults.Fault) -> None:
    with FaultServer() as server:
        server.put("/rasters/a.tif", DATA)
        source = source_of(settings_of(server))
        server.faults.extend([fault, fault])
        file = source.open("s3://rasters/a.tif")
        server.faults.extend([fault, fault])
        assert source.read(file, SPANS) == PARTS
        server.faults.extend([fault] * 20)
        problem_of(lambda: source.open("s3://rasters/a.tif"))


@every(
    ("fault", "words"),
    [
        (faults.status(404), "missing"),
        (faults.status(401), "does not allow"),
        (faults.status(403), "does not allow"),
        (faults.status(400), "status 400"),
        (faults.status(301), "another region"),
        (faults.shifted, "other bytes"),
        (faults.short_range, "other bytes"),
        (faults.whole, "does not answer requests for ranges"),
        (faults.without_range, "."),
    ],
)
def test_a_wrong_answer_is_a_clear_error(fault: faults.Fault, words: str) -> None:
    with FaultServer() as server:
        server.put("/rasters/a.tif", DATA)
        source = source_of(settings_of(server))
        file = source.open("s3://rasters/a.tif")
        server.faults.extend([fault] * 4)
        problem = problem_of(lambda: source.read(file, [(1 << 20, 100)]))
        assert words in problem or words == "."
        assert len(server.faults) == 3 or words == "."


@every("after", [('"two"', faults.DATE), ("", faults.DATE)])
@every("is_strict", [True, False])
def test_an_object_replaced_between_header_and_tile_is_an_error(after: tuple[str, str], is_strict: bool) -> None:
    with FaultServer(is_strict=is_strict) as server:
        server.put("/rasters/a.tif", DATA)
        source = source_of(settings_of(server))
        file = source.open("s3://rasters/a.tif")
        server.put("/rasters/a.tif", DATA[::-1], *after)
        assert "replaced" in problem_of(lambda: source.read(file, [(1 << 20, 100), (2 << 20, 10)]))


@every("fault", [faults.stall, faults.stall_in_body])
def test_a_silent_store_ends_at_the_deadline(fault: faults.Fault) -> None:
    with FaultServer() as server:
        server.put("/rasters/a.tif", DATA)
        source = source_of(replace(settings_of(server), deadline_seconds=0.2))
        server.faults.append(fault)
        assert "took too long" in problem_of(lambda: source.open("s3://rasters/a.tif"))


@every("fault", [faults.stall, faults.stall_in_body])
def test_a_silent_request_is_sent_again(fault: faults.Fault) -> None:
    with FaultServer() as server:
        server.put("/rasters/a.tif", DATA)
        source = source_of(replace(settings_of(server), timeout_seconds=0.2, deadline_seconds=600))
        server.faults.append(fault)
        assert source.open("s3://rasters/a.tif").head == DATA[:HEAD_BYTES]


@every("href", ["s3://rasters/../a.tif", "s3://rasters//a.tif", "s3://rasters/a/./b.tif", "s3://rasters/", "s3://r?x/a",
                "s3://user@rasters/a", "s3://127.0.0.1:80/a", "s3:///a", "s3://rasters/" + "a" * 2000])  # fmt: skip
def test_odd_addresses_are_refused_before_a_request(href: str) -> None:
    with FaultServer() as server:
        assert "address" in problem_of(lambda: source_of(settings_of(server, "s3://")).open(href))
        assert not server.requests


def test_keys_of_the_environment_are_used_where_the_settings_say_so(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("/rasters/a.tif", DATA)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ENVSECRET")
    source_of(settings_of(server)).open("s3://rasters/a.tif")
    source_of(replace(settings_of(server), credentials="env")).open("s3://rasters/a.tif")
    unsigned, signed = server.requests
    assert "authorization" not in unsigned.headers
    assert "Credential=ENVKEY/" in signed.headers["authorization"]


@every(
    ("scheme", "text", "words"),
    [
        ("s3", "", "aws_access_key_id"),
        ("s3", "[default]\nother = 1", "aws_access_key_id"),
        ("s3", "WRONGKEY", "aws_access_key_id"),
        ("az", "[default]\n", "account_name"),
        ("gs", "WRONGKEY", "service account"),
        ("s3", None, "cannot be read"),
    ],
)
def test_files_of_keys_are_checked_at_the_start(tmp_path: Path, scheme: str, text: str | None, words: str) -> None:
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        make_sources([SourceSettings(f"{scheme}://rasters/", credentials=str(path))] * 2)
    assert [violation.field for violation in caught.value.violations] == [
        "sources[0].credentials", "sources[1].credentials"
    ]  # fmt: skip
    assert words in str(caught.value)
    assert "WRONGKEY" not in str(caught.value)


def keys_file(path: Path, key: str, secret: str) -> str:
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    return str(path)


def s3_settings(store: Seaweed, credentials: str) -> SourceSettings:
    return SourceSettings("s3://rasters/", store.endpoint, "us-east-1", credentials)


def put(store: Seaweed, key: str, data: bytes) -> None:
    bucket = S3Store(
        "rasters",
        endpoint=store.endpoint,
        region="us-east-1",
        access_key_id=store.key,
        secret_access_key=store.secret,
        client_options={"allow_http": True},
    )
    obstore.put(bucket, key, data)


def test_a_real_store_gives_ranges_of_one_version(store: Seaweed, tmp_path: Path) -> None:
    put(store, "a b/ä%20.tif", DATA)
    source = source_of(s3_settings(store, keys_file(tmp_path / "keys", store.key, store.secret)))
    file = source.open("s3://rasters/a b/ä%20.tif")
    assert (file.size, file.head) == (len(DATA), DATA[:HEAD_BYTES])
    assert source.read(file, SPANS) == PARTS
    put(store, "a b/ä%20.tif", DATA[::-1])
    assert "replaced" in problem_of(lambda: source.read(file, SPANS))
    assert source.open(file.href).head == DATA[::-1][:HEAD_BYTES]
    put(store, "empty.tif", b"")
    assert source.open("s3://rasters/empty.tif").size == 0
    assert "missing" in problem_of(lambda: source.open("s3://rasters/nothing/a.tif"))


def test_a_real_store_refuses_wrong_keys_and_the_error_has_none(store: Seaweed, tmp_path: Path) -> None:
    put(store, "a.tif", DATA)
    wrong = keys_file(tmp_path / "keys", "WRONGKEY", store.secret)
    mistyped = keys_file(tmp_path / "more", store.key, "WRONGSECRET")
    for credentials in ("anonymous", wrong, mistyped):
        source = source_of(s3_settings(store, credentials))
        assert "does not allow" in problem_of(lambda source=source: source.open("s3://rasters/a.tif"))  # type: ignore[misc]
        assert "KEY" not in repr(source)


def test_a_file_of_google_is_the_json_of_a_service_account(server: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    names = ("client_email", "private_key", "private_key_id")
    path.write_text(json.dumps({**dict.fromkeys(names, ""), "disable_oauth": True}))
    server.put("/rasters/a.tif", DATA)
    source = source_of(replace(settings_of(server, "gs://rasters/"), credentials=str(path)))
    assert source.open("gs://rasters/a.tif").size == len(DATA)


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "find_spec", lambda name: None)
    with pytest.raises(InvalidRequest) as caught:
        make_sources([SourceSettings("https://a.example.org/"), SourceSettings("s3://rasters/")])
    assert [violation.field for violation in caught.value.violations] == ["sources[1].prefix"]
    assert "pip install 'rasterwire[remote]'" in str(caught.value)
