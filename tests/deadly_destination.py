"""A destination that ends the process of a worker which has just stored an object, before it can say so."""

import os
import signal
from pathlib import Path

from rasterwire.export.destination import OCTETS
from rasterwire.export.folder_destination import FolderDestination

__all__ = ["DeadlyDestination"]


class DeadlyDestination(FolderDestination):
    """Ends one process, once; it has to be another one than that which made the destination."""

    def __init__(self, folder: Path) -> None:
        """See ``FolderDestination``; a file beside ``folder`` has the key of the object once a process was ended."""
        super().__init__(folder)
        self._owner = os.getpid()
        self._trace = folder.with_suffix(".dead")

    def put(self, key: str, data: bytes, *, media_type: str = OCTETS, replace: bool = False) -> None:
        """See ``Destination.put``."""
        super().put(key, data, media_type=media_type, replace=replace)
        if os.getpid() != self._owner and "/c/" in key:
            try:
                with self._trace.open("x") as file:
                    file.write(key)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)
