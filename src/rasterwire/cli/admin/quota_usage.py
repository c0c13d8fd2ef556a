"""``admin quotas``."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from rasterwire.cli.admin.options import as_json_option, print_rows, settings_options
from rasterwire.units import bytes_text

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

_columns = "tenant", "quota", "used", "limit", "percent"


@click.group()
def quotas() -> None:
    """List how the quotas of tenants stand.

    \b
      rasterwire admin quotas list --config rasterwire.toml
    """


@quotas.command("list", short_help="Print how the quotas stand.")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Of this day of UTC, in place of today."
)
@as_json_option
@settings_options
def show(settings: "Settings", day: datetime | None, as_json: bool) -> None:
    """Print what each tenant took of its quotas on a day, and the limits that the config file has now.

    What servers took in advance is counted: less than a thousandth of a limit for each. stored_bytes
    is what is stored now. How many renders are under way is known to servers alone.
    """
    from rasterwire.server.process.administration import opened_inventory

    today = datetime.now(UTC).date()
    day_of_usage = today if day is None else _counted_day(day.date(), today)
    with opened_inventory(settings) as inventory:
        used = {(usage.tenant, usage.quota): usage.used for usage in inventory.usages(day_of_usage)}
        used |= {(tenant, "stored_bytes"): size for tenant, size in inventory.stored_bytes().items()}
    limits = {(tenant.name, quota): limit for tenant in settings.tenants for quota, limit in tenant.quota.limits()}
    rows = []
    for tenant, quota in sorted({*limits, *used}):
        if day_of_usage != today and not quota.endswith("_per_day"):
            continue
        limit = limits.get((tenant, quota))
        count = None if quota == "concurrent_renders" else used.get((tenant, quota), 0)
        percent = round(100 * count / limit, 1) if limit and count is not None else None
        rows.append({"tenant": tenant, "quota": quota, "used": count, "limit": limit, "percent": percent})
    print_rows(_columns, rows if as_json else [_with_units(row) for row in rows], as_json=as_json)


def _counted_day(day: date, today: date) -> date:
    from rasterwire.store.usage import DAYS_KEPT

    first = today - timedelta(days=DAYS_KEPT)
    if not first <= day <= today:
        raise click.UsageError(
            f"--day {day}: what was taken is kept for {DAYS_KEPT} days; give a day from {first} to {today}"
        )
    return day


def _with_units(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for people, as other tables show bytes."""
    if "bytes" not in row["quota"]:
        return dict(row)
    return {name: bytes_text(row[name]) if isinstance(row[name], int) else row[name] for name in row}
