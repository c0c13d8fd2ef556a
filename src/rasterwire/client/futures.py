"""Downloads in the background."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from rasterwire.client.transfer import Cancelled, Downloaded, Progress, Transfer, save


class TransferFuture(Future[Downloaded]):
    """A future whose cancelling reaches a transfer that runs."""

    def __init__(self, begin: Callable[[], Transfer], path: Path, progress: Progress) -> None:
        super().__init__()
        self._begin = begin
        self._path = path
        self._progress = progress
        self._begun: Transfer | None = None
        self._guard = threading.Lock()
        self._is_settled: bool | None = None

    def run(self) -> None:
        """Do the work; the future stays pending meanwhile, so that ``cancel`` may still end it."""
        try:
            transfer = self._begin()
            with self._guard:
                self._begun = transfer
                if self.cancelled():
                    raise Cancelled
            result = save(transfer, self._path, self._progress, self._keep)
        except Cancelled:
            self.cancel()
            self._settle()  # tells those that wait for several futures
        except BaseException as error:  # noqa: BLE001  a future has to end
            if self._settle():
                self.set_exception(error)
        else:
            if self._settle():
                self.set_result(result)

    def _settle(self) -> bool:
        """Let nobody cancel from here on; returns whether nobody did."""
        if self._is_settled is None:
            self._is_settled = self.set_running_or_notify_cancel()
        return self._is_settled

    def _keep(self) -> None:
        if not self._settle():
            raise Cancelled

    def follow(self, work: "Future[None]") -> None:
        """End with the work, where that was dropped before it began."""
        if work.cancelled():
            self.cancel()
            self.set_running_or_notify_cancel()

    def cancel(self) -> bool:
        """End the transfer; True unless it was done."""
        cancelled = super().cancel()
        with self._guard:
            if cancelled and self._begun is not None:
                self._begun.stop()
        return cancelled


def silent(_done: int, _total: int | None) -> None:
    """Show no progress."""
