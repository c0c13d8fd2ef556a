"""What a catalog names leads to no server that the operator did not allow: nothing comes to a guarded port."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

import fault_proxy as faults
from cases import every
from fault_proxy import FaultServer, guarded_port
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import attempts, configure, loop
from rasterwire.files.sources import source_of as covering_source
from rasterwire.files.sources.addresses import AddressRules, parse_target
from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.https import HttpClient
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.remote import RemoteSource
from rasterwire.files.sources.settings import SourceSettings

PUBLIC = "127.0.0.2"
"""Stands for a public address: the one network that the operator's list allows."""

LOOPBACKS = (
    "http://127.0.0.1:{port}/a.tif",
    "http://localhost:{port}/a.tif",
    "http://LOCALHOST:{port}/a.tif",
    "http://localhost.:{port}/a.tif",
    "http://127.1:{port}/a.tif",
    "http://127.0.1:{port}/a.tif",
    "http://2130706433:{port}/a.tif",
    "http://0x7f000001:{port}/a.tif",
    "http://0x7f.0.0.1:{port}/a.tif",
    "http://0x7f.1:{port}/a.tif",
    "http://0177.0.0.1:{port}/a.tif",
    "http://017700000001:{port}/a.tif",
    "http://127.0.0.1.:{port}/a.tif",
    "http://0:{port}/a.tif",
    "http://0.0.0.0:{port}/a.tif",
    "http://[::ffff:127.0.0.1]:{port}/a.tif",
    "http://[::ffff:7f00:1]:{port}/a.tif",
    "http://[::1]:{port}/a.tif",
    "http://[::]:{port}/a.tif",
    "http://[::127.0.0.1]:{port}/a.tif",
    "http://[64:ff9b::7f00:1]:{port}/a.tif",
    "http://[2002:7f00:1::]:{port}/a.tif",
    "http://[127.0.0.1]:{port}/a.tif",
    "http://[::1%25lo]:{port}/a.tif",
    "http://user@127.0.0.1:{port}/a.tif",
    "http://user:word@127.0.0.1:{port}/a.tif",
    "http://files.example.org@127.0.0.1:{port}/a.tif",
    "http://files.example.org:80@127.0.0.1:{port}/a.tif",
    "http://127.0.0.1:{port}#@files.example.org/a.tif",
    "http://127.0.0.1:{port}\\@files.example.org/a.tif",
    "http:\\\\127.0.0.1:{port}\\a.tif",
    "http:/127.0.0.1:{port}/a.tif",
    "http:///127.0.0.1:{port}/a.tif",
    "http://①②⑦.⓪.⓪.①:{port}/a.tif",
    "http://127.0.0.1:{port}",
    "http://127.0.0.1:{port}?a.tif",
    "http://127.0.0.1%3a{port}/a.tif",
    "http://127.0.0.1:{port}/\r\nHost: files.example.org",
    " http://127.0.0.1:{port}/a.tif",
    "HTTP://127.0.0.1:{port}/a.tif",
    "//127.0.0.1:{port}/a.tif",
    "///127.0.0.1:{port}/a.tif",
    "\\\\127.0.0.1:{port}/a.tif",
    "https://127.0.0.1:{port}/a.tif",
    "ftp://127.0.0.1:{port}/a.tif",
    "gopher://127.0.0.1:{port}/a.tif",
    "file://127.0.0.1:{port}/etc/passwd",
    "file:///etc/passwd",
    "",
)

HOSTS = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0")


@pytest.fixture(autouse=True)
def _no_pauses_and_no_connections_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE_SECONDS", 0.0)
    yield
    loop.stop()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server at the public address; nobody may come to its port at the usual address."""
    with guarded_port() as port, _public_server(port) as running:
        yield running


def _public_server(port: int) -> FaultServer:
    try:
        return FaultServer(PUBLIC, port)
    except OSError:
        pytest.skip(f"{PUBLIC} is no address of this machine")


def settings_of(prefix: str) -> SourceSettings:
    return SourceSettings(prefix, private_addresses=(f"{PUBLIC}/32",), timeout_seconds=60, retries=0)


@every("address", LOOPBACKS)
def test_an_asset_does_not_lead_to_loopback(address: str) -> None:
    with guarded_port() as port:
        for prefix in ("http://", "https://"):
            source = make_sources([settings_of(prefix)])[prefix]
            with pytest.raises(SourceUnavailable) as caught:
                source.open(address.format(port=port))
            assert "127" not in str(caught.value)


@every("address", LOOPBACKS)
def test_a_redirect_does_not_lead_to_loopback(server: FaultServer, address: str) -> None:
    with guarded_port() as port:
        listed = tuple(name for host in HOSTS for name in (host, f"{host}:{port}", f"{host}:{server.port}"))
        href = server.put("/a.tif", bytes(100_000))
        for redirects in ("none", "same-host", listed):
            settings = replace(settings_of(server.url), redirects=redirects)
            source = make_sources([settings])[settings.prefix]
            server.faults.append(faults.redirect(_as_header(address.format(port=port))))
            with pytest.raises(SourceUnavailable) as caught:
                source.open(href)
            assert "127" not in str(caught.value)
            assert not server.faults


def _as_header(text: str) -> str:
    return text.replace("\r\n", " ").encode().decode("latin-1")


@every(
    "answers",
    [
        [["127.0.0.1"]],
        [["127.0.0.2", "127.0.0.1"]],
        [["127.0.0.1", "127.0.0.2"]],
        [["::1"]],
        [["::ffff:127.0.0.1"]],
        [["127.0.0.2", "::ffff:127.0.0.1"]],
        [["fe80::1%lo"]],
        [["not an address"]],
        [[]],
    ],
)
def test_a_name_with_an_address_that_is_not_allowed_is_not_opened(
    server: FaultServer, answers: list[list[str]]
) -> None:
    settings = settings_of(f"http://files.example.org:{server.port}/")
    source = _source(settings, answers)
    with pytest.raises(SourceUnavailable):
        source.open(f"{settings.prefix}a.tif")
    assert not server.requests


def test_a_name_that_leads_elsewhere_later_is_not_followed(server: FaultServer) -> None:
    server.put("/a.tif", bytes(1 << 20))
    settings = settings_of(f"http://files.example.org:{server.port}/")
    source = _source(settings, [[PUBLIC], ["127.0.0.1"]])
    file = source.open(f"{settings.prefix}a.tif")
    assert source.read(file, [(1 << 19, 5)]) == [bytes(5)]  # by the connection that was checked
    assert [request.headers["host"] for request in server.requests] == [f"files.example.org:{server.port}"] * 2
    loop.stop()  # closes it: the next one looks the name up again
    with pytest.raises(SourceUnavailable):
        source.read(file, [(1 << 19, 5)])
    assert len(server.requests) == 2


def _source(settings: SourceSettings, answers: Sequence[Sequence[str]]) -> RemoteSource:
    """Return a source whose names have other addresses each time they are looked up."""
    waiting = iter([*answers, *[answers[-1]] * 10])
    rules = AddressRules(settings.private_addresses, lambda host, port: next(waiting))
    return RemoteSource(settings, HttpClient(settings, rules=rules))


@every(
    ("redirects", "location", "is_followed"),
    [
        ("same-host", "http://files.example.org:{port}/b.tif", True),
        ("same-host", "http://FILES.example.org:{port}/b.tif", True),
        ("same-host", "/b.tif", True),
        ("same-host", "http://other.example.org:{port}/b.tif", False),
        ("same-host", "http://files.example.org/b.tif", False),
        ("same-host", "http://files.example.org:{other}/b.tif", False),
        ("same-host", "http://files.example.org.evil.example.org:{port}/b.tif", False),
        ("same-host", "http://files.example.org.:{port}/b.tif", False),
        ("none", "/b.tif", False),
        (("other.example.org:{port}",), "http://other.example.org:{port}/b.tif", True),
        (("other.example.org:{port}",), "http://files.example.org:{port}/b.tif", True),
        (("other.example.org:{port}",), "http://third.example.org:{port}/b.tif", False),
        (("other.example.org",), "http://other.example.org:{port}/b.tif", False),
        (("other.example.org:{port}",), "http://other.example.org:{other}/b.tif", False),
    ],
)
def test_a_redirect_goes_to_hosts_and_ports_that_are_named(
    server: FaultServer, redirects: str | tuple[str, ...], location: str, is_followed: bool
) -> None:
    with guarded_port(PUBLIC) as other:
        server.put("/b.tif", bytes(10))
        before = len(server.requests)
        names = {"port": server.port, "other": other}
        hosts = redirects if isinstance(redirects, str) else tuple(host.format(**names) for host in redirects)
        settings = replace(settings_of(f"http://files.example.org:{server.port}/"), redirects=hosts)
        source = _source(settings, [[PUBLIC]])
        server.faults.append(faults.redirect(location.format(**names)))
        if is_followed:
            assert source.open(f"{settings.prefix}a.tif").size == 10
        else:
            with pytest.raises(SourceUnavailable):
                source.open(f"{settings.prefix}a.tif")
        assert len(server.requests) == before + 1 + is_followed


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    origin, secure, plain = (
        parse_target(f"{start}.example.org/a.tif") for start in ("https://files", "https://other", "http://other")
    )
    settings = replace(settings_of("https://files.example.org/"), redirects=("other.example.org",))
    HttpClient(settings)._check_redirect(origin, secure)
    with pytest.raises(Failure):
        HttpClient(settings)._check_redirect(origin, plain)


@every(
    "address",
    [
        "https://files.example.org@127.0.0.1/a.tif",
        "https://files.example.org.evil.example.org/a.tif",
        "https://files.example.org:444/a.tif",
        "http://files.example.org/a.tif",
        "https://files.example.or/",
        "/etc/passwd",
    ],
)
def test_only_the_prefix_is_covered(address: str) -> None:
    configure(make_sources([settings_of("https://files.example.org/")]))
    try:
        with pytest.raises(SourceUnavailable, match="no source of this server's settings covers"):
            covering_source(address)
    finally:
        configure({})


@every(
    "address",
    [
        "https://files.example.org/open/../a.tif",
        "https://files.example.org/open/%2e%2e/a.tif",
        "https://files.example.org/open/.%2E/a.tif",
        "https://files.example.org/open/./a.tif",
        "https://files.example.org/open/..%2fa.tif",
        "https://files.example.org/open/b%2F..%2Fa.tif",
        "https://files.example.org/open/%2e%2e%5Ca.tif",
        "https://files.example.org/open/..;/a.tif",
        "https://files.example.org/open/..?a.tif",
        "https://files.example.org/open/..",
        "https://files.example.org/open/a b.tif",
        "https://files.example.org/open/ä.tif",
        "https://files.example.org/open/" + "a" * 8000,
        "https://files.example.org:0/open/a.tif",
        "https://files.example.org:65536/open/a.tif",
    ],
)
def test_paths_do_not_leave_the_prefix(address: str) -> None:
    with pytest.raises(Failure):
        parse_target(address)


PRIVATE = ["127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1"]
NEVER = [
    "0.0.0.0", "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1",
    "fec0::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:808:808::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fe80::1%2", "fd00::1%2", "::127.0.0.1",
]  # fmt: skip
GLOBAL = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def test_addresses_are_public_or_allowed() -> None:
    def allowed(rules: AddressRules, texts: Sequence[str]) -> list[str]:
        return [text for text in texts if rules.allows(ipaddress.ip_address(text))]

    mapped = [f"::ffff:{text}" for text in PRIVATE if "." in text] + ["64:ff9b::7f00:1", "64:ff9b::a01:203"]
    closed, opened = AddressRules(False), AddressRules(True)
    assert allowed(closed, GLOBAL) == GLOBAL
    assert allowed(closed, PRIVATE + mapped + NEVER) == []
    assert allowed(opened, GLOBAL + PRIVATE + mapped) == GLOBAL + PRIVATE + mapped
    assert allowed(opened, NEVER) == []
    listed = AddressRules(("10.0.0.0/8", "169.254.0.0/16", "fc00::/7"))
    assert allowed(listed, PRIVATE + mapped + NEVER) == [
        "10.1.2.3", "fc00::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "169.254.169.254", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
    ]  # fmt: skip


def test_what_resolvers_of_this_machine_read_as_loopback_is_refused() -> None:
    rules = AddressRules(False)
    for host in ("localhost", "127.1", "2130706433", "0x7f.1", "0"):
        with pytest.raises(Failure):
            rules.resolve(host, 80)
