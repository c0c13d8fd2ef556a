"""The commands, and what their failures look like."""

import gc
import logging
import sys
from pathlib import Path

import click

from rasterwire import __version__
from rasterwire.cli.admin import admin
from rasterwire.cli.admin.options import config_option
from rasterwire.cli.doctor import doctor
from rasterwire.cli.download import download, plan
from rasterwire.cli.downloads import downloads
from rasterwire.cli.exports import export, exports
from rasterwire.cli.images import images
from rasterwire.cli.index import index
from rasterwire.cli.refusals import refusal_lines
from rasterwire.cli.server import Server, server_options
from rasterwire.cli.system_errors import system_error_text
from rasterwire.cli.variables import unread_variables
from rasterwire.cli.versions import versions
from rasterwire.cli.warm import warm
from rasterwire.cli.worker import worker
from rasterwire.client.errors import CorruptData, DownloadFailed, ExportFailed, Interrupted, InvalidParams, NotFound
from rasterwire.units import bytes_text

REFUSED, NOT_FOUND, UNREACHABLE, FAILED = 3, 4, 5, 6


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="rasterwire %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact pieces of rasters, as verified files.

    \b
    Serve a folder of rasters:
      rasterwire serve /data
    See what is there, and what a band is like:
      rasterwire images
      rasterwire images COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG
    Ask what a download would hold, then get it:
      rasterwire plan IMAGE -b B3 --region -122.09,37.04,-122.06,37.06 --scale 20
      rasterwire download IMAGE -b B3 --region -122.09,37.04,-122.06,37.06 --scale 20 -o piece.zip

    Exit codes: 2 wrong usage, 3 refused request, 4 not found, 5 server not reached, 6 transfer failed.
    """
    if context.invoked_subcommand not in {"serve", "doctor"}:  # these tell of them in their own form
        for variable in unread_variables(cli):
            click.echo(f"Warning: {variable}", err=True)


@cli.command()
@click.argument("catalog", required=False, type=click.Path(path_type=Path))
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--grpc-port", type=int, help="0 takes a free one.  [default: 50051]")
@click.option("--http-port", type=int, help="0 takes a free one, -1 leaves HTTP out.  [default: 8080]")
@click.option(
    "--state-dir", type=click.Path(path_type=Path), help="For ids and rendered files.  [default: .rasterwire]"
)
@click.option("--workers", type=int, help="Processes that share the ports.  [default: 1]")
@config_option
def serve(
    catalog: Path | None,
    host: str | None,
    grpc_port: int | None,
    http_port: int | None,
    state_dir: Path | None,
    workers: int | None,
    config: Path | None,
) -> None:
    """Serve the images of the folder CATALOG until interrupted.

    CATALOG holds STAC items or catalogs, folders of GeoTIFF or JPEG 2000 files (a folder is an
    image), and files at its top (each an image).

    CATALOG may be left out where the file of --config names catalogs: folders, STAC APIs, indexes.

    \b
      rasterwire serve /data
      rasterwire serve /data --host 0.0.0.0 --config rasterwire.toml
      rasterwire serve --config catalogs.toml
    """
    gc.disable()  # modules make no garbage, and looking for it takes a sixth of the start
    try:
        from rasterwire.server.process.app import serve as run
        from rasterwire.server.process.log import log_to_stderr
        from rasterwire.server.settings import BadSettings, load_settings
    except ImportError as error:
        raise click.ClickException(
            f"serving needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    finally:
        gc.freeze()
        gc.enable()
    values = {
        "catalog": catalog,
        "host": host,
        "grpc_port": grpc_port,
        "http_port": http_port,
        "state_dir": state_dir,
        "workers": workers,
    }
    try:
        settings = load_settings(config, {name: value for name, value in values.items() if value is not None})
        log_to_stderr(settings.log)
        for variable in unread_variables(cli):
            logging.getLogger("rasterwire.server").warning("%s", variable)
        run(settings)
    except BadSettings as error:
        raise click.UsageError(str(error)) from None


@cli.command()
@server_options
@click.option("--timeout", default=3.0, show_default=True, help="Seconds to wait.")
def health(server: Server, timeout: float) -> None:
    """Exit with 0 where a server is ready for calls, else with 1."""
    import grpc

    with server.channel() as channel:
        # the health protocol by hand: an empty request, and field 1 of the answer is 1 for SERVING
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            serving = check(b"", timeout=timeout) == b"\x08\x01"
        except grpc.RpcError as error:
            click.echo(f"{server.address}: {error.code().name}", err=True)
            sys.exit(1)
    click.echo(f"{server.address}: {'serving' if serving else 'not serving'}", err=not serving)
    sys.exit(0 if serving else 1)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-output"))
def demo(folder: Path) -> None:
    """Make a scene, serve it, and download the documentation's five files into FOLDER."""
    try:
        from rasterwire.demo.run import run_demo
    except ImportError as error:
        raise click.ClickException(
            f"the demo needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    sys.exit(run_demo(folder))


@cli.command()
@server_options
def limits(server: Server) -> None:
    """Show what a server will serve at most, and how your quotas stand."""
    with server.client() as client:
        answer = client.limits()
    click.echo(f"pixels a side          {answer.max_pixels_per_side:,}")
    click.echo(
        f"bytes, uncompressed    {answer.max_uncompressed_bytes:,} ({bytes_text(answer.max_uncompressed_bytes)})"
    )
    click.echo(f"bands                  {answer.max_bands:,}")
    click.echo(f"vertices of a region   {answer.max_region_vertices:,}")
    click.echo(f"an id is valid for     {answer.download_ttl.ToTimedelta()}")
    for quota in answer.quotas:
        again = f", until {quota.reset_time.ToJsonString()}" if quota.HasField("reset_time") else ""
        click.echo(f"{quota.name:<23}{quota.used:,} of {quota.limit:,} used{again}")


@cli.command()
def version() -> None:
    """Print the versions of rasterwire and of what decides its pixels."""
    for line in versions():
        click.echo(line)


for command in (download, plan, downloads, export, exports, images, index, warm, worker, doctor, admin):
    cli.add_command(command)


def main() -> None:
    """Run the command line; failures are sentences and exit codes, never a traceback."""
    try:
        code = cli.main(prog_name="rasterwire", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)  # click returns the code of a command that ended with one
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DownloadFailed as error:
        for line in refusal_lines(error):
            click.echo(f"Error: {line}", err=True)
        sys.exit(_exit_code(error))
    except (OSError, ImportError) as error:
        text = system_error_text(error) if isinstance(error, OSError) else str(error)
        click.echo(f"Error: {text}", err=True)
        sys.exit(FAILED)


def _exit_code(error: DownloadFailed) -> int:
    match error:
        case InvalidParams():
            return REFUSED
        case NotFound():
            return NOT_FOUND
        case Interrupted():
            return UNREACHABLE
        case CorruptData() | ExportFailed():
            return FAILED
        case _:
            return REFUSED
