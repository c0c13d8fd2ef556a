"""``images``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from rasterwire.cli.server import Server, server_options
from rasterwire.cli.text import console, printable
from rasterwire.client import Client
from rasterwire.v1 import catalog_service_pb2, download_pb2

if TYPE_CHECKING:
    from rasterwire.catalog.folder import FolderCatalog


@click.command()
@click.argument("what", metavar="[ID|FOLDER]", required=False)
@server_options
@click.option(
    "--check", is_flag=True, help="Report where documents of FOLDER differ from its files, and what is not served."
)
@click.pass_context
def images(ctx: click.Context, what: str | None, server: Server, check: bool) -> None:
    """List the images of a server or of a FOLDER, or the bands of the image ID.

    A name that is both an id and a folder here is taken for the folder, unless --server is given.

    \b
      rasterwire images
      rasterwire images COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG
      rasterwire images /data --check
    """
    names_server = ctx.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    folder = Path(what) if what and (check or not names_server) and Path(what).is_dir() else None
    if check:
        if folder is None:
            raise click.UsageError("--check needs a folder: rasterwire images FOLDER --check")
        sys.exit(_check(folder))
    if folder is not None:
        if not _is_path(str(what)):
            click.echo(f"{printable(str(folder))!r} is a folder here; for an image of this id add --server", err=True)
        _list_folder(folder)
        return
    if what and not names_server and _is_path(what):
        raise click.UsageError(f"there is no folder {what!r}; name one, or the id of an image")
    with server.client() as client:
        if what:
            _show(client.get_image(what))
        else:
            _list_server(client)


def _is_path(what: str) -> bool:
    """Tell whether a name can only be that of a folder: no id begins or ends so."""
    return Path(what).is_absolute() or what.startswith((".", "~")) or what.endswith("/")


def _check(folder: Path) -> int:
    catalog = _catalog(folder)
    from rasterwire.catalog import unserved as of_unserved

    disagreements, unserved = list(catalog.check()), catalog.unserved()
    for line in (*map(str, disagreements), *of_unserved.lines(unserved)):
        click.echo(printable(line))
    agreement = f"{len(disagreements)} disagreements" if disagreements else "documents and files agree"
    click.echo(f"{agreement}; {len(unserved)} files or assets are not served" if unserved else agreement, err=True)
    return 1 if disagreements else 0


def _list_server(client: Client) -> None:
    is_empty = True
    for image in client.list_images():
        is_empty = False
        click.echo(printable(image.id))
    if is_empty:
        click.echo("the server has no images: its folder holds no rasters, and no documents of any", err=True)


def _list_folder(folder: Path) -> None:
    catalog, start, count = _catalog(folder), "", 0
    from rasterwire.query import Query

    without = set(catalog.without_rasters())
    while True:
        page = catalog.find(Query(), start)
        for image in page.images:
            click.echo(printable(image.id) + ("\tno rasters" if image.id in without else ""))
        start, count = page.next, count + len(page.images)
        if not start:
            break
    from rasterwire.catalog.unserved import AN_IMAGE, count_text, summary

    if not count:
        unserved = summary(catalog.unserved())
        also = f"; not served are {unserved}" if unserved else ""
        click.echo(f"no images in {printable(str(folder))}: {AN_IMAGE}{also}", err=True)
    elif without:
        click.echo(f"{count_text(count, len(without))}; add --check to see what is missing", err=True)


def _catalog(folder: Path) -> "FolderCatalog":
    try:
        from rasterwire.catalog.folder import FolderCatalog
    except ImportError as error:
        raise click.ClickException(
            f"reading a folder needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    return FolderCatalog(folder)


def _show(image: catalog_service_pb2.ImageInfo) -> None:
    table = Table(
        "band",
        "type",
        "size",
        "pixel",
        "crs",
        "nodata",
        "overviews",
        title=escape(printable(image.id)),
        title_justify="left",
    )
    for band in image.bands:
        grid = band.grid
        kind = download_pb2.DataType.Name(band.data_type).removeprefix("DATA_TYPE_").lower()
        nodata = band.nodata_text or "none"
        pixel = f"{grid.crs_transform[0]:g} x {grid.crs_transform[4]:g}"
        crs = escape(printable(grid.crs)) if len(grid.crs) < 30 else "custom"
        factors = ", ".join(f"{factor:g}" for factor in band.overviews) or "none"
        table.add_row(
            escape(printable(band.id)),
            kind,
            f"{grid.width} x {grid.height}",
            pixel,
            crs or _unplaced(band),
            nodata,
            factors,
        )
    console().print(table)


def _unplaced(band: catalog_service_pb2.BandInfo) -> str:
    """Return what ties pixels without a crs to the ground."""
    if band.control_points:
        return f"none, {band.control_points} control points"
    return "none, RPCs" if band.rational_polynomials else "none"
