"""``admin``: what an operator does beside running a server."""

from pathlib import Path

import click


@click.group()
def admin() -> None:
    """Look after the stores of servers."""


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
