"""Values of settings: sizes as texts, and values of the wrong type."""

from pathlib import Path

import pytest

from rasterwire.server.settings import BadSettings, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.mark.parametrize("name", ["cache_bytes", "max_bytes", "sandbox_bytes"])
def test_a_size_is_a_number_or_a_text_with_a_unit(config: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, size in (('"20 GiB"', 20 * 1024**3), ('"3KiB"', 3072), ("5000", 5000), ('"5000"', 5000)):
        config.write_text(f"{name} = {text}")
        assert getattr(load_settings(config, {}, needs_images=False), name) == size
    monkeypatch.setenv(f"RASTERWIRE_{name.upper()}", "2 MiB")
    assert getattr(load_settings(config, {}, needs_images=False), name) == 2 << 20


@pytest.mark.parametrize("value", ['"20 GB"', "true", '"0 GiB"', "-5", "1.5"])
def test_a_size_that_cannot_be_is_refused_with_its_name(config: Path, value: str) -> None:
    config.write_text(f"cache_bytes = {value}")
    with pytest.raises(BadSettings, match=r"^cache_bytes: .*(write it like 1000000000 or '20 GiB'|at least 1)$"):
        load_settings(config, {}, needs_images=False)


def test_texts_and_paths_are_no_numbers(config: Path) -> None:
    config.write_text("state_dir = 5\nhost = 7\npublic_url = true\naudit_file = 1.5\ncatalog = 3\n")
    with pytest.raises(BadSettings) as caught:
        load_settings(config, {})
    assert str(caught.value).splitlines() == [
        'audit_file: 1.5 is no text; write it in quotes, such as audit_file = "/a/path"',
        'catalog: 3 is no text; write it in quotes, such as catalog = "/a/path"',
        'host: 7 is no text; write it in quotes, such as host = "127.0.0.1"',
        'public_url: True is no text; write it in quotes, such as public_url = "https://images.example.org"',
        'state_dir: 5 is no text; write it in quotes, such as state_dir = "/a/path"',
    ]
