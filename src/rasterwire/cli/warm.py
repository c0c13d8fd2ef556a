"""Compiling before the first request, at install time."""

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@click.command()
@click.option("--install", is_flag=True, help="Keep them in this Python's environment too, for all who start from it.")
def warm(install: bool) -> None:
    """Compile the loops that a server renders with, so that the first start need not.

    They are kept in ~/.cache/rasterwire, or in NUMBA_CACHE_DIR, for this version and processor.
    Without this, a server compiles them at its first start, and serves more slowly meanwhile.

    \b
      rasterwire warm              # after an installation
      rasterwire warm --install    # in a container image
    """
    try:
        from rasterwire import compiled
        from rasterwire.server.process.warm import STEPS, compile_all
    except ImportError as error:
        raise click.ClickException(
            f"serving needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    columns = TextColumn("compiling"), BarColumn(), TextColumn("{task.completed} of {task.total}"), TimeElapsedColumn()
    try:
        if not compiled.are_cached():
            with Progress(*columns, console=Console(stderr=True)) as progress:
                task = progress.add_task("", total=STEPS)
                for _ in compile_all():
                    progress.advance(task)
    except ChildProcessError as error:
        raise click.ClickException(f"not all loops were compiled: {error}") from None
    if not compiled.are_cached():
        raise click.ClickException("there is no place to keep what was compiled: set NUMBA_CACHE_DIR to a folder")
    if install:
        compiled.install_cache()
    click.echo("all loops are compiled")
