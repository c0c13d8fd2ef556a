"""``admin migrate``."""

from pathlib import Path

import click

from rasterwire.cli.admin.options import config_option, told_failures


@click.command(short_help="Make or change the tables of the database.")
@config_option
def migrate(config: Path | None) -> None:
    """Bring the tables of the database to the version of this rasterwire.

    Run it before the servers of a new version are started. Those of the version before go on
    with the new tables, so that they can be replaced one by one. It may be run again.

    \b
      rasterwire admin migrate --config rasterwire.toml
    """
    if config is None:
        raise click.UsageError("name the config file with the table [store] by --config")
    with told_failures():
        from rasterwire.server.process.stores import migrate_database
        from rasterwire.server.settings import load_store_settings

        steps, version = migrate_database(load_store_settings(config))
    for step in steps:
        click.echo(f"migrated to version {step}")
    click.echo(f"the tables have version {version}")
