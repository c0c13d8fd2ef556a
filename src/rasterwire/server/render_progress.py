"""What readers of a render are given while it goes on: its progress, and the part of its file that is there."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future

from rasterwire.download import Registered, Render
from rasterwire.server.open_files import GrowingFile, OpenFile, file_info
from rasterwire.store import Artifact
from rasterwire.v1 import download_pb2

PROGRESS_SECONDS = 0.5
"""Between two messages of progress."""


def close_file(work: "Future[OpenFile | None]") -> None:
    """Close what nobody will read any more."""
    if not work.cancelled() and work.exception() is None and (opened := work.result()) is not None:
        opened.file.close()


def progress_of(render: Render) -> download_pb2.RenderProgress:
    """Return how far a render is."""
    return download_pb2.RenderProgress(blocks_done=render.blocks_done, blocks_total=render.blocks_total)


def growing_file(download: Registered, render: Render) -> GrowingFile | None:
    """Return the file of a render that goes on, where a part of it can be read."""
    growth = render.growth
    file = None if growth is None else growth.open()
    if growth is None or file is None:
        return None
    info = file_info(download.filename, download.mime_type, download.etag, growth.size, 0)
    return GrowingFile(file, info, growth=growth, result=render.result)


async def wait_for(
    render: Render, awaited: "Future[Artifact] | Future[None]"
) -> AsyncGenerator[download_pb2.RenderProgress, None]:
    """Yield progress now and then until something of the render is done; raises its error."""
    # shielded: a reader that leaves must not cancel what others wait for
    done = asyncio.ensure_future(asyncio.shield(asyncio.wrap_future(awaited)))
    done.add_done_callback(lambda future: future.cancelled() or future.exception())  # a reader may be gone by then
    while not (await asyncio.wait({done}, timeout=PROGRESS_SECONDS))[0]:
        yield progress_of(render)
    done.result()
