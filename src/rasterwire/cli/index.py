"""``index``."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rasterwire.cli.text import printable
from rasterwire.units import plural_text

if TYPE_CHECKING:
    from rasterwire.catalog.ingest import Summary

_kinds = ("auto", "folder", "bucket", "catalog", "api", "geoparquet")

_NAMES_SHOWN = 5

_NO_CONFIG = (
    "\nWithout --config it was asked as a public server. One in your own network, and one that needs an endpoint or "
    "keys, has to be in the [[sources]] of a config file."
)


@click.command()
@click.argument("source", required=False)
@click.option(
    "--into",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the index, ending with .sqlite.",
)
@click.option("--kind", type=click.Choice(_kinds), default="auto", help="What SOURCE is, where its name does not tell.")
@click.option("--collection", "collections", multiple=True, help="Of a STAC API; may be repeated.  [default: all]")
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="Take SOURCE in place of another source of the index, and let an index become empty.",
)
@click.option(
    "--export", type=click.Path(path_type=Path, dir_okay=False), help="Write all items to this file of stac-geoparquet."
)
@click.option("--config", type=click.Path(path_type=Path, exists=True), help="TOML file; its [[sources]] are used.")
def index(
    source: str | None,
    path: Path,
    kind: str,
    collections: tuple[str, ...],
    replaces: bool,
    export: Path | None,
    config: Path | None,
) -> None:
    """Build an index of the images of SOURCE, or update it.

    SOURCE is a folder, a bucket or a part of its keys, the root document of a static STAC
    catalog (its name ends with .json), the address of a STAC API, or a file of stac-geoparquet.
    Documents may be on this machine, at http:// and https:// addresses, or in the object stores
    s3://, gs:// and az://.

    An index that is there is updated: what did not change is not read again, and what SOURCE no
    longer has is removed. After Ctrl-C or a crash, the same command goes on where it was.

    \b
      rasterwire index /data --into data.sqlite
      rasterwire index s3://imagery/2024/ --into imagery.sqlite --config rasterwire.toml
      rasterwire index s3://eo/catalog.json --into eo.sqlite --config rasterwire.toml
      rasterwire index https://stac.example.org/v1 --collection sentinel-2-l2a --into s2.sqlite
      rasterwire index items.parquet --into items.sqlite
      rasterwire index --into eo.sqlite --export items.parquet
    """
    _check_files(path, export, has_source=source is not None)
    if source is None and (kind != "auto" or collections or replaces):
        raise click.UsageError("--kind, --collection and --replace are about a SOURCE; name it, or delete them")
    try:
        from rasterwire.catalog.ingest import build
        from rasterwire.errors import DownloadError, SourceUnavailable
    except ImportError as error:
        raise click.ClickException(
            f"an index needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    from rasterwire.catalog.ingest.geoparquet import PackageMissing

    try:
        if source is not None:
            address = _address(source)
            chosen = build.kind_of(address) if kind == "auto" else build.SourceKind(kind)
            if collections and chosen is not build.SourceKind.API:
                raise click.UsageError(
                    f"--collection is for a STAC API, and SOURCE is taken for a {chosen}; delete it, or say --kind api"
                )
            _configure(address, config)
            _update(address, chosen, path, collections, replaces=replaces)
        if export is not None:
            _configure(str(path.resolve()), config)
            _export(path, export)
    except SourceUnavailable as error:
        is_unset = config is None and source is not None and "://" in source
        raise click.ClickException(printable(error.problem) + (_NO_CONFIG if is_unset else "")) from None
    except (DownloadError, build.IndexInUse, build.OtherSource, PackageMissing) as error:
        raise click.ClickException(printable(str(error))) from None
    except OSError as error:
        raise click.ClickException(f"files beside the index cannot be written: {error.strerror or error}") from None


def _check_files(path: Path, export: Path | None, *, has_source: bool) -> None:
    """Refuse files that cannot be written, or are not there, before anything is read."""
    if not has_source and export is None:
        raise click.UsageError("name a SOURCE to read, or a file to --export to")
    if path.suffix != ".sqlite":
        raise click.UsageError(
            f"--into {printable(str(path))}: end the name with .sqlite, by which a config file knows an index"
        )
    if not has_source and not path.is_file():
        raise click.UsageError(f"--into {printable(str(path))}: there is no such index; name a SOURCE to make it of")
    for option, file in (("--into", path), ("--export", export)):
        if file is not None and not file.absolute().parent.is_dir():
            raise click.UsageError(f"{option} {printable(str(file))}: there is no folder for it; make it first")


def _address(source: str) -> str:
    """Return the address of a source: a URL as it is, and a path as an absolute one."""
    if "://" in source:
        return source
    from rasterwire.catalog.settings import is_sqlite

    path = Path(source).expanduser()
    if not path.exists():
        raise click.UsageError(f"there is no file or folder {printable(source)!r}")
    if is_sqlite(path):
        raise click.UsageError(f"{printable(source)!r} is an index; name what it is made of, and the index --into")
    return str(path.resolve())


def _configure(address: str, config: Path | None) -> None:
    """Let this process read from the sources of the settings, and from the server of the address itself."""
    from rasterwire.errors import InvalidRequest, Violations
    from rasterwire.files.sources import configure, is_local
    from rasterwire.files.sources.make import make_sources
    from rasterwire.files.sources.settings import SourceSettings, read_sources

    violations = Violations()
    try:
        tables = tomllib.loads(config.read_text()) if config is not None else {}
        sources = list(read_sources(tables.get("sources", []), violations))
        violations.raise_if_any()
        if not is_local(address) and not any(address.startswith(each.prefix) for each in sources):
            parts = urlsplit(address)
            sources.append(SourceSettings(f"{parts.scheme}://{parts.netloc}/"))
        configure(make_sources(sources))
    except InvalidRequest as error:
        raise click.UsageError("\n".join(map(str, error.violations))) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"config file {config}: {error}") from None


def _update(address: str, kind: str, path: Path, collections: Sequence[str], *, replaces: bool) -> None:
    from rasterwire.catalog.ingest.build import SourceKind, remove_empty_index, update_index

    is_new = not path.exists()
    columns = TextColumn("documents read"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=None)

            def tell(count: int, total: int | None) -> None:
                progress.update(task, completed=count, total=total)

            summary = update_index(address, SourceKind(kind), path, collections, tell, replaces=replaces)
            progress.update(task, total=progress.tasks[0].completed)
    except KeyboardInterrupt:
        click.echo("interrupted; the same command goes on from here", err=True)
        raise
    click.echo(f"images: {summary.added} added, {summary.changed} changed, {summary.removed} removed")
    _tell_problems(summary)
    if is_new:
        remove_empty_index(path)
    if not path.exists():
        raise click.ClickException(
            f"no image was found in SOURCE, which was read as --kind {kind}; no index was made; is it the right one?"
        )


def _tell_problems(summary: "Summary") -> None:
    if summary.broken:
        click.echo(f"documents with problems: {summary.broken}", err=True)
        for name, problem in summary.problems:
            click.echo(f"  {printable(name)}: {printable(problem)}", err=True)
        if summary.broken > len(summary.problems):
            click.echo(f"  and {summary.broken - len(summary.problems)} more", err=True)
    if summary.doubles:
        click.echo(printable(summary.doubles_text()), err=True)
    if not summary.is_whole:
        click.echo("parts of the source could not be read; nothing that may be in them was removed", err=True)


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:_NAMES_SHOWN])) + (", ..." if names[_NAMES_SHOWN:] else "")


def _export(path: Path, export: Path) -> None:
    from rasterwire.catalog.ingest.build import placed_entries_of
    from rasterwire.catalog.ingest.geoparquet import write_geoparquet

    left_out: list[str] = []
    count = write_geoparquet(placed_entries_of(path, left_out), export)
    click.echo(f"{plural_text(count, 'image')} written to {printable(str(export))}")
    if left_out:
        names = _names(left_out)
        click.echo(
            f"{len(left_out)} left out, since neither document nor raster says where they are: {names}", err=True
        )
