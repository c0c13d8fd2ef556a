"""The engines that large downloads are rendered with; packages add more by entry points."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Protocol

from rasterwire.render import Engine
from rasterwire.render.engine import ThreadEngine
from rasterwire.server.dask_settings import DaskSettings
from rasterwire.server.settings import BadSettings, Settings

__all__ = ["IDLE", "LargeEngine", "check_engine", "is_idle", "make_engine"]

IDLE = 'dask: its settings have no effect, since this server renders by itself; set engine = "dask", or delete them'
"""What is told where ``is_idle``."""

_GROUP = "rasterwire.engines"
"""Of entry points; each is a function as ``make_dask_engine``."""


class LargeEngine(Engine, Protocol):
    """Runs the blocks of large downloads."""

    def problem(self) -> str:
        """Return why nothing can be run now, "" where it can; see ``Probe``."""
        ...

    def close(self) -> None:
        """Drop the items that wait, and end all that was started."""
        ...


Maker = Callable[[Settings, Engine], LargeEngine]


def is_idle(settings: Settings) -> bool:
    """Tell whether Dask is set and not used."""
    return settings.engine != "dask" and settings.dask != DaskSettings()


def check_engine(settings: Settings) -> None:
    """Tell whether the engine of the settings is there.

    Raises:
        BadSettings: it is not; the message names the remedy.
    """
    if settings.engine != "threads":
        _maker(settings.engine)


def make_engine(settings: Settings, near: ThreadEngine) -> LargeEngine | None:
    """Return the engine of the settings, None where the threads of this process render all.

    Args:
        settings: of the server.
        near: of this process; it runs what is small.

    Raises:
        BadSettings: see ``check_engine``.
    """
    return None if settings.engine == "threads" else _maker(settings.engine)(settings, near)


def _maker(name: str) -> Maker:
    if name == "dask":
        try:
            from rasterwire.server.process.dask_engine import make_dask_engine
        except ImportError as error:
            remedy = "install it with pip install 'rasterwire[dask]'"
            raise BadSettings(f"engine: dask needs the package {error.name}; {remedy}") from None
        return make_dask_engine
    found = {entry.name: entry for entry in entry_points(group=_GROUP)}
    if name not in found:
        names = ", ".join(sorted({"threads", "dask", *found}))
        raise BadSettings(f"engine: there is no engine {name!r}; there are {names}")
    try:
        maker: Maker = found[name].load()
    except (ImportError, AttributeError) as error:
        raise BadSettings(f"engine: {name} cannot be loaded: {error}") from None
    return maker
