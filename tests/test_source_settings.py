"""Settings of sources, as the config file has them."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rasterwire.errors import Violations
from rasterwire.files.sources.settings import SourceSettings, read_sources


def read(text: str) -> tuple[tuple[SourceSettings, ...], Sequence[str]]:
    violations = Violations()
    sources = read_sources(tomllib.loads(text)["sources"], violations)
    return sources, [violation.field for violation in violations.items]


def sign(href: str) -> str:
    return href + "?signature"


def test_tables_become_settings() -> None:
    sources, fields = read(
        """
        [[sources]]
        prefix = "s3://eo/"
        endpoint = "https://s3.example.org/"
        region = "eu-central-1"
        credentials = "env"
        max_in_flight = 8
        timeout_seconds = 5
        retries = 0
        deadline_seconds = 30.5
        [[sources]]
        prefix = "https://data.example.org/open/"
        private_addresses = ["10.1.0.0/16", "fd00::/8"]
        redirects = ["cdn.example.org", "cdn.example.org:8443"]
        credentials = "/run/secrets/data"
        sign = "test_source_settings:sign"
        [[sources]]
        prefix = "https://"
        private_addresses = true
        redirects = "same-host"
        [[sources]]
        prefix = "az://container/"
        endpoint = "https://account.blob.core.windows.net"
        [[sources]]
        prefix = "http://[::1]:8080/"
        [[sources]]
        prefix = "gs://"
        """
    )
    assert fields == []
    assert sources[:3] == (
        SourceSettings(
            "s3://eo/", "https://s3.example.org", "eu-central-1", "env", False, "none", 8, 5.0, 0, 30.5, None
        ),
        SourceSettings(
            "https://data.example.org/open/",
            credentials="/run/secrets/data",
            private_addresses=("10.1.0.0/16", "fd00::/8"),
            redirects=("cdn.example.org", "cdn.example.org:8443"),
            sign=sources[1].sign,
        ),
        SourceSettings("https://", private_addresses=True, redirects="same-host"),
    )
    assert sources[1].sign is not None
    assert sources[1].sign("https://a") == "https://a?signature"
    assert [source.scheme for source in sources] == ["s3", "https", "https", "az", "http", "gs"]


def test_all_that_is_wrong_is_told_at_once_and_no_key_is_shown() -> None:
    violations = Violations()
    tables = [
        {"prefix": "ftp://eo", "region": "eu central"},
        {"region": "eu"},
        {"prefix": "s3://eo/", "credentials": "AKIASECRET", "endpoint": "https://user:AKIASECRET@s3.example.org"},
        {"prefix": "s3://eo/", "redirects": "same-host", "bucket": "eo", "max_in_flight": 0, "retries": True},
        {"prefix": "https://a.example.org/", "credentials": "env", "endpoint": "https://b", "timeout_seconds": "5"},
        {"prefix": "https://", "credentials": "/run/secrets/a", "redirects": ["https://b/"], "private_addresses": []},
        {"prefix": "https://a.example.org/", "sign": "os.path:nothing", "deadline_seconds": 0},
        {"prefix": "az://container/"},
        {"prefix": "https://b.example.org/", "private_addresses": ["10.0.0.1/8"]},
        "s3://eo/",
    ]
    assert read_sources(tables, violations) == ()
    assert sorted(violation.field for violation in violations.items) == sorted(
        f"sources{end}"
        for end in (
            "[0].prefix", "[0].region", "[1].prefix", "[2].credentials", "[2].endpoint", "[3].redirects", "[3].bucket",
            "[3].max_in_flight", "[3].retries", "[4].credentials", "[4].endpoint", "[4].timeout_seconds",
            "[5].credentials", "[5].redirects", "[5].private_addresses", "[6].sign", "[6].deadline_seconds",
            "[7].endpoint", "[8].private_addresses", "[9]",
        )
    )  # fmt: skip
    assert "AKIASECRET" not in str(violations.items)


def test_prefixes_end_where_a_name_ends() -> None:
    for prefix, whole in (("https://data.example.org", "https://data.example.org/"), ("s3://eo/a", "s3://eo/a/")):
        assert [source.prefix for source in read_sources([{"prefix": prefix}], Violations())] == [whole]
    for prefix in (
        "https://user@data.example.org/",
        "https://data.example.org/a/../b/",
        "https://data.example.org/?a=/",
        "https://Data.example.org/",
        "https://data.example.org./",
        "ftp://data.example.org/",
        "s3://",
        "/data/",
        "",
    ):
        violations = Violations()
        sources = read_sources([{"prefix": prefix}], violations)
        assert [source.prefix for source in sources] == (["s3://"] if prefix == "s3://" else []), prefix


def test_a_prefix_is_set_once() -> None:
    sources, fields = read("sources = [{prefix = 's3://eo/'}, {prefix = 'gs://eo/'}, {prefix = 's3://eo/'}]")
    assert [source.prefix for source in sources] == ["s3://eo/", "gs://eo/"]
    assert fields == ["sources[2].prefix"]
    assert read("sources = 3") == ((), ["sources"])


def test_the_page_about_sources_has_all_settings_with_their_defaults() -> None:
    page = (Path(__file__).parents[1] / "docs" / "pages" / "tasks" / "remote-files.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert list(rows) == [field.name for field in fields(SourceSettings)]
    values = {name: text.strip("`") for name, text in rows.items() if text[0] in "`0123456789"}
    told = {name: tomllib.loads(f"value = {text}")["value"] for name, text in values.items()}
    assert told.pop("region") == "us-east-1"
    assert told == {field.name: field.default for field in fields(SourceSettings) if field.name in told}
    assert len(told) == 8
    violations = Violations()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(read_sources(tomllib.loads(blocks[0])["sources"], violations)) == 3
    assert violations.items == []
