"""Work in the background of QGIS, in its list of tasks."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from rasterwire_qgis.door import Created, Door
from rasterwire_qgis.failures import Cancelled, Failure
from rasterwire_qgis.signatures import check_signature
from rasterwire_qgis.transfer import Progress, Transfer


class CallTask(QgsTask):
    """Calls a function in another thread, and tells its answer in that of the windows."""

    def __init__(
        self, title: str, function: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[str], None]
    ) -> None:
        """Prepare.

        Args:
            title: of the task.
            function: that is called; it uses nothing of the windows.
            then: told of the answer.
            failed: told of what went wrong, in a sentence.
        """
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._function = function
        self._then = then
        self._failed = failed
        self._answer: Any = None
        self._sentence = ""

    def run(self) -> bool:
        """Call the function; QGIS calls this in another thread."""
        try:
            self._answer = self._function()
        except Cancelled:
            return False
        except Failure as failure:
            self._sentence = str(failure)
            return False
        except Exception as error:  # noqa: BLE001  whatever it is, it is told
            self._sentence = f"Something unforeseen went wrong ({type(error).__name__}: {error})."
            return False
        return True

    def finished(self, result: bool) -> None:
        """Tell what came; QGIS calls this in the thread of the windows."""
        if result:
            self._then(self._answer)
        else:
            self._failed(self._sentence or "Cancelled.")


class DownloadTask(CallTask):
    """Brings a file."""

    stepped = pyqtSignal(str)
    """With what is done now."""

    def __init__(
        self,
        door: Door,
        params: dict[str, Any],
        target: Path,
        then: Callable[[tuple[Path, Created]], None],
        failed: Callable[[str], None],
    ) -> None:
        """Prepare; see ``CallTask``."""
        super().__init__(f"Download {target.name}", self._bring, then, failed)
        self._door = door
        self._params = params
        self._target = target
        self._stopped = threading.Event()

    def cancel(self) -> None:
        """End the download soon."""
        self._stopped.set()
        super().cancel()

    def _bring(self) -> tuple[Path, Created]:
        created = self._door.create(self._params)
        path = Transfer(self._door, created, self._show, self._stopped).save(self._target)
        check_signature(path, self._params.get("format") == "FORMAT_ZIPPED_GEO_TIFF_PER_BAND")
        return path, created

    def _show(self, progress: Progress) -> None:
        self.setProgress(progress.percent)
        self.stepped.emit(progress.phase)
