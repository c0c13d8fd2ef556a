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
from rasterwire.units import plural_text
from rasterwire.v1 import catalog_service_pb2, download_pb2

if TYPE_CHECKING:
    from rasterwire.catalog.folder import FolderCatalog

_NO_IMAGES = "no images: its folder holds no rasters, and no documents of any"


@click.command()
@click.argument("what", metavar="[ID|FOLDER]", required=False)
@server_options
@click.option("--prefix", default="", help="Only ids that begin so, such as those of a catalog: landsat/.")
@click.option(
    "--check", is_flag=True, help="Report where documents of FOLDER differ from its files, and what is not served."
)
@click.pass_context
def images(ctx: click.Context, what: str | None, server: Server, prefix: str, check: bool) -> None:
    """List the images of a server or of a FOLDER, or the bands of the image ID.

    A name that is both an id and a folder here is taken for the folder, unless --server is given.

    \b
      rasterwire images
      rasterwire images --prefix COPERNICUS/
      rasterwire images COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG
      rasterwire images /data --check
    """
    names_server = ctx.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    folder = Path(what) if what and (check or not names_server) and Path(what).is_dir() else None
    if prefix and (check or (what and folder is None)):
        raise click.UsageError("--prefix is for a list; leave out --check, and the ID of an image")
    if check:
        if folder is None:
            raise click.UsageError("--check needs a folder: rasterwire images FOLDER --check")
        sys.exit(_check(folder))
    if folder is not None:
        if not _is_path(str(what)):
            click.echo(f"{printable(str(folder))!r} is a folder here; for an image of this id add --server", err=True)
        _list_folder(folder, prefix)
        return
    if what and not names_server and _is_path(what):
        raise click.UsageError(f"there is no folder {what!r}; name one, or the id of an image")
    with server.client() as client:
        if what:
            _show(client.get_image(what))
        else:
            _list_server(client, prefix)


def _is_path(what: str) -> bool:
    """Tell whether a name can only be that of a folder: no id begins or ends so."""
    return Path(what).is_absolute() or what.startswith((".", "~")) or what.endswith("/")


def _check(folder: Path) -> int:
    catalog = _catalog(folder)
    from rasterwire.catalog import unserved as of_unserved

    disagreements, unserved = list(catalog.check()), catalog.unserved()
    for line in (*map(str, disagreements), *of_unserved.lines(unserved)):
        click.echo(printable(line))
    agreement = plural_text(len(disagreements), "disagreement") if disagreements else "documents and files agree"
    rest = f"; files and assets that are not served: {len(unserved)}" if unserved else ""
    click.echo(f"{agreement}{rest}", err=True)
    return 1 if disagreements else 0


def _list_server(client: Client, prefix: str) -> None:
    unreachable: list[str] = []
    count = without = 0
    for image in client.list_images(prefix, on_unreachable=unreachable.append):
        count, without = count + 1, without + image.without_rasters
        click.echo(_line(image.id, image.without_rasters))
    for root in map(printable, unreachable):
        ids = f"under {root}" if root else "without a prefix"
        why = f"; rasterwire images --prefix {root} tells why" if root else ""
        click.echo(f"images {ids} are left out: the server cannot reach their catalog now{why}", err=True)
    if without:
        click.echo(f"the server reaches no raster of {without} of these images", err=True)
    if not count and not unreachable:
        missing = f"no image whose id begins with {printable(prefix)!r}" if prefix else _NO_IMAGES
        click.echo(f"the server has {missing}", err=True)


def _line(image_id: str, without_rasters: bool) -> str:
    return printable(image_id) + ("\tno rasters" if without_rasters else "")


def _list_folder(folder: Path, prefix: str) -> None:
    catalog, start, count, without = _catalog(folder), "", 0, 0
    from rasterwire.query import Query

    while True:
        page = catalog.find(Query(prefix=prefix), start)
        for image in page.images:
            without += image.without_rasters
            click.echo(_line(image.id, image.without_rasters))
        start, count = page.next, count + len(page.images)
        if not start:
            break
    from rasterwire.catalog.unserved import AN_IMAGE, count_text, summary

    if not count and prefix:
        click.echo(f"no image in {printable(str(folder))} has an id that begins with {printable(prefix)!r}", err=True)
    elif not count:
        unserved = summary(catalog.unserved())
        also = f"; not served are {unserved}" if unserved else ""
        click.echo(f"no images in {printable(str(folder))}: {AN_IMAGE}{also}", err=True)
    elif without:
        click.echo(f"{count_text(count, without)}; add --check to see what is missing", err=True)


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
    for asset in image.unreadable_assets:
        click.echo(printable(f"left out: {asset.id!r} cannot be read: {asset.reason}"), err=True)


def _unplaced(band: catalog_service_pb2.BandInfo) -> str:
    """Return what ties pixels without a crs to the ground."""
    if band.control_points:
        return f"none, {band.control_points} control points"
    return "none, RPCs" if band.rational_polynomials else "none"
