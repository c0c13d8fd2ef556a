"""``download`` and ``plan``."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from rasterwire.cli.options import request_options, server_option, to_params
from rasterwire.client import Client
from rasterwire.v1 import download_pb2


@click.command()
@request_options
@server_option
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path(), help="File or folder.  [default: .]")
@click.option("--preview", type=click.Path(path_type=Path), help="Also write a picture, as PNG.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no summary.")
def download(server: str, output: Path, preview: Path | None, quiet: bool, **request: Any) -> None:
    """Download a piece of IMAGE; resumes by itself, and the file appears only when it is whole.

    \b
      rasterwire download IMAGE -b B3 -b B11:20 --region -122.09,37.04,-122.06,37.06 -o piece.zip
      rasterwire download IMAGE --scale 20 --format GEO_TIFF --cloud-optimized --preview look.png
    """
    with Client(server) as client:
        done = client.download(to_params(request), output, progress=not quiet)
    if preview is not None:
        from rasterwire.client.preview import write_preview

        write_preview(done.path, preview)
    if not quiet:
        click.echo(f"{done.path}  {done.size:,} bytes  crc32c {done.crc32c:08x}")


@click.command()
@request_options
@server_option
def plan(server: str, **request: Any) -> None:
    """Show what a download of IMAGE would hold; nothing is rendered.

    \b
      rasterwire plan IMAGE -b B3 -b B11:20 --region -122.09,37.04,-122.06,37.06
    """
    with Client(server) as client:
        answer = client.plan(to_params(request))
    show_plan(answer, Console())


def show_plan(answer: download_pb2.DownloadPlan, console: Console) -> None:
    """Print a plan as a table, and what was ignored."""
    table = Table(
        "file",
        "band",
        "type",
        "nodata",
        "size",
        "grid",
        "resampling",
        "path",
        title=answer.filename,
        title_justify="left",
    )
    for raster in answer.rasters:
        path, grid = raster.path, raster.grid
        numbers = ", ".join(f"{n:.10g}" for n in grid.crs_transform)
        crs = grid.crs if len(grid.crs) < 30 else "custom crs"
        size, place = f"{grid.width} x {grid.height}", f"{crs} [{numbers}]"
        for band in raster.bands:
            kind = download_pb2.DataType.Name(band.data_type).removeprefix("DATA_TYPE_").lower()
            nodata = f"{band.nodata:g}" if band.HasField("nodata") else "none"
            how = download_pb2.Resampling.Name(band.resampling).removeprefix("RESAMPLING_").lower()
            how = "native pixels" if how == "unspecified" else how
            how += f" of overview 1:{band.overview:g}" if band.overview > 1 else ""
            table.add_row(path, band.id, kind, nodata, size, place, how)
            path = size = place = ""
        table.add_section()
    console.print(table)
    console.print(f"{answer.uncompressed_bytes:,} bytes of pixels, about {answer.estimated_bytes:,} delivered")
    made: dict[str, list[str]] = {}
    for band in (band for raster in answer.rasters for band in raster.bands):
        made.setdefault(band.path, []).append(band.id)
    for how, names in made.items():
        console.print(f"path: {how} ({', '.join(names)})", markup=False)
    for ignored in answer.ignored:
        console.print(f"ignored: {ignored.field}, because {ignored.reason}", markup=False)
