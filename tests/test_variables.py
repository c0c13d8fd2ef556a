"""Variables of the environment that nothing reads are told, with what is likely meant."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from rasterwire.cli import variables
from rasterwire.cli.main import cli
from rasterwire.cli.variables import unread_variables
from rasterwire.server import settings
from rasterwire.server.process import app
from rasterwire.server.settings import Settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RASTERWIRE_")]:
        monkeypatch.delenv(name)


def told(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return {variable.name.removeprefix("RASTERWIRE_"): variable.remedy for variable in unread_variables(cli)}


def test_the_names_of_settings_are_those_that_a_server_reads() -> None:
    names = [name for name, field in Settings.__dataclass_fields__.items() if not field.metadata]
    assert [*variables._settings, *variables._tables] == names
    assert variables._tables == settings._tables


def test_what_is_misspelt_is_told_with_what_is_likely_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    misspelt = {
        "RASTERWIRE_STATEDIR": "STATE_DIR",
        "RASTERWIRE_HTPP_PORT": "HTTP_PORT",
        "RASTERWIRE_CACHE_BYTS": "CACHE_BYTES",
        "RASTERWIRE_SERVR": "SERVER",
        "RASTERWIRE_APIKEY": "API_KEY",
        "RASTERWIRE_CONFG": "CONFIG",
        "rasterwire_workers": "WORKERS",
    }
    remedies = told(dict.fromkeys(misspelt, "7"), monkeypatch)
    assert remedies == {
        name.removeprefix("RASTERWIRE_"): f"did you mean RASTERWIRE_{meant}? Else unset it"
        for name, meant in misspelt.items()
    }


def test_what_only_the_file_can_have_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    remedies = told({"RASTERWIRE_STORE_DATABASE": "secret", "RASTERWIRE_AUTH": "x", "RASTERWIRE_XQ": "y"}, monkeypatch)
    assert remedies == {
        "AUTH": "set what the table auth has in the file of --config",
        "STORE_DATABASE": "set what the table store has in the file of --config",
        "XQ": "no name of a setting is like it; unset it",
    }


def test_what_commands_read_and_what_kubernetes_sets_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    by_commands = set(re.findall(r"RASTERWIRE_[A-Z_]+[A-Z]", _reference_of_commands()))
    assert {"RASTERWIRE_SERVER", "RASTERWIRE_TLS", "RASTERWIRE_CA_FILE", "RASTERWIRE_CONFIG"} <= by_commands
    by_kubernetes = {
        "RASTERWIRE_SERVICE_HOST": "10.0.0.7",
        "RASTERWIRE_SERVICE_PORT": "8080",
        "RASTERWIRE_SERVICE_PORT_GRPC": "50051",
        "RASTERWIRE_PORT": "tcp://10.0.0.7:8080",
        "RASTERWIRE_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "RASTERWIRE_PORT_8080_TCP_ADDR": "10.0.0.7",
        "RASTERWIRE_PORT_8080_TCP_PORT": "8080",
        "RASTERWIRE_OTHER_SERVICE_HOST": "10.0.0.7",
        "RASTERWIRE_OTHER_PORT": "tcp://10.0.0.7:8080",
    }
    of_settings = {f"RASTERWIRE_{name.upper()}": "1" for name in variables._settings}
    assert not told(dict.fromkeys(by_commands, "1") | of_settings | by_kubernetes, monkeypatch)


def _reference_of_commands() -> str:
    return (Path(__file__).parents[1] / "docs" / "pages" / "reference" / "cli.md").read_text()


def test_a_server_logs_them_and_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served: list[Settings] = []
    monkeypatch.setattr(app, "serve", served.append)
    monkeypatch.setenv("RASTERWIRE_WORKER", "3")
    result = CliRunner().invoke(cli, ["serve", str(tmp_path)])
    assert result.exit_code == 0
    assert [settings.workers for settings in served] == [1]
    assert caplog.messages == [
        "the environment variable RASTERWIRE_WORKER is not read; did you mean RASTERWIRE_WORKERS? Else unset it"
    ]
    assert "Warning" not in result.output


def test_a_server_reads_the_config_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Settings] = []
    monkeypatch.setattr(app, "serve", served.append)
    config = tmp_path / "c.toml"
    config.write_text("workers = 2\n")
    monkeypatch.setenv("RASTERWIRE_CONFIG", str(config))
    assert CliRunner().invoke(cli, ["serve", str(tmp_path)]).exit_code == 0
    assert served[0].workers == 2


def test_other_commands_warn_and_doctor_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASTERWIRE_STATEDIR", "/x")
    result = CliRunner().invoke(cli, ["version"])
    assert result.stderr == (
        "Warning: the environment variable RASTERWIRE_STATEDIR is not read; did you mean RASTERWIRE_STATE_DIR? "
        "Else unset it\n"
    )
    result = CliRunner().invoke(cli, ["doctor", str(tmp_path / "none"), "--json"])
    assert json.loads(result.stdout)[0] == {
        "state": "warn",
        "subject": "environment",
        "figure": "RASTERWIRE_STATEDIR is not read",
        "remedy": "did you mean RASTERWIRE_STATE_DIR? Else unset it",
    }
