"""Tenants are read again from the config file while the server runs."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from effort import HANG
from rasterwire.principal import EVERYONE, Principal, Quota
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.process.identity_files import make_tenants, reload
from rasterwire.server.settings import load_settings


def write(folder: Path, tenants: str) -> Path:
    config = folder / "config.toml"
    config.write_text(f'catalog = "{folder}"\n[auth]\nkeys_file = "{folder / "keys"}"\n{tenants}')
    return config


def of(name: str, more: str = "") -> str:
    return f'[[tenants]]\nname = "{name}"\nprefixes = ["{name}"]\n{more}\n'


WRONG = ["", "[[tenants]]\n", of("a") + of("a"), of("a", "quota = 5"), of("a", "quota = {pixels = 5}"), "no TOML"]
WRONG += [of("a", "quota = {pixels_per_day = -1}"), of("a", 'quota = {bytes_per_day = "9999999999 TiB"}')]


def test_tenants_come_change_and_go_and_a_wrong_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(tmp_path / "keys", "a")
    tenants = make_tenants(load_settings(write(tmp_path, of("a") + of("b")), {}))
    assert tenants.get("a") == Principal("a", ("a",))
    write(tmp_path, of("a", 'quota = {pixels_per_day = 7, bytes_per_day = "1 KiB"}') + of("c"))
    tenants.reload()
    limited = Principal("a", ("a",), quota=Quota(7, 1024))
    assert (tenants.get("a"), tenants.get("b"), tenants.get("c")) == (limited, None, Principal("c", ("c",)))
    for text in WRONG:
        write(tmp_path, text)
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            tenants.reload()
        assert "those from before stay" in caplog.text
        assert tenants.get("a") == limited
        assert tenants.get("") is None
    (tmp_path / "config.toml").unlink()
    tenants.reload()
    assert tenants.get("a") == limited


def test_a_table_that_is_misspelt_is_named_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(tmp_path / "keys", "a")
    tenants = make_tenants(load_settings(write(tmp_path, of("a") + of("b")), {}))
    write(tmp_path, of("a") + of("b").replace("[[tenants]]", "[[tenant]]"))
    with caplog.at_level(logging.ERROR):
        tenants.reload()
    assert "tenant: there is no such setting; did you mean [[tenants]]?" in caplog.text
    assert tenants.get("b") == Principal("b", ("b",))


@pytest.mark.parametrize("has_tenants", [False, True])
def test_callers_are_recognised_or_not_until_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, has_tenants: bool
) -> None:
    add_key(tmp_path / "keys", "a")
    config = write(tmp_path, of("a"))
    some, none = config.read_text(), f'catalog = "{tmp_path}"\n'
    before, after = (some, none) if has_tenants else (none, some)
    config.write_text(before)
    tenants = make_tenants(load_settings(config, {}))
    config.write_text(after)
    with caplog.at_level(logging.ERROR):
        tenants.reload()
    assert "is for a restart" in caplog.text
    assert (tenants.get("a") is not None, tenants.get("")) == (has_tenants, None if has_tenants else EVERYONE)


@pytest.mark.parametrize("has_tenants", [False, True])
def test_what_needs_a_restart_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture, has_tenants: bool) -> None:
    add_key(tmp_path / "keys", "a")
    config = write(tmp_path, of("a") if has_tenants else "")
    if not has_tenants:
        config.write_text(f'catalog = "{tmp_path}"\n')
    settings = load_settings(config, {"threads": 1})
    text = config.read_text()
    with caplog.at_level(logging.INFO):
        reload(settings, make_tenants(settings))
    assert "restart:" not in caplog.text
    config.write_text("max_bands = 3\n" + text + '[telemetry]\ntraces = "none"\n' + (of("b") if has_tenants else ""))
    with caplog.at_level(logging.INFO):
        reload(settings, make_tenants(settings))
    assert "changed, and needs a restart: max_bands, telemetry.traces" in caplog.messages
    config.unlink()
    reload(settings)
    assert "the server goes on with what it has" in caplog.text


def test_without_tenants_everyone_is_one(tmp_path: Path) -> None:
    assert make_tenants(load_settings(None, {"catalog": str(tmp_path)})).get("") == EVERYONE


def test_sighup_has_a_server_read_its_tenants_and_open_its_audit_file_anew(tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "a")
    config, audit = write(tmp_path, of("a")), tmp_path / "audit"
    command = [sys.executable, "-m", "rasterwire.cli", "serve", "--config", str(config), "--grpc-port", "0"]
    command += ["--http-port", "-1", "--state-dir", str(tmp_path / "state")]
    environment = os.environ | {"RASTERWIRE_AUDIT_FILE": str(audit)}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stderr is not None
    try:
        assert any("serving" in line for line in server.stderr)
        audit.rename(tmp_path / "old")
        write(tmp_path, of("a") + of("b"))
        server.send_signal(signal.SIGHUP)
        assert any("read anew: 2 tenants" in line for line in server.stderr)
    finally:
        server.terminate()
        server.communicate(timeout=HANG)
    assert audit.exists()
