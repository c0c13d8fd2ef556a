"""Puts together what exports need, where the settings name a destination."""

import logging
import os
import socket
from functools import partial
from pathlib import Path

from rasterwire.download import Meter
from rasterwire.export.claims import ExportClaims
from rasterwire.export.destination import Destination
from rasterwire.export.driver import ExportDriver
from rasterwire.export.folder_destination import FolderDestination, folder_problem
from rasterwire.export.queue import ExportQueue
from rasterwire.export.settings import DestinationSettings
from rasterwire.plan import Limits
from rasterwire.render import Engine
from rasterwire.server.export_conflicts import catalogs_around
from rasterwire.server.export_plans import planned_again
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.process.state_folder import scratch_folder
from rasterwire.server.process.stores import LEASES, Stores
from rasterwire.server.service import Service
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store import Leases
from rasterwire.store.jobs import JobStore
from rasterwire.store.leases import SqliteLeases
from rasterwire.store.sqlite_jobs import SqliteJobStore

__all__ = ["Exporting", "begin_exports", "destination_problem", "make_destinations", "tell_of_destinations"]

_JOBS = "exports.sqlite"
"""The file of exports, in the state folder."""


_log = logging.getLogger("rasterwire.server")


class Exporting:
    """The exports of a process, until they are closed."""

    def __init__(self, service: Service, jobs: JobStore, driver: ExportDriver) -> None:
        self._service = service
        self._jobs = jobs
        self._driver = driver

    def close(self) -> None:
        """Stop working at exports; others, or the next process, go on. Before the engine is closed. It blocks."""
        self._driver.close()
        self._service.export_queue = None
        self._jobs.close()


def make_destinations(settings: Settings) -> dict[str, Destination]:
    """Return the destinations of the settings by their names; whether they are there shows when they are asked.

    Raises:
        BadSettings: keys cannot be read, or a package is missing.
    """
    return {destination.name: _destination(destination) for destination in settings.export.destinations}


def tell_of_destinations(settings: Settings) -> None:
    """Say which folders of exports are not there yet, and which cannot be used."""
    for destination in settings.export.destinations:
        name, folder = destination.name, destination.folder
        if not folder:
            continue
        if problem := folder_problem(Path(folder)):
            _log.error("exports to %s fail: %s: %s; let the user of the server write there", name, folder, problem)
        elif not Path(folder).exists():
            _log.warning("export destination %s: there is no folder %s yet; the first export makes it", name, folder)


def destination_problem(settings: Settings) -> str:
    """Return which folders of exports cannot be used, "" where all can; see ``Probe``."""
    folders = {place.name: Path(place.folder) for place in settings.export.destinations if place.folder}
    problems = {name: folder_problem(folder) for name, folder in folders.items()}
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items() if problem)


def _destination(settings: DestinationSettings) -> Destination:
    if settings.folder:
        return FolderDestination(Path(settings.folder))
    from rasterwire.export.s3_destination import S3Destination  # late: it needs a package that others do not

    try:
        return S3Destination(settings.source)
    except (ValueError, ModuleNotFoundError) as error:
        raise BadSettings(f"export.destinations: {settings.name}: {error}") from None


def begin_exports(
    settings: Settings,
    service: Service,
    stores: Stores,
    engine: Engine,
    tenants: TenantTable,
    meter: Meter,
) -> Exporting | None:
    """Let a service take exports, and work at them; None where there is no destination.

    Raises:
        BadSettings: see ``make_destinations``.
        OSError: the state folder cannot be used.
    """
    destinations = make_destinations(settings)
    if not destinations:
        return None
    jobs, leases = _stores(settings, stores)
    limits = Limits(settings.max_side, settings.max_bytes, settings.max_bands, are_of_exports=True)
    by_name = {destination.name: destination for destination in settings.export.destinations}
    catalogs = {
        name: catalogs_around(destination, settings.folders, settings.catalogs) for name, destination in by_name.items()
    }
    replan = partial(planned_again, service.all_downloads.within(limits), tenants, by_name)
    scratch = scratch_folder(settings) / "exports"
    claims = ExportClaims(jobs, leases, f"{socket.gethostname()}:{os.getpid()}")
    driver = ExportDriver(claims, destinations, engine, scratch, replan, meter)
    service.export_queue = ExportQueue(jobs, by_name, destinations, catalogs, limits, driver.wake)
    service.quotas.count_exports = jobs.count
    return Exporting(service, jobs, driver)


def _stores(settings: Settings, stores: Stores) -> tuple[JobStore, Leases]:
    if stores.database is None:
        return SqliteJobStore(settings.state_dir / _JOBS), SqliteLeases(settings.state_dir / LEASES)
    from rasterwire.store.postgres.jobs import PostgresJobStore
    from rasterwire.store.postgres.leases import PostgresLeases

    return PostgresJobStore(stores.database), PostgresLeases(stores.database)
