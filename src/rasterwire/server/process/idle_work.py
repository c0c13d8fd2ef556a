"""What a server does while nobody wants anything."""

import asyncio
import logging

from rasterwire.server.process.memory import return_memory
from rasterwire.server.service import Service

_SECONDS = 30.0

_log = logging.getLogger("rasterwire.server")


async def keep_house(service: Service) -> None:
    """Return memory and look after rendered files now and then, for as long as the server runs."""
    was_busy = True
    while True:
        await asyncio.sleep(_SECONDS)
        was_busy, is_due = not service.is_idle, was_busy
        if service.is_idle:
            if is_due:
                await asyncio.to_thread(return_memory)
            try:
                await service.verify()
            except OSError as error:
                _log.warning("the rendered files could not be looked through: %s", error)
