"""Files that are rendered for one reader and kept nowhere."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from rasterwire.download import FairSlots, Renders
from rasterwire.errors import DownloadError
from rasterwire.plan import RenderPlan
from rasterwire.server.call_record import note_plan
from rasterwire.server.open_files import OpenFile
from rasterwire.server.peer import caller
from rasterwire.server.render_progress import PROGRESS_SECONDS, close_file, progress_of
from rasterwire.server.stream_job import StreamJob
from rasterwire.v1 import download_pb2

__all__ = ["Streams"]

_STREAMS_A_RENDER = 16
"""Streams that may be on their way, for each render that may run."""


class Streams:
    """Renders and hands over files."""

    def __init__(self, renders: Renders, scratch: Path, max_renders: int) -> None:
        """Begin with none.

        Args:
            renders: make the files.
            scratch: a folder for those that are large.
            max_renders: at once.
        """
        self._renders = renders
        self._scratch = scratch
        self._slots = FairSlots(_STREAMS_A_RENDER * max_renders)

    @property
    def taken(self) -> int:
        """How many are on their way."""
        return self._slots.taken

    async def deliver(
        self, planning: Callable[[], RenderPlan], plan: RenderPlan | None, rendering: contextlib.ExitStack
    ) -> AsyncGenerator[tuple[download_pb2.DownloadPlan | None, download_pb2.RenderProgress | OpenFile], None]:
        """Yield progress, then a file; the first of these with the plan.

        Args:
            planning: makes the plan, in the thread that renders a small one.
            plan: where it is made already.
            rendering: is closed once the file is there.

        Raises:
            Overloaded: as many streams as this server takes are on their way, slow readers included.
            InvalidRequest, ImageNotFound, SourceUnavailable: of the plan or the render.
        """
        asker = caller()
        self._slots.enter(asker)
        job = StreamJob(planning, self._renders, self._scratch, plan)
        work = self._renders.submit(plan, asker, job.run)
        is_plan_sent = handed_over = False
        try:
            while True:
                task = asyncio.wrap_future(work)
                while not (await asyncio.wait({task}, timeout=PROGRESS_SECONDS))[0]:
                    if job.render is not None:
                        yield None if is_plan_sent else job.told, progress_of(job.render)
                        is_plan_sent = True
                opened = task.result()
                if opened is not None:
                    break
                work = self._renders.submit(job.plan, asker, job.run)  # it was not small
            if job.plan is not None:
                note_plan(job.plan)
            handed_over = True
            rendering.close()  # a slow reader is not rendered for any more
            yield None if is_plan_sent else job.told, opened
        finally:
            self._slots.leave(asker)
            if not handed_over:
                job.stop()
                if not work.cancel():
                    work.add_done_callback(close_file)
                    with contextlib.suppress(DownloadError, asyncio.CancelledError):
                        await asyncio.wrap_future(work)
