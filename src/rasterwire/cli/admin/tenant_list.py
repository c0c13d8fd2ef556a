"""``admin tenants``."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from rasterwire.cli.admin.options import as_json_option, print_rows, settings_options

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

_columns = "tenant", "prefixes", "certificate_names", "keys", "downloads", "request_bytes"


@click.group()
def tenants() -> None:
    """List the tenants of the config file.

    \b
      rasterwire admin tenants list --config rasterwire.toml
    """


@tenants.command("list")
@as_json_option
@settings_options
def show(settings: "Settings", as_json: bool) -> None:
    """Print what each tenant sees, how it is recognised, and what it has registered.

    Keys and downloads of tenants that the config file does not name are listed too: they are of no
    use until it does.
    """
    from rasterwire.server.identity.key_file import read_keys
    from rasterwire.server.process.administration import opened_inventory
    from rasterwire.store.inventory import Selection

    path = settings.auth.keys_file
    try:
        counts = Counter(key.tenant for key in read_keys(path).values()) if path is not None else Counter[str]()
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from None
    with opened_inventory(settings) as inventory:
        totals = {total.tenant: total for total in inventory.totals(Selection())}
    settings_by_name = {tenant.name: tenant for tenant in settings.tenants}
    rows = []
    for name in sorted({*settings_by_name, *counts, *totals}):
        tenant, total = settings_by_name.get(name), totals.get(name)
        row = {
            "tenant": name,
            "is_listed": tenant is not None,
            "prefixes": [] if tenant is None else list(tenant.prefixes),
            "certificate_names": [] if tenant is None else list(tenant.certificate_names),
            "keys": counts[name],
            "downloads": 0 if total is None else total.count,
            "request_bytes": 0 if total is None else total.request_bytes,
        }
        rows.append(row)
    print_rows(_columns, rows, as_json=as_json)
    unlisted = [str(row["tenant"]) for row in rows if row["tenant"] and not row["is_listed"]]
    if unlisted:
        click.echo(f"the config file names no tenant {', '.join(unlisted)}", err=True)
