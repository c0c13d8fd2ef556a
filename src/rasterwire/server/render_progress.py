"""How far a render is, as clients are told."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future

from rasterwire.download import Render
from rasterwire.server.open_files import OpenFile
from rasterwire.store import Artifact
from rasterwire.v1 import download_pb2

PROGRESS_SECONDS = 0.5
"""Between two messages of progress."""


def close_file(work: "Future[OpenFile | None]") -> None:
    """Close what nobody will read any more."""
    if not work.cancelled() and work.exception() is None and (opened := work.result()) is not None:
        opened.file.close()


def progress_of(render: Render) -> download_pb2.RenderProgress:
    """Return the message of a render's progress."""
    return download_pb2.RenderProgress(blocks_done=render.blocks_done, blocks_total=render.blocks_total)


async def progress_until(
    render: Render, awaited: "Future[Artifact] | Future[None]"
) -> AsyncGenerator[download_pb2.RenderProgress, None]:
    """Yield progress now and then until something of the render is done; raises its error."""
    # shielded: a reader that leaves must not cancel what others wait for
    reached = asyncio.ensure_future(asyncio.shield(asyncio.wrap_future(awaited)))
    reached.add_done_callback(lambda future: future.cancelled() or future.exception())  # a reader may be gone by then
    while not (await asyncio.wait({reached}, timeout=PROGRESS_SECONDS))[0]:
        yield progress_of(render)
    reached.result()
