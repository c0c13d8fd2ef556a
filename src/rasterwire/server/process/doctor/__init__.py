"""Looks at all that a server needs, beside a server that may run: nothing of it is changed, locked or taken."""

import logging
from collections.abc import Callable, Iterator

from rasterwire.errors import DownloadError
from rasterwire.server.process.doctor.catalogs import catalog_findings
from rasterwire.server.process.doctor.doors import door_findings
from rasterwire.server.process.doctor.engine import engine_findings
from rasterwire.server.process.doctor.export_destinations import export_findings
from rasterwire.server.process.doctor.finding import Finding, State, bad
from rasterwire.server.process.doctor.machine import machine_findings
from rasterwire.server.process.doctor.shared_stores import store_findings
from rasterwire.server.process.doctor.state_folder import audit_findings, state_findings
from rasterwire.server.settings import Settings

__all__ = ["Finding", "State", "examine"]

_log = logging.getLogger("rasterwire.server")

_looks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
    ("catalogs", catalog_findings),
    ("state_dir", state_findings),
    ("audit_file", audit_findings),
    ("store", store_findings),
    ("export", export_findings),
    ("engine", engine_findings),
    ("doors", door_findings),
    ("machine", machine_findings),
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what was found, look by look. A look that cannot be taken is a finding too."""
    for subject, look in _looks:
        try:
            yield from look(settings)
        except OSError as error:
            yield bad(
                subject, f"it cannot be looked at: {error.strerror or error}", "run this as the user of the server"
            )
        except DownloadError as error:
            yield bad(subject, str(error), "mend what is named")
