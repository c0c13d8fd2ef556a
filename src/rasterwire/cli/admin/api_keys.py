"""``admin keys``."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from rasterwire.cli.admin.options import as_json_option, config_option, print_rows, told_failures
from rasterwire.server.identity.key_file import TENANT_NAME, add_key, read_keys, revoke_key

Command = Callable[..., Any]

_keys_file_option = click.option(
    "--keys-file",
    envvar="RASTERWIRE_KEYS_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that keys_file of [auth] names; also from RASTERWIRE_KEYS_FILE. Without it, --config names it.",
)


def _with_keys_file(command: Command) -> Command:
    """Give a command the file of keys, and tell where it is wrong."""

    @functools.wraps(command)
    def with_file(*arguments: Any, keys_file: Path | None, config: Path | None, **options: Any) -> Any:
        path = _configured(config) if keys_file is None or _is_overruled() else keys_file
        if config is not None and "tenant" in options:
            _check_named(options["tenant"], config)
        try:
            with told_failures():
                return command(*arguments, keys_file=path, **options)
        except ValueError as error:
            raise click.ClickException(f"{path}: {error}") from None

    return _keys_file_option(config_option(with_file))


def _is_overruled() -> bool:
    """Tell whether a flag names the config file, while the file of keys comes from the environment."""
    source = click.get_current_context().get_parameter_source
    return (source("config"), source("keys_file")) == (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def _configured(config: Path | None) -> Path:
    if config is None:
        raise click.UsageError("name the file of keys by --keys-file, or the config file of the server by --config")
    with told_failures():
        from rasterwire.server.settings import load_keys_file

        return load_keys_file(config)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    A server reads the file at its start, and again when it gets SIGHUP.

    \b
      rasterwire admin keys add forestry --keys-file /etc/rasterwire/keys
      rasterwire admin keys list --config rasterwire.toml
      rasterwire admin keys revoke 3f9c01ab77d2 --config rasterwire.toml
    """


def _check_named(tenant: str, config: Path) -> None:
    """Refuse a tenant that a config file with tenants does not name: it is likely misspelt."""
    with told_failures():
        from rasterwire.server.settings import load_tenant_names

        names = load_tenant_names(config)
    if names and tenant not in names:
        raise click.ClickException(
            f"the config file names no tenant {tenant[:80]}; rasterwire admin tenants list shows those that there are"
        )


def _check_there(keys_file: Path) -> None:
    if not keys_file.exists():
        raise click.ClickException(f"there is no file of keys {keys_file}; rasterwire admin keys add makes it")


@keys.command()
@click.argument("tenant")
@_with_keys_file
def add(tenant: str, keys_file: Path) -> None:
    """Make a key of TENANT and print it. It is shown this once: the file holds its hash alone.

    Where --config names a file with tenants, TENANT has to be one of them.
    """
    if not TENANT_NAME.fullmatch(tenant):
        raise click.UsageError(f"{tenant!r} is no name of a tenant; write letters, digits and . _ -")
    click.echo(add_key(keys_file, tenant))
    click.echo("added; a running server takes it after SIGHUP", err=True)


@keys.command("list")
@as_json_option
@_with_keys_file
def show(keys_file: Path, as_json: bool) -> None:
    """Print the id, the day and the tenant of each key."""
    _check_there(keys_file)
    stored = read_keys(keys_file).values()
    if as_json:
        rows = [{"id": key.id, "day": key.day, "tenant": key.tenant} for key in stored]
        print_rows((), rows, as_json=True)
        return
    for key in stored:
        click.echo(f"{key.id}  {key.day}  {key.tenant}")


@keys.command(short_help="Remove the key of an ID.")
@click.argument("key_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Tell whose key would be revoked, and revoke none.")
@_with_keys_file
def revoke(key_id: str, dry_run: bool, keys_file: Path) -> None:
    """Remove the key of an ID, as the list shows it: what stands between the underscores of a key."""
    _check_there(keys_file)
    stored = read_keys(keys_file).get(key_id)
    if stored is None or not (dry_run or revoke_key(keys_file, key_id)):
        raise click.ClickException(f"{keys_file}: there is no key {key_id[:40]!r}; see rasterwire admin keys list")
    if dry_run:
        click.echo(f"would revoke 1 key, of {stored.tenant}, made on {stored.day}")
        return
    click.echo("revoked; a running server accepts it until it gets SIGHUP", err=True)
