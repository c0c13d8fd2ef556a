"""Files of API keys: what they hold, who changes them, and that a running server reads them again."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from cases import every
from effort import HANG
from rasterwire.cli.main import cli
from rasterwire.server.identity.key_file import add_key, read_keys, revoke_key, tenant_of_key
from rasterwire.server.settings import BadSettings, load_settings
from rasterwire.v1 import download_service_pb2, download_service_pb2_grpc


def test_a_key_is_valid_until_it_is_revoked_and_no_other_text_is(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first, second = add_key(path, "forestry"), add_key(path, "survey")
    keys = read_keys(path)
    assert tenant_of_key(keys, first) == "forestry"
    assert tenant_of_key(keys, second) == "survey"
    name = first.split("_")[1]
    for wrong in (
        "",
        "rw_",
        first[:-1],
        first + "x",
        first.replace(name, second.split("_")[1]),
        first.upper(),
        "\ud800",
    ):
        assert tenant_of_key(keys, wrong) is None
    assert revoke_key(path, name)
    assert not revoke_key(path, name)
    assert tenant_of_key(read_keys(path), first) is None
    assert tenant_of_key(read_keys(path), second) == "survey"


def test_a_file_holds_no_key_and_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    key = add_key(path, "forestry")
    text = path.read_text()
    assert key.split("_", 2)[2] not in text
    assert hashlib.sha256(key.encode()).hexdigest() in text
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)  # for the group of the server
    add_key(path, "survey")
    assert path.stat().st_mode & 0o777 == 0o640


def test_comments_stay_and_what_is_no_file_of_keys_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# of the forestry office\n\n")
    add_key(path, "forestry")
    assert path.read_text().startswith("# of the forestry office\n\n")
    path.write_text("rw_0123456789ab_secret\n")
    with pytest.raises(ValueError, match="line 1 is no key") as error:
        add_key(path, "forestry")
    assert "secret" not in str(error.value)
    assert path.read_text() == "rw_0123456789ab_secret\n"


def test_keys_that_are_made_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: add_key(path, f"t{number}"), range(40)))
    keys = read_keys(path)
    assert [tenant_of_key(keys, key) for key in made] == [f"t{number}" for number in range(40)]


def test_the_command_line_makes_lists_and_revokes_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["admin", "keys", *arguments, "--keys-file", str(path)])
        return result.exit_code, result.output

    key, told = run("add", "forestry")[1].splitlines()
    assert told == "added; a running server takes it after SIGHUP"
    assert tenant_of_key(read_keys(path), key) == "forestry"
    name = key.split("_")[1]
    assert re.fullmatch(rf"{name}  \d{{4}}-\d\d-\d\d  forestry\n", run("list")[1])
    assert run("revoke", name)[0] == 0
    assert run("list") == (0, "")
    code, told = run("revoke", name)
    assert code == 1
    assert f"there is no key {name!r}" in told
    code, told = run("add", "two words")
    assert code == 2
    assert "no name of a tenant" in told
    path.write_text("nonsense\n")
    assert all("line 1 is no key" in run(*arguments)[1] for arguments in (("list",), ("add", "a"), ("revoke", "b")))


WRONG = [
    ('[auth]\nkeys_file = "KEYS"', "tenants: there is none"),
    ('[[tenants]]\nname = "a"\nprefixes = ["a"]', "auth: it is not set"),
    ('[auth]\nkeys_file = "/nowhere"', "auth.keys_file: '/nowhere' is no file"),
    ('[auth]\nkeys = "KEYS"', "auth.keys: there is no such setting"),
    ("auth = 1", "auth: it is not a table"),
    ("tenants = 1", "tenants: it is not a list"),
    ('[[tenants]]\nprefixes = ["a"]', "tenants[0].name: it is not set"),
    ('[[tenants]]\nname = "a"', "tenants[0].prefixes: it is not set"),
    ('[[tenants]]\nname = "a"\nprefixes = []', "tenants[0].prefixes: it is no list of 1 to 100"),
    ('[[tenants]]\nname = "a"\nprefixes = ["/a"]', "tenants[0].prefixes: '/a' is no prefix"),
    ('[[tenants]]\nname = "a"\nprefixes = ["a/"]', "tenants[0].prefixes: 'a/' is no prefix"),
    ('[[tenants]]\nname = "a"\nprefixes = [""]', "tenants[0].prefixes: '' is no prefix"),
    ('[[tenants]]\nname = "a b"\nprefixes = ["a"]', "tenants[0].name: 'a b' is no name"),
    (
        '[auth]\nkeys_file = "KEYS"\n' + 2 * '[[tenants]]\nname = "a"\nprefixes = ["a"]\n',
        "tenants[1].name: a tenant above is called a",
    ),
    (
        '[auth]\nkeys_file = "KEYS"\n[[tenants]]\nname = "a"\nprefixes = ["a"]\ncertificate_names = ["a"]\n',
        "tenants[0].certificate_names: no certificate is asked for",
    ),
    ('[[tenants]]\nname = "a"\nprefixes = ["a"]\nweight = 0', "tenants[0].weight: '0' is no weight"),
    ('[tls]\ncertificate_file = "KEYS"', "tls.key_file: it is not set"),
]


@every(("text", "problem"), WRONG)
def test_wrong_settings_of_tenants_stop_the_start(text: str, problem: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    add_key(keys, "a")
    config = tmp_path / "config.toml"
    config.write_text(f'catalog = "{tmp_path}"\n' + text.replace("KEYS", str(keys)))
    with pytest.raises(BadSettings) as error:
        load_settings(config, {})
    assert problem in str(error.value)


def test_a_server_with_workers_takes_new_keys_and_refuses_revoked_ones_after_sighup(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    keys = tmp_path / "keys"
    first = add_key(keys, "forestry")
    config = tmp_path / "config.toml"
    config.write_text(f'[auth]\nkeys_file = "{keys}"\n[[tenants]]\nname = "forestry"\nprefixes = ["*"]\n')
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(tmp_path / "catalog"), "--config", str(config)]
    command += ["--grpc-port", "0", "--http-port", "-1", "--state-dir", str(tmp_path / "state"), "--workers", "2"]
    parent = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert parent.stderr is not None
    try:
        addresses = (match[1] for line in parent.stderr if (match := re.search(r"on grpc (\S+)", line)))
        address = [next(addresses), next(addresses)][0]
        second = add_key(keys, "forestry")
        revoke_key(keys, first.split("_")[1])
        assert (_may_call(address, first), _may_call(address, second)) == (True, False)
        os.kill(parent.pid, signal.SIGHUP)
        told = (line for line in parent.stderr if "1 API keys were read" in line)
        assert len([next(told), next(told)]) == 2
        for _ in range(4):  # each by a connection of its own, to one of the two
            assert (_may_call(address, first), _may_call(address, second)) == (False, True)
    finally:
        parent.terminate()
        parent.communicate(timeout=HANG)


def _may_call(address: str, key: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
        try:
            shown = (("authorization", f"Bearer {key}"),)
            stub.GetLimits(download_service_pb2.GetLimitsRequest(), metadata=shown, timeout=HANG)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            return False
    return True
