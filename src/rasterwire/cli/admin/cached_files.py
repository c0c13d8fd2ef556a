"""``admin cache``."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from rasterwire.cli.admin.options import (
    as_json_option,
    dry_run_option,
    print_rows,
    settings_options,
    tell_deleted,
)
from rasterwire.units import bytes_text, plural_text

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

_columns = "etag", "place", "bytes", "use_time"

_place_option = click.option(
    "--bucket", "place", flag_value="bucket", help="Those in the bucket of [store], instead of those on the disk."
)


@click.group()
def cache() -> None:
    """List and delete rendered files.

    One that is deleted is rendered again when somebody asks for it, to the same bytes.

    \b
      rasterwire admin cache list --state-dir .rasterwire
      rasterwire admin cache delete --config rasterwire.toml --unused-hours 48 --dry-run
    """


@cache.command("list")
@_place_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="Of these at most.")
@as_json_option
@settings_options
def show(settings: "Settings", place: str | None, limit: int, as_json: bool) -> None:
    """Print rendered files, those first whose use is the longest ago.

    In the bucket that is the time when they came there.
    """
    from rasterwire.server.process.administration import list_files

    files = list_files(settings, place or "disk")
    rows = [
        {"etag": file.etag, "place": file.place, "bytes": file.size, "use_time": file.use_time}
        for file in files[:limit]
    ]
    print_rows(_columns, rows, as_json=as_json)
    room = "" if place else f", of {bytes_text(settings.cache_bytes)} that cache_bytes allows"
    click.echo(f"{plural_text(len(files), 'file')}, {bytes_text(sum(file.size for file in files))}{room}", err=True)


@cache.command()
@click.argument("etags", metavar="[ETAG]...", nargs=-1)
@_place_option
@click.option(
    "--unused-hours", type=click.FloatRange(0), help="Those whose last use is so long ago; in the bucket, their making."
)
@click.option("--all", "is_all", is_flag=True, help="All of them.")
@dry_run_option
@settings_options
def delete(
    settings: "Settings",
    etags: tuple[str, ...],
    place: str | None,
    unused_hours: float | None,
    is_all: bool,
    dry_run: bool,
) -> None:
    """Delete rendered files. Whoever reads one from the disk meanwhile reads it to its end."""
    if sum((bool(etags), unused_hours is not None, is_all)) != 1:
        raise click.UsageError("name the etags of files, or --unused-hours, or --all")
    from rasterwire.server.process.administration import delete_files, list_files

    files = list_files(settings, place or "disk")
    if etags:
        files = [file for file in files if file.etag in etags]
        if missing := set(etags) - {file.etag for file in files}:
            click.echo(f"there is no file of {plural_text(len(missing), 'etag')}", err=True)
    if unused_hours is not None:
        before = datetime.now(UTC) - timedelta(hours=unused_hours)
        files = [file for file in files if file.use_time <= before]
    size = sum(file.size for file in files)
    if not dry_run:
        delete_files(settings, files)
    tell_deleted(len(files), "rendered file", bytes_text(size), is_dry=dry_run)
