"""Whether a server is ready for requests, and if not, why."""

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

_log = logging.getLogger("rasterwire.server")

_EVERY = 2.0
"""Seconds between two looks of ``follow``."""

_PATIENCE = 5.0
"""Seconds; a file system that takes longer serves no request in time."""

_LEAST_FREE = 64 << 20
"""Bytes that have to be free on the disk of ``state_dir``; with less, SQLite and the smallest render are about to
fail."""

_WATCH_PATIENCE = 3.0
"""Seconds, of a look at another machine; with it, one that is down is told within five."""

Probe = Callable[[], str]


class Readiness:
    """Named checks: a server is ready while none of them has a problem.

    What happens once is told (``tell``): loops are loaded, the server stops. What may change at any time is
    looked at anew each time somebody asks (probes). What is on other machines is looked at by ``follow`` alone, so that
    those who ask send no requests there (watched). For use in the thread of the event loop.
    """

    def __init__(
        self, probes: Mapping[str, Probe], patience: float = _PATIENCE, watched: Mapping[str, Probe] | None = None
    ) -> None:
        """Begin without a problem.

        Args:
            probes: by name of the check; each returns what is wrong, or "", and may block. What is wrong is told
                to whoever asks the server, so it names no path.
            patience: seconds that a probe may take.
            watched: likewise, of other machines; they are a problem until ``follow`` has looked.
        """
        self._probes = {name: _Patient(probe, patience) for name, probe in probes.items()}
        patience = min(patience, _WATCH_PATIENCE)
        self._watched = {name: _Patient(probe, patience) for name, probe in (watched or {}).items()}
        self._reported: dict[str, str] = dict.fromkeys(self._watched, "it was not looked at yet")
        self._changed = asyncio.Event()

    def tell(self, name: str, problem: str) -> None:
        """Say what is wrong by a check, or "" for nothing any more; asks no probe, and wakes ``follow``."""
        if self._reported.get(name, "") != problem:
            self._reported[name] = problem
            self._changed.set()

    async def problems(self) -> dict[str, str]:
        """Return what is wrong now, by check; every check is named, with "" where it is well."""
        answers = await asyncio.gather(*(probe.ask() for probe in self._probes.values()))
        return self._reported | dict(zip(self._probes, answers, strict=True))

    async def follow(self, notify: Callable[[bool], None], every: float = _EVERY) -> None:
        """Say whether the server is ready, at once and at each change, until cancelled.

        Args:
            notify: is called with whether it is ready.
            every: seconds between two looks at the probes.
        """
        last: dict[str, str] | None = None
        while True:
            self._changed.clear()
            watched = await asyncio.gather(*(probe.ask() for probe in self._watched.values()))
            self._reported |= zip(self._watched, watched, strict=True)
            problems = {name: problem for name, problem in (await self.problems()).items() if problem}
            if problems != last:
                if problems:
                    _log.warning("not ready: %s", "; ".join(f"{name}: {problem}" for name, problem in problems.items()))
                else:
                    _log.info("ready")
                notify(not problems)
                last = problems
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._changed.wait()


class _Patient:
    """A probe in a thread of its own: one that never returns, as of a network file system that is gone, holds nobody.

    Those who ask at the same time share one look.
    """

    def __init__(self, probe: Probe, patience: float) -> None:
        self._probe = probe
        self._patience = patience
        self._look: asyncio.Future[str] | None = None

    async def ask(self) -> str:
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_future()
            threading.Thread(target=self._run, args=(self._look,), name="probe", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), self._patience)
        except TimeoutError:
            return f"no answer for {self._patience:g} s"

    def _run(self, look: asyncio.Future[str]) -> None:
        try:
            problem = self._probe()
        except OSError as error:
            problem = error.strerror or "failed"
        except Exception:  # noqa: BLE001  told as not ready
            problem = "failed; the log says why"
            _log.exception("a probe failed")
        try:
            look.get_loop().call_soon_threadsafe(_set, look, problem)
        except RuntimeError:  # the loop is closed by now
            return


def _set(look: asyncio.Future[str], problem: str) -> None:
    if not look.done():
        look.set_result(problem)


def server_probes(folders: Mapping[str, Path], state_dir: Path) -> dict[str, Probe]:
    """Return the probes of a server: its images are there, and its state can be written.

    Args:
        folders: of images, by the prefix of their ids. Catalogs elsewhere are not looked at: where one of them is away,
            the others are served.
        state_dir: the folder of ids and rendered files.
    """
    return {
        "catalog": partial(_all_readable, folders),
        "state": partial(_writable, state_dir),
        "disk": partial(_roomy, state_dir),
    }


def _all_readable(folders: Mapping[str, Path]) -> str:
    for prefix, folder in folders.items():
        try:
            with os.scandir(folder) as entries:
                next(entries, None)
        except OSError as error:
            problem = error.strerror or "failed"
            return f"{prefix}: {problem}" if prefix else problem
    return ""


def _writable(folder: Path) -> str:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"ready")
        file.flush()
    return ""


def _roomy(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return "" if free >= _LEAST_FREE else f"{free >> 20} MiB are free, at least {_LEAST_FREE >> 20} have to be"
