"""Renders that go on although nobody reads them."""

import asyncio
from collections import OrderedDict

from rasterwire.download import Downloads, Render, Renders
from rasterwire.errors import DownloadError

__all__ = ["Preparations"]

_MAX_FAILURES = 1000
"""Sentences of failures that are kept; the oldest are forgotten."""

_UNKNOWN_FAILURE = "the file could not be made; the log of the server says why"


class Preparations:
    """Waits for renders in place of a reader, until they end. Used by the event loop alone."""

    def __init__(self, downloads: Downloads, renders: Renders) -> None:
        """Begin with none.

        Args:
            downloads: hold the files that are made.
            renders: make them.
        """
        self._downloads = downloads
        self._renders = renders
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures: OrderedDict[str, str] = OrderedDict()

    def begin(self, download_id: str, render: Render) -> None:
        """Wait for a render, which was joined for this, and leave it at its end."""
        self._failures.pop(download_id, None)
        if download_id in self._tasks:
            self._renders.leave(render)  # it has its reader already
            return
        task = asyncio.create_task(self._wait(download_id, render))
        self._tasks[download_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(download_id, None))

    async def _wait(self, download_id: str, render: Render) -> None:
        with self._downloads.hold(render.plan.etag):
            try:
                await asyncio.shield(asyncio.wrap_future(render.result))
            except Exception as error:  # noqa: BLE001  whoever asks is told, and the log of the render has it
                self._failures[download_id] = str(error) if isinstance(error, DownloadError) else _UNKNOWN_FAILURE
                if len(self._failures) > _MAX_FAILURES:
                    self._failures.popitem(last=False)
            finally:
                self._renders.leave(render)

    def failure(self, download_id: str) -> str:
        """Return why the last preparation of a download failed, "" where it did not."""
        return self._failures.get(download_id, "")

    def stop(self, download_id: str) -> None:
        """Wait no more for the render of a download, which ends where nobody else does."""
        self._failures.pop(download_id, None)
        task = self._tasks.get(download_id)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
