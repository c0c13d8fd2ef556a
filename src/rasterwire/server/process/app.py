"""The composition root: builds the parts once, runs them, and stops them in order."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from rasterwire.catalog import Catalog
from rasterwire.catalog.make import folder_index, make_catalog
from rasterwire.download import NO_METER, Downloads, Renders
from rasterwire.download.held_leases import HeldLeases
from rasterwire.errors import SourceUnavailable
from rasterwire.plan import EARTH_ENGINE_LIMITS, Limits
from rasterwire.render import Engine
from rasterwire.render.engine import ThreadEngine
from rasterwire.server.audit import AuditFile
from rasterwire.server.call_log import CallLog
from rasterwire.server.earth_engine.front import add_earth_engine_door
from rasterwire.server.http.front import add_http_door
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.metrics import Metrics
from rasterwire.server.page.front import add_page
from rasterwire.server.process.engines import IDLE, LargeEngine, check_engine, is_idle, make_engine
from rasterwire.server.process.exports import (
    Exporting,
    begin_exports,
    destination_problem,
    make_destinations,
    tell_of_destinations,
)
from rasterwire.server.process.grpc_server import add_services, make_grpc_server
from rasterwire.server.process.identity_files import (
    make_audit_file,
    make_authenticator,
    make_certificates,
    make_tenants,
    make_url_signer,
    reload,
)
from rasterwire.server.process.idle_work import keep_house
from rasterwire.server.process.log import log_to_stderr
from rasterwire.server.process.memory import keep_memory
from rasterwire.server.process.numbers import begin_shared, keep_telling, make_metrics, state_of
from rasterwire.server.process.ports import authority, listen_grpc, reachable, start_http, start_metrics
from rasterwire.server.process.readable import use_sources
from rasterwire.server.process.sandboxed import sandboxed
from rasterwire.server.process.state_folder import locked, remove_leftovers, scratch_folder, unusable_state_folder
from rasterwire.server.process.stores import Stores, make_stores
from rasterwire.server.process.telemetry import check_telemetry, make_tracer
from rasterwire.server.process.terminal import Terminal
from rasterwire.server.process.unserved import tell_unread_meanwhile, tell_unserved_meanwhile
from rasterwire.server.process.warm import warm_up
from rasterwire.server.process.workers import reserved_ports, supervise
from rasterwire.server.readiness import Probe, Readiness, server_probes
from rasterwire.server.service import Service
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.server.web.application import web_application
from rasterwire.server.web.metrics_page import add_metrics_page
from rasterwire.store.private_files import private_folder

if TYPE_CHECKING:
    from rasterwire.server.traces import Tracer

_log = logging.getLogger("rasterwire.server")

_pause = asyncio.sleep
_COLLECT_AFTER = 5_000
"""Objects; after the 700 of Python 3.11, a graph of megabytes is looked through again and again while it is read."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes calls.

    Attributes:
        grpc_port: that it listens on.
        http_port: likewise; -1 without an HTTP door.
        reload: reads keys and certificates again; called by the event loop.
    """

    grpc_port: int
    http_port: int
    reload: Callable[[], None]


@asynccontextmanager
async def running(settings: Settings, *, compiles_apart: bool = False) -> AsyncIterator[Running]:
    """Run a server for the time of the block, then let its streams end for ``drain_seconds``.

    Args:
        settings: of the server.
        compiles_apart: whether another process compiles first; see ``warm_up``.

    Raises:
        BadSettings: a port is taken, or the state folder cannot be used, or is used.
    """
    alone = settings.workers == 1
    with locked(settings.state_dir) if alone else contextlib.nullcontext(), sandboxed(settings):
        async with _running(settings, compiles_apart) as ports:
            yield ports


@asynccontextmanager
async def _running(settings: Settings, compiles_apart: bool) -> AsyncIterator[Running]:
    tenants = make_tenants(settings)
    authenticator, certificates = make_authenticator(settings, tenants), make_certificates(settings)
    engine = ThreadEngine(settings.threads)
    metrics = make_metrics(settings)
    tracer, audit = make_tracer(settings), make_audit_file(settings)
    log = CallLog(metrics, audit, tracer)
    large = make_engine(settings, engine)
    service = _service(settings, tenants, stores := _stores(settings), (engine, large or engine), metrics)
    service.addresses.signer = signer = make_url_signer(settings)
    exporting = _exports(settings, service, stores, large or engine, tenants, metrics)
    server = make_grpc_server(settings)
    standing = health, _ = add_services(server, service, authenticator, log)
    watched = dict(stores.probes) if large is None else {**stores.probes, "workers": large.problem}
    readiness = Readiness(_probes(settings, audit, exporting), watched=watched)
    readiness.tell("loops", "compiled loops are not loaded yet")
    grpc_port = listen_grpc(server, settings, certificates)
    app, metrics_app = web_application(authenticator, log), web.Application()
    _add_doors(app, service, readiness, settings, grpc_port)
    look = None
    if metrics is not None:
        look = state_of(metrics, service, readiness, settings.state_dir / "cache")
        add_metrics_page(app if settings.shows_metrics_by_http else metrics_app, metrics, look)
    runner = _http_runner(app, settings)
    metrics_runner = web.AppRunner(metrics_app, handle_signals=False, access_log=None)
    http_port = await start_http(runner, settings, certificates)
    await start_metrics(metrics_runner, settings)
    if http_port >= 0:
        address = f"{settings.scheme}://{authority(reachable(settings.host), http_port)}"
        service.addresses.public_url = (settings.public_url or address).rstrip("/")
    await server.start()
    turn = settings.state_dir / "compiling" if compiles_apart else None
    works = [_warming(readiness, turn), readiness.follow(health.set), keep_house(service)]
    if look is not None and settings.workers > 1:
        works.append(keep_telling(look))
    tasks = [asyncio.create_task(work) for work in works]
    reloaded = tenants, authenticator, certificates, signer, audit
    try:
        yield Running(grpc_port, http_port, partial(reload, settings, *reloaded))
    finally:
        readiness.tell("stopping", "the server was told to stop")
        health.set(False)
        await _pause(settings.lame_duck_seconds)
        for task in tasks:
            task.cancel()
        service.stop_reading()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in standing:
            each.end()
        await asyncio.gather(server.stop(settings.drain_seconds), runner.cleanup())
        await metrics_runner.cleanup()
        if exporting is not None:
            await asyncio.to_thread(exporting.close)
        await _close(service, [engine] if large is None else [large, engine], tracer)
        if audit is not None:
            audit.close()


def _probes(settings: Settings, audit: AuditFile | None, exporting: Exporting | None) -> dict[str, Probe]:
    probes = server_probes(settings.folders, settings.state_dir)
    if audit is not None:
        probes["audit"] = audit.problem
    if exporting is not None:
        probes["exports"] = partial(destination_problem, settings)
    return probes


def _add_doors(
    app: web.Application, service: Service, readiness: Readiness, settings: Settings, grpc_port: int
) -> None:
    add_http_door(app, service, readiness)
    if settings.web:
        add_page(app, grpc_port)
    add_earth_engine_door(app, service, settings)


async def _close(service: Service, engines: Sequence[ThreadEngine | LargeEngine], tracer: "Tracer | None") -> None:
    await service.preparations.close()
    await asyncio.to_thread(service.close)
    for engine in engines:
        await asyncio.to_thread(engine.close)
    if tracer is not None:
        await asyncio.to_thread(tracer.close)


def _http_runner(app: web.Application, settings: Settings) -> web.AppRunner:
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,  # a client that leaves ends its render
        keepalive_timeout=settings.idle_seconds,
        shutdown_timeout=settings.drain_seconds / 2,  # aiohttp waits twice
    )


async def _warming(readiness: Readiness, turn: Path | None) -> None:
    try:
        await warm_up(turn)
    except (OSError, RuntimeError):  # a full disk, say: what is missing is compiled when it is first needed
        _log.exception("not all loops could be compiled or kept")
    readiness.tell("loops", "")


def _stores(settings: Settings) -> Stores:
    try:
        if settings.workers == 1:
            remove_leftovers(settings.state_dir)
        private_folder(scratch_folder(settings))
        return make_stores(settings)
    except OSError as error:
        raise unusable_state_folder(settings.state_dir, error) from None


def _service(
    settings: Settings,
    tenants: TenantTable,
    stores: Stores,
    engines: tuple[Engine, Engine],
    metrics: Metrics | None = None,
) -> Service:
    engine, large = engines
    scratch = scratch_folder(settings)
    configured = Limits(settings.max_side, settings.max_bytes, settings.max_bands)
    limits = EARTH_ENGINE_LIMITS if settings.limits == "earth-engine" else configured
    lifetime = timedelta(seconds=settings.lifetime_seconds)
    downloads = Downloads(_catalog(settings), stores.downloads, stores.artifacts, limits, lifetime, engine)
    meter, owner = metrics or NO_METER, f"{socket.gethostname()}:{os.getpid()}"
    leases = None if stores.leases is None else HeldLeases(stores.leases, owner, meter)
    renders = Renders(large, stores.artifacts, scratch, settings.max_renders, leases, meter)
    return Service(downloads, renders, scratch, settings.max_renders, tenants, meter, stores.usage)


def _exports(
    settings: Settings,
    service: Service,
    stores: Stores,
    engine: Engine,
    tenants: TenantTable,
    metrics: Metrics | None,
) -> Exporting | None:
    try:
        return begin_exports(settings, service, stores, engine, tenants, metrics or NO_METER)
    except OSError as error:
        raise BadSettings(f"state_dir: {settings.state_dir} cannot be used: {error}") from None


def _catalog(settings: Settings) -> Catalog:
    """Return the catalog of this process, and let it read from the sources of the settings.

    Raises:
        BadSettings: a package or a file that the settings need is missing.
    """
    use_sources(settings)
    try:
        return make_catalog(settings.catalog, settings.catalogs, settings.state_dir / "index")
    except SourceUnavailable as error:
        raise BadSettings(f"catalogs: {error.problem}") from None


def serve(settings: Settings) -> None:
    """Run a server until SIGINT or SIGTERM.

    Raises:
        BadSettings: see ``running``.
    """
    log_to_stderr(settings.log)
    if settings.is_open_to_others:
        _log.warning(
            "ANYONE who reaches %s may list and download every image: nobody is asked who they are. Set [auth] and "
            "[[tenants]] in the config file, or keep this address behind a proxy that does",
            settings.host,
        )
    tenants = make_tenants(settings)
    make_authenticator(settings, tenants)  # these tell of bad settings before workers start
    make_certificates(settings)
    make_url_signer(settings)
    if (audit := make_audit_file(settings)) is not None:
        audit.close()
    check_telemetry(settings)
    make_destinations(settings)
    tell_of_destinations(settings)
    check_engine(settings)
    if is_idle(settings):
        _log.warning("%s", IDLE)
    use_sources(settings)  # likewise; and whether an asset is served depends on its source
    if settings.workers == 1:
        _tell_of_images(settings)
        _serve_alone(settings)
        return
    engine = ThreadEngine(1)
    with locked(settings.state_dir) as lock:
        alone = replace(settings, workers=1)
        _service(
            alone, tenants, _stores(alone), (engine, engine)
        ).close()  # tells of a bad folder, and cleans it once for all
        engine.close()
        begin_shared(settings)
        with reserved_ports(settings) as (resolved, ports):
            supervise(resolved, [lock, *ports])


def serve_as_worker(settings: Settings, predecessors: Sequence[int], *, is_first: bool) -> None:
    """Run one of several servers until SIGINT or SIGTERM.

    Args:
        settings: of all.
        predecessors: ids of processes that ended, and whose leftovers are removed.
        is_first: whether it tells what the catalogs hold, for all.
    """
    log_to_stderr(settings.log)
    for pid in predecessors:
        remove_leftovers(settings.state_dir, pid)
    if is_first:
        use_sources(settings)
        _tell_of_images(settings)
    _serve_alone(settings)


def _tell_of_images(settings: Settings) -> None:
    indexes = settings.state_dir / "index"
    formats = {catalog.prefix: catalog.formats for catalog in settings.catalogs}
    tell_unserved_meanwhile(
        {folder: folder_index(indexes, prefix, formats.get(prefix, ())) for prefix, folder in settings.folders.items()}
    )
    tell_unread_meanwhile(settings.catalogs, indexes)


def _serve_alone(settings: Settings) -> None:
    keep_memory()
    log_to_stderr(settings.log)
    terminal = None if settings.has_use_of_reload or settings.workers > 1 else Terminal()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])  # it waits until it is taken
    try:
        asyncio.run(_serve(settings, terminal))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def _serve(settings: Settings, terminal: Terminal | None) -> None:
    """Serve until a signal ends it.

    Args:
        settings: of the server.
        terminal: with whose end the server ends; None for one that outlives its terminal, or has a supervisor.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang_up(reload: Callable[[], None]) -> None:
        if terminal is not None and terminal.is_closed():
            stop.set()
        else:
            reload()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop.set)
    async with running(settings, compiles_apart=True) as ports:
        loop.add_signal_handler(signal.SIGHUP, hang_up, ports.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        http = f", {settings.scheme}://{settings.host}:{ports.http_port}" if ports.http_port >= 0 else ""
        _log.info("serving %s on grpc %s:%s%s", settings.images, settings.host, ports.grpc_port, http)
        gc.freeze()  # what is there by now stays: looking through it for garbage takes a twentieth of small requests
        gc.set_threshold(_COLLECT_AFTER)
        await stop.wait()
        _log.info("stopping")
