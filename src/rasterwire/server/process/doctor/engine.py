"""Whether what renders large downloads is there: the scheduler of Dask, and its workers."""

from collections.abc import Iterator
from contextlib import closing

from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.process.engines import IDLE, check_engine, is_idle
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.units import plural_text

__all__ = ["engine_findings"]


def engine_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the engine; nothing where a server renders by itself, and is not told otherwise."""
    try:
        check_engine(settings)
    except BadSettings as error:
        yield bad("engine", str(error), "correct engine in the config file")
        return
    if is_idle(settings):
        figure, _, remedy = IDLE.partition("; ")
        yield doubtful("engine", figure, remedy)
    if settings.engine == "dask":
        yield _of_scheduler(settings) if settings.dask.scheduler else _of_processes(settings)


def _of_processes(settings: Settings) -> Finding:
    if settings.workers > 1:
        return bad("workers", "each worker of the server would start processes", "set workers = 1, or dask.scheduler")
    return well("workers", f"a server starts {settings.dask.process_count} of its own")


def _of_scheduler(settings: Settings) -> Finding:
    from rasterwire.render.dask_census import census_of  # late: it needs a package that others do not
    from rasterwire.server.process.dask_engine import connected
    from rasterwire.server.process.render_worker import configure_dask, security_of

    address = settings.dask.scheduler
    configure_dask()
    try:
        with closing(connected(address, security_of(settings.dask))) as client:
            census = census_of(client)
    except (OSError, ValueError) as error:
        remedy = "start it, or correct dask.scheduler and the files of TLS"
        return bad("workers", f"the scheduler {address} cannot be reached: {error}", remedy)
    if census.misfit:
        figure, _, remedy = census.misfit.partition("; ")
        return bad("workers", figure, remedy)
    if not census.threads:
        others = f"; it has {' and '.join(census.others)}" if census.others else ""
        remedy = "start rasterwire worker from the image of the servers"
        return bad("workers", f"the scheduler {address} has no worker of this version{others}", remedy)
    figure = f"{plural_text(census.workers, 'worker')} with {plural_text(census.threads, 'thread')} at {address}"
    if census.others:
        return doubtful("workers", f"{figure}; others are of {' and '.join(census.others)}", "replace these")
    return well("workers", figure)
