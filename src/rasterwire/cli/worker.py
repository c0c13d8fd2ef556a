"""Processes that render for servers."""

from dataclasses import replace
from pathlib import Path

import click

_OF_SERVERS = ("auth", "store", "tenants", "tls")
"""Tables of the config file whose keys, passwords and certificates a worker has no need of."""


@click.command()
@click.option("--scheduler", help="Its address, such as tls://scheduler:8786; by default that of [dask] in the file.")
@click.option("--config", type=click.Path(path_type=Path), help="The TOML file of the servers.")
@click.option("--threads", type=int, help="Blocks at once.  [default: one for each core]")
@click.option("--host", default="", help="Address to listen on; by default that by which the scheduler is reached.")
def worker(scheduler: str | None, config: Path | None, threads: int | None, host: str) -> None:
    """Render blocks of large downloads for the servers of a Dask scheduler, until interrupted.

    Start it from the same image as the servers, with the same config file: it reads the same
    sources, with its own credentials. It loads the compiled loops before it tells the scheduler of
    itself, keeps nothing but caches, and is given no work by servers of other versions.

    \b
      dask scheduler --host 10.0.0.5
      rasterwire worker --scheduler tcp://10.0.0.5:8786 --config rasterwire.toml
    """
    try:
        from rasterwire.errors import Violations
        from rasterwire.server.dask_settings import with_scheduler
        from rasterwire.server.process.render_worker import WorkerOrder, check_order, security_of, work
        from rasterwire.server.settings import BadSettings, load_settings
    except ImportError as error:
        raise click.ClickException(
            f"a worker needs more packages ({error.name}): pip install '.[server,dask]' in the clone"
        ) from None
    try:
        overrides = {} if threads is None else {"threads": threads}
        settings = load_settings(config, overrides, needs_images=False, unread=_OF_SERVERS)
        problems = Violations()
        settings = replace(settings, dask=with_scheduler(settings.dask, scheduler or "", problems))
        if problems.items:
            raise BadSettings("; ".join(map(str, problems.items)))
        address, security = settings.dask.scheduler, security_of(settings.dask)
        order = WorkerOrder(settings, address, settings.threads, host, security, returns=True)
        check_order(order)
        work(order)
    except BadSettings as error:
        raise click.UsageError(str(error)) from None
