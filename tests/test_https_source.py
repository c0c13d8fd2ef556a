"""Files of HTTP servers: exact ranges of one version, whatever the server or the way to it does."""

import random
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

import fault_proxy as faults
from cases import every
from effort import HANG
from fault_proxy import FaultServer
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.files.sources import HEAD_BYTES, ByteSource, attempts, loop
from rasterwire.files.sources.addresses import AddressRules
from rasterwire.files.sources.https import HttpClient
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.remote import RemoteSource
from rasterwire.files.sources.settings import SourceSettings

DATA = random.Random(16).randbytes(3 << 20)
SPANS = [(2 << 20, 700), (5, 10), ((2 << 20) + 1000, 50), (HEAD_BYTES - 5, 10), (len(DATA) - 3, 3)]


@pytest.fixture(autouse=True)
def _no_pauses_and_no_connections_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    yield
    loop.stop()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def settings_of(server: FaultServer) -> SourceSettings:
    return SourceSettings(server.url, private_addresses=True, timeout_seconds=60, retries=3)


def source_of(settings: SourceSettings) -> ByteSource:
    return make_sources([settings])[settings.prefix]


def problem_of(call: Callable[[], object]) -> str:
    """Return what is said of a file, after a look for what must not be in it."""
    with pytest.raises(SourceUnavailable) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in repr(error) for secret in ("127.0.0", "http:", "SECRET", "/a.tif", "TOKEN"))
        error = error.__cause__ or error.__context__
    return caught.value.problem


def parts(spans: list[tuple[int, int]]) -> list[bytes]:
    return [DATA[offset : offset + count] for offset, count in spans]


def test_one_request_opens_a_file_and_spans_are_exact(server: FaultServer) -> None:
    source, href = source_of(settings_of(server)), server.put("/a.tif", DATA)
    file = source.open(href)
    assert (file.href, file.size, file.version, file.head) == (href, len(DATA), '"one"', DATA[:HEAD_BYTES])
    assert len(server.requests) == 1
    assert source.read(file, SPANS) == parts(SPANS)
    sent = sorted(request.headers["range"] for request in server.requests[1:])
    assert sent == [
        f"bytes={2 << 20}-{(2 << 20) + 1049}",
        f"bytes={len(DATA) - 3}-{len(DATA) - 1}",
        f"bytes={HEAD_BYTES - 5}-{HEAD_BYTES + 4}",
    ]
    assert {request.headers["if-match"] for request in server.requests[1:]} == {'"one"'}
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


def test_spans_in_the_head_and_past_the_end_cost_no_request(server: FaultServer) -> None:
    source = source_of(settings_of(server))
    file = source.open(server.put("/a.tif", DATA))
    assert source.read(file, [(0, 4), (100, 50), (len(DATA), 9), (9, 0)]) == [DATA[:4], DATA[100:150], b"", b""]
    assert len(server.requests) == 1
    assert source.read(file, [(len(DATA) - 5, 100)]) == [DATA[-5:]]


@every("size", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1])
def test_files_of_few_bytes_are_read(size: int) -> None:
    with FaultServer() as server:
        source = source_of(settings_of(server))
        file = source.open(server.put("/a.tif", DATA[:size]))
        assert (file.size, file.head) == (size, DATA[: min(size, HEAD_BYTES)])
        assert source.read(file, [(0, size + 1)]) == [DATA[:size]]


@every(
    "fault",
    [
        faults.status(503),
        faults.status(500),
        faults.status(502),
        faults.status(504),
        faults.status(429, Retry_After="0"),
        faults.reset,
        faults.cut,
        faults.cut_without_length,
    ],
)
def test_what_passes_is_tried_again_and_no_byte_is_wrong(fault: faults.Fault) -> None:
    with FaultServer() as server:
        source, href = source_of(settings_of(server)), server.put("/a.tif", DATA)
        server.faults.extend([fault, fault])
        file = source.open(href)
        assert len(server.requests) == 3
        server.faults.extend([fault, fault])
        assert source.read(file, SPANS) == parts(SPANS)
        server.faults.extend([fault] * 9)
        problem_of(lambda: source.open(href))
        # A request and three more. Each is sent again at once where a kept connection was closed meanwhile.
        assert len(server.faults) == 5 or (fault is faults.reset and 1 <= len(server.faults) <= 5)


@every(
    ("fault", "words"),
    [
        (faults.status(404), "missing"),
        (faults.status(410), "missing"),
        (faults.status(401), "does not allow"),
        (faults.status(403), "does not allow"),
        (faults.status(400), "status 400"),
        (faults.status(207), "status 207"),
        (faults.shifted, "other bytes"),
        (faults.short_range, "other bytes"),
        (faults.longer, "other bytes"),
        (faults.longer_without_length, "other bytes"),
        (faults.whole, "does not answer requests for ranges"),
        (faults.whole_without_length, "does not answer requests for ranges"),
        (faults.without_range, "does not tell which bytes"),
        (faults.without_size, "does not tell which bytes"),
        (faults.compressed, "compressed"),
        (faults.redirect("/b.tif"), "redirects"),
    ],
)
def test_a_wrong_answer_is_a_clear_error_at_once(fault: faults.Fault, words: str) -> None:
    with FaultServer() as server:
        source, href = source_of(settings_of(server)), server.put("/a.tif", DATA)
        server.faults.append(fault)
        assert words in problem_of(lambda: source.open(href))
        file = source.open(href)
        server.faults.append(fault)
        assert words in problem_of(lambda: source.read(file, [(1 << 20, 100)]))
        assert len(server.requests) == 3


@every("fault", [faults.whole, faults.whole_without_length])
@every("size", [0, 1, 5000, HEAD_BYTES])
def test_a_small_file_may_come_whole(fault: faults.Fault, size: int) -> None:
    with FaultServer() as server:
        source, href = source_of(settings_of(server)), server.put("/a.tif", DATA[:size])
        server.faults.append(fault)
        file = source.open(href)
        assert (file.size, file.head) == (size, DATA[:size])
        server.faults.append(fault)
        assert source.read(replace(file, head=b""), [(100, 50)]) == [DATA[100:150][: max(0, size - 100)]]


@every(
    ("before", "after"),
    [
        (('"one"', faults.DATE), ('"two"', faults.DATE)),
        (('W/"one"', faults.DATE), ('W/"two"', faults.DATE)),
        (("", faults.DATE), ("", "Tue, 14 Nov 2023 22:13:21 GMT")),
        (("one", ""), ("two", "")),
        (('"one"', faults.DATE), ("", faults.DATE)),
    ],
)
@every("is_strict", [True, False])
def test_a_file_replaced_between_header_and_tile_is_an_error(
    before: tuple[str, str], after: tuple[str, str], is_strict: bool
) -> None:
    with FaultServer(is_strict=is_strict) as server:
        source = source_of(settings_of(server))
        file = source.open(server.put("/a.tif", DATA, *before))
        assert source.read(file, SPANS) == parts(SPANS)
        href = server.put("/a.tif", DATA[::-1], *after)
        assert "replaced" in problem_of(lambda: source.read(file, [(1 << 20, 100)]))
        assert source.read(source.open(href), [(1 << 20, 100)]) == [DATA[::-1][1 << 20 : (1 << 20) + 100]]


@every("is_strict", [True, False])
@every("size", [HEAD_BYTES + 1, len(DATA) - 1, len(DATA) * 2])
def test_without_etag_and_date_another_size_is_seen(size: int, is_strict: bool) -> None:
    with FaultServer(is_strict=is_strict) as server:
        source = source_of(replace(settings_of(server), immutable=True))  # which is not so
        file = source.open(server.put("/a.tif", DATA, "", ""))
        server.put("/a.tif", (DATA * 2)[:size], "", "")
        assert "replaced" in problem_of(lambda: source.read(file, [(1 << 20, 100)]))


def test_one_replaced_range_of_many_fails_the_read(server: FaultServer) -> None:
    # one after another: of requests at the same time, all may be answered before the file is replaced
    source = source_of(replace(settings_of(server), max_in_flight=1))
    file = source.open(server.put("/a.tif", DATA))

    def replace_then_serve(exchange: faults.Exchange) -> None:
        exchange.server.put("/a.tif", DATA[::-1], '"two"')
        faults.serve(exchange)

    server.faults.append(replace_then_serve)
    assert "replaced" in problem_of(lambda: source.read(file, [(1 << 20, 10), (2 << 20, 10), (3 << 19, 10)]))


@every("fault", [faults.stall, faults.stall_in_body])
def test_a_silent_server_ends_at_the_deadline(fault: faults.Fault) -> None:
    with FaultServer() as server:
        source = source_of(replace(settings_of(server), deadline_seconds=0.2))
        href = server.put("/a.tif", DATA)
        server.faults.append(fault)
        assert "took too long" in problem_of(lambda: source.open(href))
        assert len(server.requests) == 1


@every("fault", [faults.stall, faults.stall_in_body])
def test_a_silent_request_is_sent_again(fault: faults.Fault) -> None:
    with FaultServer() as server:
        source = source_of(replace(settings_of(server), timeout_seconds=0.2, deadline_seconds=600))
        href = server.put("/a.tif", DATA)
        server.faults.append(fault)
        assert source.open(href).head == DATA[:HEAD_BYTES]
        assert len(server.requests) == 2


def test_at_most_so_many_requests_are_in_flight(server: FaultServer) -> None:
    source = source_of(replace(settings_of(server), max_in_flight=2))
    file = source.open(server.put("/a.tif", bytes(20 << 20)))
    server.faults.extend([faults.stall, faults.stall])
    spans = [(number << 20, 10) for number in range(1, 20)]

    def read() -> None:
        with pytest.raises(RenderCancelled):
            source.read(file, spans)

    reader = threading.Thread(target=read)
    reader.start()
    assert server.stalls.acquire(timeout=HANG)
    assert server.stalls.acquire(timeout=HANG)
    assert len(server.requests) == 3
    assert server.most_at_once == 2
    loop.stop()  # cancels them
    reader.join()


def test_pauses_grow_at_random_and_heed_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.1)
    pauses = [[attempts._pause(number, 0.0) for _ in range(200)] for number in range(12)]
    for number, drawn in enumerate(pauses):
        longest = min(10.0, 0.1 * 2**number)
        assert 0 <= min(drawn) < longest * 0.2
        assert longest * 0.8 < max(drawn) <= longest
    assert 7.0 <= attempts._pause(0, 7.0) <= 7.1
    assert attempts._pause(0, 1e9) <= 60.1


def test_the_cause_is_told_where_a_pause_would_pass_the_deadline(server: FaultServer) -> None:
    source = source_of(replace(settings_of(server), deadline_seconds=30))
    href = server.put("/a.tif", DATA)
    server.faults.append(faults.status(503, Retry_After="59"))
    assert "status 503" in problem_of(lambda: source.open(href))
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_unreachable(server: FaultServer) -> None:
    with faults.guarded_port() as port:
        pass  # nobody listens there now
    settings = replace(settings_of(server), prefix=f"http://127.0.0.1:{port}/", retries=1)
    assert "cannot be reached" in problem_of(lambda: source_of(settings).open(f"{settings.prefix}a.tif"))


def test_redirects_are_followed_where_they_are_allowed(server: FaultServer) -> None:
    server.put("/b/b.tif", DATA)
    href = server.put("/a/a.tif", b"")
    settings = settings_of(server)
    same, listed = (replace(settings, redirects=to) for to in ("same-host", (f"127.0.0.1:{server.port}",)))
    for followed in (same, listed):
        for code in (301, 302, 303, 307, 308):
            server.faults.append(faults.redirect("../b/b.tif", code))
            assert source_of(followed).open(href).head == DATA[:HEAD_BYTES]
    server.faults.extend([faults.redirect("/b/b.tif")] * 5)
    assert source_of(same).open(href).size == len(DATA)
    server.faults.extend([faults.redirect("/b/b.tif")] * 6)
    assert "too many times" in problem_of(lambda: source_of(same).open(href))
    assert not server.faults


def test_headers_that_prove_who_asks_stay_with_the_server_of_the_prefix(server: FaultServer, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("[default]\nauthorization = Bearer TOKEN\n")
    with FaultServer() as other:
        other.put("/b.tif", DATA)
        href = server.put("/a.tif", DATA)
        settings = replace(settings_of(server), redirects=(f"127.0.0.1:{other.port}",), credentials=str(keys))
        source = source_of(settings)
        server.faults.append(faults.redirect(other.url + "b.tif"))
        assert source.open(href).size == len(DATA)
        assert server.requests[0].headers["authorization"] == "Bearer TOKEN"
        assert "authorization" not in other.requests[0].headers
        server.faults.append(faults.status(403))
        problem_of(lambda: source.open(href))
        assert "TOKEN" not in repr(source)


def add_token(href: str) -> str:
    return f"{href}?token=TOKEN"


def test_addresses_are_signed_just_before_a_request(server: FaultServer) -> None:
    source = source_of(replace(settings_of(server), sign=add_token))
    href = server.put("/a.tif", DATA)
    file = source.open(href)
    assert file.href == href
    assert source.read(file, SPANS) == parts(SPANS)
    assert {request.path for request in server.requests} == {"/a.tif?token=TOKEN"}

    def fail(href: str) -> str:
        raise RuntimeError(f"no TOKEN for {href}")

    settings = replace(settings_of(server), sign=fail)
    assert "could not be signed" in problem_of(lambda: source_of(settings).open(href))
    with faults.guarded_port() as port:
        settings = replace(settings_of(server), sign=lambda _: f"http://127.0.0.1:{port}/a.tif")
        assert "do not allow" in problem_of(lambda: source_of(settings).open(href))


def test_certificates_are_those_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout {key} "
        f"-out {certificate} -subj /CN=files.example.org -addext subjectAltName=DNS:files.example.org"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    rules = AddressRules(True, lambda host, port: ["127.0.0.1"])
    with FaultServer(context=context) as server:
        server.put("/a.tif", DATA)

        def open_at(host: str) -> bytes:
            settings = SourceSettings(f"https://{host}:{server.port}/", retries=0)
            return RemoteSource(settings, HttpClient(settings, rules=rules)).open(f"{settings.prefix}a.tif").head

        assert "certificate" in problem_of(lambda: open_at("files.example.org"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert open_at("files.example.org") == DATA[:HEAD_BYTES]
        assert "certificate" in problem_of(lambda: open_at("other.example.org"))


def test_files_of_headers_are_checked(tmp_path: Path) -> None:
    for text in ("", "authorization = x", "[default]\n", "[default]\nbad name = x", "[default]\na = \x00"):
        path = tmp_path / "keys"
        path.write_text(text)
        with pytest.raises(Exception, match="the file has no headers") as caught:
            make_sources([SourceSettings("https://a.example.org/", credentials=str(path))])
        assert "sources[0].credentials" in str(caught.value)


def test_a_source_goes_on_after_the_loop_was_stopped(server: FaultServer) -> None:
    source = source_of(settings_of(server))
    file = source.open(server.put("/a.tif", DATA))
    loop.stop()
    loop.stop()
    assert source.read(file, SPANS) == parts(SPANS)


def test_files_without_etag_and_date_are_refused_unless_they_never_change(server: FaultServer) -> None:
    """Another file of the same size would be taken for the same one."""
    href = server.put("/a.tif", DATA, etag="", date="")
    settings = settings_of(server)
    assert "neither an ETag nor a date" in problem_of(lambda: source_of(settings).open(href))
    source = source_of(replace(settings, immutable=True))
    assert source.read(source.open(href), SPANS) == [DATA[start : start + count] for start, count in SPANS]
    for etag, date in (('W/"weak"', ""), ("", faults.DATE), ('"strong"', "")):
        href = server.put("/a.tif", DATA, etag=etag, date=date)
        assert source_of(settings).open(href).size == len(DATA)
    assert source_of(settings).open(server.put("/a.tif", b"", etag="", date="")).size == 0


def test_names_that_are_not_looked_up_stop_no_other_source(server: FaultServer) -> None:
    asked: list[str] = []
    answer = threading.Event()

    def look_up(host: str, _port: int) -> list[str]:
        asked.append(host)
        answer.wait(HANG)
        return ["127.0.0.1"]

    slow = replace(settings_of(server), prefix="http://", timeout_seconds=0.2, retries=0, max_in_flight=64)
    client = HttpClient(slow, rules=AddressRules(True, look_up))
    source = RemoteSource(slow, client)
    hrefs = [f"http://name{number}.example/a.tif" for number in range(40)]
    problems: list[str] = []
    threads = [
        threading.Thread(target=lambda href=href: problems.append(problem_of(lambda: source.open(href))))
        for href in hrefs
    ]
    try:
        for thread in threads:
            thread.start()
        href = server.put("/a.tif", DATA)
        rules = AddressRules(True, lambda *_: ["127.0.0.1"])
        named = href.replace("127.0.0.1", "localhost")
        other = RemoteSource(settings_of(server), HttpClient(settings_of(server), rules=rules))
        assert other.open(named).size == len(DATA), "while all lookups of the first source wait"
        for thread in threads:
            thread.join(HANG)
        assert len(problems) == len(hrefs)
        assert all("looked up in time" in problem for problem in problems)
        assert len(asked) == 8
    finally:
        answer.set()
    assert "cannot be reached" in problem_of(lambda: eventually(source, "http://name.example:9/a.tif"))


def eventually(source: ByteSource, href: str) -> None:
    """Open a file; again where the threads of lookups have not ended yet."""
    for _ in range(1000):
        try:
            source.open(href)
        except SourceUnavailable as error:
            if "looked up" not in error.problem:
                raise


def test_an_address_that_is_not_signed_in_time_is_an_error(server: FaultServer) -> None:
    answer = threading.Event()

    def sign(url: str) -> str:
        answer.wait(HANG)
        return url

    href = server.put("/a.tif", DATA)
    settings = replace(settings_of(server), sign=sign, timeout_seconds=0.2, retries=0)
    assert "signed in time" in problem_of(lambda: source_of(settings).open(href))
    answer.set()
