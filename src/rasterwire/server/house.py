"""What a server does while nobody wants anything."""

import asyncio
import logging

from rasterwire.server.desk import Desk

_SECONDS = 30.0

_log = logging.getLogger("rasterwire.server")


async def keep_house(desk: Desk) -> None:
    """Look after rendered files now and then, for as long as the server runs."""
    while True:
        await asyncio.sleep(_SECONDS)
        if desk.is_idle:
            try:
                await desk.verify()
            except OSError as error:
                _log.warning("the rendered files could not be looked through: %s", error)
