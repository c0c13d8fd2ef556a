"""``admin``: what an operator does beside running a server."""

from pathlib import Path

import click

from rasterwire.server.identity.key_file import TENANT_NAME, add_key, read_keys, revoke_key

_keys_file = click.option(
    "--keys-file",
    envvar="RASTERWIRE_KEYS_FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that keys_file of [auth] names; also from RASTERWIRE_KEYS_FILE.",
)


@click.group()
def admin() -> None:
    """Manage the tenants of servers, and their stores."""


@admin.group()
def keys() -> None:
    """Make, list and revoke API keys.

    A server reads the file at its start, and again when it gets SIGHUP.

    \b
      rasterwire admin keys add forestry --keys-file /etc/rasterwire/keys
      rasterwire admin keys list --keys-file /etc/rasterwire/keys
      rasterwire admin keys revoke 3f9c01ab77d2 --keys-file /etc/rasterwire/keys
    """


@keys.command()
@click.argument("tenant")
@_keys_file
def add(tenant: str, keys_file: Path) -> None:
    """Make a key of TENANT and print it. It is shown this once: the file holds its hash alone."""
    if not TENANT_NAME.fullmatch(tenant):
        raise click.UsageError(f"{tenant!r} is no name of a tenant; write letters, digits and . _ -")
    try:
        click.echo(add_key(keys_file, tenant))
    except ValueError as error:
        raise click.ClickException(f"{keys_file}: {error}") from None


@keys.command("list")
@_keys_file
def show(keys_file: Path) -> None:
    """Print the id, the tenant and the day of each key."""
    try:
        for key in read_keys(keys_file).values():
            click.echo(f"{key.id}  {key.day}  {key.tenant}")
    except ValueError as error:
        raise click.ClickException(f"{keys_file}: {error}") from None


@keys.command()
@click.argument("key_id", metavar="ID")
@_keys_file
def revoke(key_id: str, keys_file: Path) -> None:
    """Remove the key of an ID, as the list shows it: what stands between the underscores of a key."""
    try:
        was_there = revoke_key(keys_file, key_id)
    except ValueError as error:
        raise click.ClickException(f"{keys_file}: {error}") from None
    if not was_there:
        raise click.ClickException(f"{keys_file}: there is no key {key_id[:40]!r}; see rasterwire admin keys list")
    click.echo("revoked; a running server goes on to take it until it gets SIGHUP", err=True)


@admin.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="TOML file with the table [store].")
def migrate(config: Path) -> None:
    """Bring the tables of the database to the version of this rasterwire.

    Run it before the servers of a new version are started. Those of the version before go on
    with the new tables, so that they can be replaced one by one. It may be run again.

    \b
      rasterwire admin migrate --config rasterwire.toml
    """
    try:
        from rasterwire.server.process.stores import migrate_database
        from rasterwire.server.settings import BadSettings, load_store_settings
    except ImportError as error:
        raise click.ClickException(
            f"migrating needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    try:
        steps, version = migrate_database(load_store_settings(config))
    except BadSettings as error:
        raise click.UsageError(str(error)) from None
    for step in steps:
        click.echo(f"migrated to version {step}")
    click.echo(f"the tables have version {version}")
