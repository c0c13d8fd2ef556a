"""``download`` and ``plan``."""

import os
from pathlib import Path
from typing import Any

import click
from google.protobuf import json_format
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from rasterwire.cli.options import request_options, to_params
from rasterwire.cli.server import Server, server_options
from rasterwire.cli.text import console, printable
from rasterwire.client.preview import write_preview
from rasterwire.client.transfer import check_target
from rasterwire.units import bytes_text
from rasterwire.v1 import download_pb2

_NAMES_SHOWN = 8

_FORMATS = {".tif": "GEO_TIFF", ".tiff": "GEO_TIFF", ".npy": "NPY", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""By the extension of ``--output``, where neither ``--format`` nor ``--file-per-band`` is given."""


@click.command()
@request_options
@server_options
@click.option("-o", "--output", default=".", help="File or folder; its extension chooses the format.  [default: .]")
@click.option("--preview", type=click.Path(path_type=Path), help="Also write a small picture, as PNG.")
@click.option("--restart", is_flag=True, help="Begin anew, not behind what an earlier run left as NAME.part.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no summary.")
def download(server: Server, output: str, preview: Path | None, restart: bool, quiet: bool, **request: Any) -> None:
    """Download a piece of IMAGE; resumes by itself, and the file appears only when it is whole.

    \b
      rasterwire download IMAGE -b B3 -b B11:20 --region -122.09,37.04,-122.06,37.06 -o piece.zip
      rasterwire download IMAGE --scale 20 --cloud-optimized -o piece.tif --preview look.png
    """
    target = Path(output)
    if output.endswith(("/", os.sep)) and not target.is_dir():
        raise click.UsageError(f"--output: there is no folder {output!r}; make it first, or name a file")
    _check_target("--output", target, folder=True)
    if preview is not None:
        _check_target("--preview", preview)
    if request["format_"] is None and request["file_per_band"] is None and not target.is_dir():
        request["format_"] = _format(target)
    with server.client() as client:
        params = to_params(request)
        done = client.download(params, target, progress=not quiet, restart=restart)
        for line in remarks(done.plan):
            click.echo(line, err=True)
        if preview is not None:
            write_preview(client, params, done.plan, preview)
    if not quiet:
        click.echo(f"{printable(str(done.path))}  {done.size:,} bytes  crc32c {done.crc32c:08x}")


def _format(target: Path) -> str | None:
    """Return the format that the extension of a file names; None for the default, a zip."""
    extension = target.suffix.lower()
    if extension not in _FORMATS and extension not in {"", ".zip"}:
        known = ", ".join([*_FORMATS, ".zip"])
        raise click.UsageError(
            f"--output: no format has the extension {printable(extension)}; end the name with one of {known}, "
            "or give --format"
        )
    return _FORMATS.get(extension)


def _check_target(option: str, path: Path, folder: bool = False) -> None:
    """Refuse a file that could not be written."""
    if path.is_dir() and not folder:
        raise click.UsageError(f"{option}: {str(path)!r} is a folder; name a file")
    try:
        check_target(path)
    except OSError as error:
        raise click.UsageError(f"{option}: {error}") from None


@click.command()
@request_options
@server_options
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, all of it.")
def plan(server: Server, as_json: bool, **request: Any) -> None:
    """Show what a download of IMAGE would hold; nothing is rendered.

    \b
      rasterwire plan IMAGE -b B3 -b B11:20 --region -122.09,37.04,-122.06,37.06
    """
    with server.client() as client:
        answer = client.plan(to_params(request))
    if as_json:
        click.echo(json_format.MessageToJson(answer))
    else:
        show_plan(answer, console())


_MASKS = {
    download_pb2.MASK_NODATA: "by nodata",
    download_pb2.MASK_BAND: "by a mask",
    download_pb2.MASK_EACH_BAND: "by a mask of each band",
}


def _masks(answer: download_pb2.DownloadPlan) -> dict[str, list[str]]:
    """Return how invalid pixels are told, with the files that tell them so."""
    groups: dict[str, list[str]] = {}
    for raster in answer.rasters:
        how = _MASKS.get(raster.mask)
        reason = ", because ".join(filter(None, [how, raster.mask_reason]))
        if reason:
            groups.setdefault(reason, []).append(raster.path)
    return groups


def _shown(picture: download_pb2.VisualizationPlan) -> list[str]:
    """Return how values become the bytes of a picture, in lines."""
    names = ", ".join(band.id for band in picture.bands)
    lines = [f"shows {names}: {picture.reason}"] if names else []
    for band in picture.bands:
        gamma = f", gamma {band.gamma:g}" if band.gamma != 1 else ""
        lines.append(f"  {band.id} from {band.min:g} to {band.max:g}{gamma}: {band.reason}")
    return lines


def remarks(answer: download_pb2.DownloadPlan) -> list[str]:
    """Return what a plan says of fields that had no effect, of bands that cannot be read, and of how it was made."""
    ignored = [
        f"left out: {item.reason}" if item.field == "bands" else f"ignored: {item.field}, because {item.reason}"
        for item in answer.ignored
    ]
    return [printable(line) for line in (*ignored, *(f"note: {note.field}: {note.text}" for note in answer.notes))]


def show_plan(answer: download_pb2.DownloadPlan, to: Console) -> None:
    """Print a plan as a table, what was ignored, and what is left out."""
    headings = ("file", "band", "type", "nodata", "size", "grid", "resampling")
    table = Table(
        *(
            Column(heading, overflow="fold") for heading in headings
        ),  # nothing is cut off, however narrow the terminal is
        title=escape(printable(answer.filename)),
        title_justify="left",
    )
    for raster in answer.rasters:
        path, grid = raster.path, raster.grid
        numbers = ", ".join(f"{n:.10g}" for n in grid.crs_transform)
        crs = grid.crs if len(grid.crs) < 30 else "custom crs"
        size, place = f"{grid.width} x {grid.height}", escape(f"{printable(crs)} [{numbers}]")
        for band in raster.bands:
            kind = download_pb2.DataType.Name(band.data_type).removeprefix("DATA_TYPE_").lower()
            nodata = printable(band.nodata_text) or "none"
            how = download_pb2.Resampling.Name(band.resampling).removeprefix("RESAMPLING_").lower()
            how = "native pixels" if how == "unspecified" else how
            how += f" of overview 1:{band.overview:g}" if band.overview > 1 else ""
            table.add_row(escape(printable(path)), escape(printable(band.id)), kind, nodata, size, place, how)
            path = size = place = ""
        table.add_section()
    to.print(table)
    to.print(f"{bytes_text(answer.uncompressed_bytes)} of pixels, about {bytes_text(answer.estimated_bytes)} delivered")
    for line in _shown(answer.visualization):
        to.print(printable(line), markup=False)
    for text, paths in _masks(answer).items():
        to.print(printable(f"invalid pixels: {text} ({', '.join(paths)})"), markup=False)
    bands_by_path: dict[str, list[str]] = {}
    for band in (band for raster in answer.rasters for band in raster.bands):
        bands_by_path.setdefault(band.path, []).append(band.id)
    for how, names in bands_by_path.items():
        to.print(printable(f"path: {how} ({', '.join(names)})"), markup=False)
    for line in remarks(answer):
        to.print(line, markup=False)
    for left in answer.left_out:
        of = ", ".join(left.bands[:_NAMES_SHOWN]) + (" ..." if len(left.bands) > _NAMES_SHOWN else "")
        to.print(printable(f"left out: {left.item} of {of}, because {left.reason}"), markup=False)
