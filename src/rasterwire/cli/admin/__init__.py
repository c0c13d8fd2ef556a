"""``admin``: what an operator does beside running a server."""

import click

from rasterwire.cli.admin.api_keys import keys
from rasterwire.cli.admin.cached_files import cache
from rasterwire.cli.admin.migration import migrate
from rasterwire.cli.admin.quota_usage import quotas
from rasterwire.cli.admin.render_leases import leases
from rasterwire.cli.admin.stored_downloads import downloads
from rasterwire.cli.admin.tenant_list import tenants

__all__ = ["admin"]


@click.group()
def admin() -> None:
    """Manage the tenants of servers, and their stores.

    Servers may run meanwhile. Use the config file of the server, or the folder of its state, and be
    the user that it runs as. What deletes tells with --dry-run what it would delete.
    """


for command in (keys, tenants, quotas, downloads, cache, leases, migrate):
    admin.add_command(command)
