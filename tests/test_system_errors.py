"""Commands say in a sentence what of the system cannot be used, and what to do."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from cases import every
from rasterwire.cli.main import cli, main
from rasterwire.cli.system_errors import system_error_text


def refused(*arguments: str | Path, code: int = 1) -> str:
    result = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_a_file_of_keys_that_cannot_be_made_or_read_is_told_with_what_to_do(tmp_path: Path) -> None:
    missing, file = tmp_path / "none", tmp_path / "file"
    file.touch()
    told = {
        ("add", "forestry", "--keys-file", missing / "keys"): f"there is no folder {missing}; make it, or name another",
        ("add", "forestry", "--keys-file", file / "keys"): f"{file} is not a folder; name a file in a folder",
        ("list", "--keys-file", missing): f"there is no file of keys {missing}; rasterwire admin keys add makes it",
        ("revoke", "1", "--keys-file", missing): f"there is no file of keys {missing}; rasterwire admin keys add",
    }
    for arguments, sentence in told.items():
        assert refused("admin", "keys", *arguments).startswith(f"Error: {sentence}")


def test_a_folder_that_may_not_be_written_is_named_and_not_the_file_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The superuser may write everywhere."""

    def refuse(path: str, *_: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refuse)
    assert refused("admin", "keys", "add", "forestry", "--keys-file", tmp_path / "keys") == (
        f"Error: permission denied: this user may not write to the folder {tmp_path}; run this as its owner\n"
    )


_errors = (
    (OSError(errno.EROFS, "Read-only file system", "/x/y"), "/x/y: read-only file system; name another one"),
    (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "/x/y: no space left on device; name another one"),
    (FileNotFoundError(errno.ENOENT, "No such file", "/y"), "there is no file /y; look whether its name is right"),
    (IsADirectoryError(errno.EISDIR, "Is a directory", "/"), "/: is a directory; name another one"),
    (PermissionError(errno.EACCES, "Permission denied", "/etc"), "permission denied: this user may not use /etc; run "),
    (FileNotFoundError("state_dir: there is no folder x"), "state_dir: there is no folder x"),
    (OSError(0, "the store has version 9; upgrade"), "the store has version 9; upgrade"),
)


@every(("error", "sentence"), _errors)
def test_each_error_of_the_system_is_a_sentence(error: OSError, sentence: str) -> None:
    assert system_error_text(error).startswith(sentence)


def test_any_command_tells_them_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.argv", ["rasterwire", "demo", str(tmp_path / "file" / "demo")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 6
    assert capsys.readouterr().err == f"Error: {tmp_path / 'file'} is not a folder; name a file in a folder\n"


@pytest.mark.parametrize(
    "command", [["downloads", "list"], ["tenants", "list"], ["quotas", "list"], ["leases", "list"]]
)
def test_a_store_that_cannot_be_used_is_named_with_the_cause(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "downloads.sqlite"
    file.mkdir()
    told = refused("admin", *command, "--state-dir", tmp_path)
    assert "the store cannot be used now" in told
    if command[0] != "leases":
        file.rmdir()
        file.write_text("no database, and longer than the header of one. " * 4)
        told = refused("admin", *command, "--state-dir", tmp_path)
        assert "the store cannot be used now" in told


def test_a_damaged_store_is_named_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "downloads.sqlite"
    file.write_text("no database, and longer than the header of one. " * 4)
    refused("admin", "downloads", "list", "--state-dir", tmp_path)
    assert caplog.messages == [f"{file} cannot be used: {_refusal_of(file)}"]


def _refusal_of(file: Path) -> str:
    with pytest.raises(sqlite3.DatabaseError) as refusal:
        sqlite3.connect(file).execute("PRAGMA user_version")
    return str(refusal.value)


def test_a_state_folder_that_is_a_file_is_told_by_servers_and_by_doctor(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for state, problem in ((file, "it is a file"), (file / "state", "Not a directory")):
        told = refused("serve", tmp_path, "--state-dir", state, "--grpc-port", "0", "--http-port", "-1", code=2)
        assert f"state_dir: {state} cannot be used: {problem}; name a folder that this user may write to" in told
        told = refused("doctor", tmp_path, "--state-dir", state)
        assert f"fail  state_dir               {file} is a file  name a folder" in told
