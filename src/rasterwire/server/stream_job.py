"""The work of one StreamDownload, in a thread from the request to the finished file."""

import io
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import google_crc32c

from rasterwire.budget import Budget, spending
from rasterwire.download import Render, Renders, is_small
from rasterwire.plan import RenderPlan
from rasterwire.server.messages import convert
from rasterwire.server.open_files import OpenFile, file_info
from rasterwire.store.checksum_file import ChecksumFile
from rasterwire.store.private_files import private_folder
from rasterwire.v1 import download_pb2

_IN_MEMORY = 1 << 20


class StreamJob:
    """Plans, renders and keeps a file that only one reader wants.

    Attributes:
        plan: once it is made.
        told: likewise, as the message of it.
        render: once it began.
    """

    def __init__(
        self, planning: Callable[[], RenderPlan], renders: Renders, scratch: Path, plan: RenderPlan | None = None
    ) -> None:
        self._planning = planning
        self.plan = plan
        self._renders = renders
        self._scratch = scratch
        self._stopped = False
        self._budget = Budget()
        self.told: download_pb2.DownloadPlan | None = None
        self.render: Render | None = None

    def stop(self) -> None:
        """End the planning at its next function, or the render at its next block."""
        self._stopped = True
        self._budget.stop()
        if self.render is not None:
            self.render.stop()

    def run(self) -> OpenFile | None:
        """Do the work, or return None where it is larger than was known: the plan is made then.

        Raises:
            DownloadError: of the plan or the render.
        """
        if self.plan is None:
            with spending(self._budget):
                self._budget.check()  # its reader may have left while it waited
                self.plan = self._planning()
            if not is_small(self.plan):
                return None
        plan = self.plan
        self.told = convert.from_plan(plan)
        self.render = render = Render(plan)
        if self._stopped:
            render.stop()
        if plan.uncompressed_bytes <= _IN_MEMORY:
            return self._in_memory(plan, render)
        path = self._scratch / f"stream-{secrets.token_hex(8)}"
        private_folder(self._scratch)  # or somebody removed it
        summing = ChecksumFile(path)
        path.unlink()  # it goes with its last reader
        file = cast(BinaryIO, io.BufferedRandom(summing))
        try:
            self._renders.to_file(render, file)
            file.flush()
        except BaseException:
            file.close()
            raise
        return OpenFile(file, file_info(plan.filename, plan.mime_type, plan.etag, *summing.size_and_crc()))

    def _in_memory(self, plan: RenderPlan, render: Render) -> OpenFile:
        file = io.BytesIO()
        self._renders.to_file(render, file)
        data = file.getvalue()
        return OpenFile(file, file_info(plan.filename, plan.mime_type, plan.etag, len(data), google_crc32c.value(data)))
