"""``admin migrate``."""

from pathlib import Path

import click

from rasterwire.cli.admin.options import told_failures


@click.command(short_help="Make or change the tables of the database.")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="TOML file with the table [store].")
def migrate(config: Path) -> None:
    """Bring the tables of the database to the version of this rasterwire.

    Run it before the servers of a new version are started. Those of the version before go on
    with the new tables, so that they can be replaced one by one. It may be run again.

    \b
      rasterwire admin migrate --config rasterwire.toml
    """
    with told_failures():
        from rasterwire.server.process.stores import migrate_database
        from rasterwire.server.settings import load_store_settings

        steps, version = migrate_database(load_store_settings(config))
    for step in steps:
        click.echo(f"migrated to version {step}")
    click.echo(f"the tables have version {version}")
