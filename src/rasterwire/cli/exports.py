"""``export`` and ``exports``."""

from typing import Any

import click
from rich.console import Console

from rasterwire.cli.download import remarks, show_plan
from rasterwire.cli.options import request_options, to_params
from rasterwire.cli.server import Server, server_options
from rasterwire.cli.text import printable
from rasterwire.client import ExportOptions, PlannedExport
from rasterwire.units import bytes_text
from rasterwire.v1.export_service_pb2 import Export

_FAILED = 6
"""The exit code of what was begun and did not succeed."""


@click.command()
@request_options
@server_options
@click.option(
    "--to", required=True, metavar="NAME[/PREFIX]", help="Destination of the server, and begin of file names."
)
@click.option("--file-side", type=int, default=0, help="Files of so many pixels a side.  [default: one file]")
@click.option("--max-pixels", type=int, default=0, help="Refuse more.  [default: 100000000]")
@click.option("--priority", type=int, help="0 to 9999; more begins first.  [default: 100]")
@click.option("--description", default="", help="What it is for, as lists show it.")
@click.option("--overwrite", is_flag=True, help="Replace files of the same names.")
@click.option("--request-id", default="", help="UUID; the same one again begins nothing new.")
@click.option("--dry-run", is_flag=True, help="Tell what it would be, and begin nothing.")
@click.option("--watch", is_flag=True, help="Wait until it has ended, with a progress bar.")
def export(server: Server, to: str, dry_run: bool, watch: bool, **values: Any) -> None:
    """Export IMAGE as files that the server writes; it goes on when this command ends.

    \b
      rasterwire export IMAGE --scale 10 --max-pixels 1000000000 --to results/kenya/ndvi --watch
      rasterwire export IMAGE --file-side 8192 --to results --dry-run
    """
    names = ("file_side", "max_pixels", "priority", "description", "overwrite", "request_id")
    options = ExportOptions(**{name: values.pop(name) for name in names})
    params = to_params(values)
    with server.client() as client:
        planned = client.plan_export(params, to, options)
        if dry_run:
            _show_plan(planned, options)
            return
        for line in remarks(planned.plan):
            click.echo(line, err=True)
        if watch:
            _show(client.export(params, to, options, progress=True))
            return
        name = client.create_export(params, to, options).name
        click.echo(name)
        click.echo(f"it goes on without this command; follow it with: rasterwire exports watch {name}", err=True)


def _show_plan(answer: PlannedExport, options: ExportOptions) -> None:
    show_plan(answer.plan, Console(highlight=False))
    planned = answer.export
    click.echo(f"values of all bands   {planned.pixels:,}")
    click.echo(f"bytes to read         about {bytes_text(planned.source_bytes)}")
    click.echo(f"parts                 {planned.parts_total:,}")
    click.echo(f"time                  {_time_left(planned) or 'not known: no export was measured here yet'}")
    if answer.existing_files:
        names = ", ".join(map(printable, answer.existing_files))
        effect = "would be replaced" if options.overwrite else "would make it fail; give --overwrite, or another name"
        click.echo(f"there already         {names}; {effect}")


def _time_left(export: Export) -> str:
    return f"about {export.estimated_duration.seconds:,} s" if export.HasField("estimated_duration") else ""


@click.group()
def exports() -> None:
    """List, show, watch and cancel exports."""


@exports.command("list")
@server_options
def list_(server: Server) -> None:
    """List the exports of a server, or of the tenant of an API key, the newest first."""
    with server.client() as client:
        item = None
        for item in client.list_exports():
            start = item.create_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
            parts = f"{item.parts_done}/{item.parts_total}"
            place = printable(f"{item.destination}/{item.prefix}")
            click.echo(f"{item.name}  {start}  {_state(item):<10}  {parts:>11}  {place}  {printable(item.description)}")
        if item is None:
            click.echo("there are no exports", err=True)


@exports.command()
@server_options
@click.argument("name")
def show(server: Server, name: str) -> None:
    """Show the export NAME, and the files that it has written."""
    with server.client() as client:
        _show(client.get_export(name))


@exports.command()
@server_options
@click.argument("name")
def watch(server: Server, name: str) -> None:
    """Wait until the export NAME has ended, with a progress bar."""
    with server.client() as client:
        ended = client.await_export(name, progress=True)
        _show(client.get_export(name))
    if ended.state != Export.STATE_SUCCEEDED:
        raise click.exceptions.Exit(_FAILED)


@exports.command()
@server_options
@click.argument("name")
def cancel(server: Server, name: str) -> None:
    """End the export NAME; what it has written is removed."""
    with server.client() as client:
        ended = client.cancel_export(name)
    if ended.state not in {Export.STATE_CANCELLING, Export.STATE_CANCELLED}:
        click.echo(f"{name} has {_state(ended)} already; nothing was cancelled", err=True)
        raise click.exceptions.Exit(_FAILED)
    click.echo(_state(ended))


def _state(export: Export) -> str:
    return Export.State.Name(export.state).removeprefix("STATE_").lower()


def _show(export: Export) -> None:
    parts = f"{export.parts_done} of {export.parts_total} parts, {bytes_text(export.bytes_done)}"
    rest = f", {_time_left(export)} left" if export.state == Export.STATE_RUNNING and _time_left(export) else ""
    click.echo(f"{export.name}  {_state(export)}  {parts}{rest}")
    click.echo(printable(f"{export.destination}/{export.prefix}  {export.description}".rstrip()))
    for what in ("create_time", "start_time", "end_time"):
        if export.HasField(what):
            click.echo(f"{what.removesuffix('_time'):<6}  {getattr(export, what).ToDatetime():%Y-%m-%dT%H:%M:%SZ}")
    if export.HasField("failure"):
        click.echo(printable(export.failure.message))
        for scene in export.failure.scenes:
            click.echo(printable(f"  {scene.image}: {scene.problem}"))
        if (unnamed := export.failure.scene_count - len(export.failure.scenes)) > 0:
            click.echo(f"  and {unnamed:,} images more")
    for file in export.files:
        click.echo(f"{printable(f'{export.destination}/{file.key}')}  {file.size_bytes:,} bytes  crc32c {file.crc32c}")
