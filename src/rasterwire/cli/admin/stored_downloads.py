"""``admin downloads``."""

from typing import TYPE_CHECKING

import click

from rasterwire.cli.admin.options import (
    as_json_option,
    dry_run_option,
    print_rows,
    settings_options,
    tell_deleted,
)
from rasterwire.units import bytes_text

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

_columns = "id", "tenant", "expire_time", "request_bytes", "etag"


@click.group()
def downloads() -> None:
    """List and delete registered downloads, of all tenants.

    \b
      rasterwire admin downloads list --config rasterwire.toml --tenant forestry
      rasterwire admin downloads delete --config rasterwire.toml --tenant forestry --dry-run
    """


@downloads.command("list")
@click.option("--tenant", help="Of this tenant alone; '' for those without one.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="Of these at most.")
@as_json_option
@settings_options
def show(settings: "Settings", tenant: str | None, limit: int, as_json: bool) -> None:
    """Print the downloads that have not expired, those first that end first."""
    from rasterwire.server.process.administration import opened_inventory
    from rasterwire.store.inventory import Selection

    with opened_inventory(settings) as inventory:
        selection = Selection(tenant=tenant)
        stored = inventory.downloads(selection, limit)
        count = sum(total.count for total in inventory.totals(selection))
    rows = [{name: getattr(download, name) for name in _columns} for download in stored]
    _check_tenant(settings, tenant, count)
    print_rows(_columns, rows, as_json=as_json)
    if count > len(stored):
        click.echo(f"the first {len(stored)} of {count}; --limit shows more", err=True)


@downloads.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--tenant", help="All of this tenant; '' for those without one.")
@click.option("--all", "is_all", is_flag=True, help="Those of all tenants.")
@dry_run_option
@settings_options
def delete(settings: "Settings", ids: tuple[str, ...], tenant: str | None, is_all: bool, dry_run: bool) -> None:
    """Delete registered downloads: their ids are unknown from then on. Rendered files stay."""
    if sum((bool(ids), tenant is not None, is_all)) != 1:
        raise click.UsageError("name the ids of downloads, or --tenant, or --all")
    from rasterwire.server.process.administration import opened_inventory
    from rasterwire.store.inventory import Selection

    selection = Selection(tuple(name.removeprefix("downloads/") for name in ids), tenant)
    with opened_inventory(settings) as inventory:
        if dry_run:
            totals = inventory.totals(selection)
            count, size = sum(total.count for total in totals), sum(total.request_bytes for total in totals)
        else:
            count, size = inventory.delete(selection)
    _check_tenant(settings, tenant, count)
    if len(set(selection.ids)) > count:
        click.echo(f"{len(set(selection.ids)) - count} of the ids are unknown, or have expired", err=True)
    tell_deleted(count, "registered download", f"{bytes_text(size)} of requests", is_dry=dry_run)


def _check_tenant(settings: "Settings", tenant: str | None, count: int) -> None:
    """Tell of a tenant that the config file does not name; one that has no downloads either is likely misspelt."""
    if not tenant or settings.config_file is None or tenant in settings.tenant_names:
        return
    problem = f"the config file names no tenant {tenant[:80]}"
    if not count:
        raise click.ClickException(f"{problem}; rasterwire admin tenants list shows those that there are")
    click.echo(problem, err=True)
