"""``admin leases``."""

from typing import TYPE_CHECKING

import click

from rasterwire.cli.admin.options import as_json_option, dry_run_option, print_rows, settings_options

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

_columns = "etag", "owner", "fence", "seconds"


@click.group()
def leases() -> None:
    """List and end the leases of large renders.

    They are there where several servers or workers share rendered files. One that nobody renews
    ends within ten seconds by itself, and another server takes the render over.

    \b
      rasterwire admin leases list --config rasterwire.toml
    """


@leases.command("list", short_help="Print the leases.")
@as_json_option
@settings_options
def show(settings: "Settings", as_json: bool) -> None:
    """Print the file, the owner, the fence and the seconds left of each lease."""
    from rasterwire.server.process.administration import opened_inventory

    with opened_inventory(settings) as inventory:
        active = inventory.leases()
    rows = [
        {"etag": lease.key, "owner": lease.owner, "fence": lease.fence, "seconds": round(lease.seconds, 3)}
        for lease in active
    ]
    print_rows(_columns, rows, as_json=as_json)


@leases.command(short_help="End the lease of a render.")
@click.argument("etag")
@dry_run_option
@settings_options
def end(settings: "Settings", etag: str, dry_run: bool) -> None:
    """End the lease of the render of an ETAG, so that another server may begin it.

    Its holder goes on too; both make the same bytes.
    """
    from rasterwire.server.process.administration import opened_inventory

    with opened_inventory(settings) as inventory:
        holders = [lease for lease in inventory.leases() if lease.key == etag]
        if not holders or not (dry_run or inventory.end_lease(etag)):
            raise click.ClickException(f"there is no lease of {etag[:140]!r}; see rasterwire admin leases list")
    click.echo(f"{'would end' if dry_run else 'ended'} 1 lease, of {holders[0].owner}")
