"""What a scheduler of Dask has: workers of this build and of others, and packages that it needs itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from distributed import Client
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError

from rasterwire.render.build import BUILD

__all__ = ["Census", "census_of", "misfit_of"]

_PACKAGE = "rasterwire"

_OWN = version(_PACKAGE)

_PATIENCE = 10
"""Seconds in which a scheduler has to answer."""


@dataclass(frozen=True, slots=True)
class Census:
    """What a scheduler has.

    Attributes:
        threads: of the workers of this build.
        workers: of this build.
        others: the builds of other workers.
        misfit: why it cannot deal out what this process sends, "" where it can.
    """

    threads: int = 0
    workers: int = 0
    others: Sequence[str] = ()
    misfit: str = ""


def census_of(client: Client) -> Census:
    """Return what the scheduler of a client has; nothing where it does not answer."""
    if client.status != "running":
        return Census()
    try:
        workers = [*client.scheduler_info(n_workers=-1).get("workers", {}).values()]
        misfit = misfit_of(client)
    except (OSError, FutureCancelledError, CommClosedError):
        return Census()
    own = [worker for worker in workers if BUILD in worker["resources"]]
    others = sorted({build for worker in workers for build in worker["resources"] if build != BUILD})
    return Census(sum(worker["nthreads"] for worker in own), len(own), others, misfit)


def misfit_of(client: Client) -> str:
    """Return why a scheduler cannot deal out what this process sends, "" where it can.

    It unpickles each task, which names a function of this package.

    Raises:
        OSError: it does not answer; also ``TimeoutError``.
    """
    packages = client.sync(client.scheduler.versions, packages=[_PACKAGE], callback_timeout=_PATIENCE)["packages"]
    release = packages.get(_PACKAGE)
    if release == _OWN:
        return ""
    what = f"has {_PACKAGE} {release}, and not {_OWN}" if release else f"lacks {_PACKAGE}"
    return f"the scheduler of workers {what}; start it from the image of the servers"
