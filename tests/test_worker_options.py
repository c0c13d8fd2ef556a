"""What ``rasterwire worker`` says to options that it cannot work with, and servers to settings of Dask in vain."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from certificates import authority, signed
from dask_workers import WHY_NOT
from ports import free_port
from rasterwire.cli.main import cli
from rasterwire.server.dask_settings import DaskSettings
from rasterwire.server.process.engines import is_idle
from rasterwire.server.settings import Settings

pytest.importorskip("distributed", reason=WHY_NOT)

from rasterwire.server.process.render_worker import configure_dask

NOBODY = f"tcp://127.0.0.1:{free_port()}"


def said(folder: Path, *options: str, config: str = "") -> str:
    """Return what a worker says that does not start."""
    file = folder / "rasterwire.toml"
    file.write_text(f'state_dir = "{folder / "state"}"\n{config}')
    result = CliRunner().invoke(cli, ["worker", "--config", str(file), *options])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "dask.scheduler: it is not set; give --scheduler"),
        (["--scheduler", "foo"], "dask.scheduler: 'foo' is no address of a scheduler; write it like tls://"),
        (["--scheduler", "http://a:1"], "dask.scheduler: 'http://a:1' is no address"),
        (["--scheduler", "tcp://a:70000"], "dask.scheduler: 'tcp://a:70000' is no address"),
        (["--scheduler", "tcp://a:1:2"], "dask.scheduler: 'tcp://a:1:2' is no address"),
        (["--scheduler", "tls://a:1"], "dask.ca_file: it is not set"),
        (["--scheduler", NOBODY, "--host", "300.1.1.1"], "host: '300.1.1.1' is no address of this machine"),
        (["--scheduler", NOBODY, "--host", "203.0.113.1"], "host: '203.0.113.1' is no address of this machine"),
        (["--scheduler", NOBODY, "--threads", "0"], "threads: 0 is too small"),
    ],
)
def test_options_that_cannot_be_used_are_told_in_a_sentence(tmp_path: Path, options: list[str], words: str) -> None:
    assert f"Error: {words}" in said(tmp_path, *options)


def test_files_of_tls_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    issuer = authority(tmp_path, "authority")
    pair, other = signed(tmp_path, "render", issuer), signed(tmp_path, "other", issuer)
    (tmp_path / "empty.pem").touch()
    for certificate, key in ((tmp_path / "empty.pem", pair.key), (pair.certificate, other.key)):
        config = f'[dask]\nscheduler = "tls://127.0.0.1:1"\nca_file = "{issuer.certificate}"\n'
        config += f'certificate_file = "{certificate}"\nkey_file = "{key}"\n'
        assert "Error: dask.certificate_file: the files of TLS cannot be used: " in said(tmp_path, config=config)
    assert "write the address with tls://" in said(tmp_path, "--scheduler", NOBODY, config=config)


def test_settings_of_dask_without_its_engine_are_idle() -> None:
    threads = Settings()
    assert not is_idle(threads)
    assert not is_idle(Settings(engine="dask", dask=DaskSettings(processes=2)))
    assert is_idle(replace(threads, dask=DaskSettings(processes=os.cpu_count())))
    assert is_idle(replace(threads, dask=DaskSettings(scheduler="tcp://a:1")))


def test_dask_is_quiet_unless_the_operator_wants_to_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("distributed")
    monkeypatch.setattr(logger, "level", logging.INFO)
    configure_dask()
    assert logger.level == logging.CRITICAL
    import dask

    monkeypatch.setattr(logger, "level", logging.INFO)
    with dask.config.set({"logging.distributed": "info"}):
        configure_dask()
    assert logger.level == logging.INFO
