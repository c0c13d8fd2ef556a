"""The address that a Prometheus server asks."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from rasterwire.server.metrics import Metrics

METRICS = "/metrics"


def add_metrics_page(app: web.Application, metrics: Metrics, look: Callable[[], Awaitable[None]]) -> None:
    """Add the page to an application.

    Args:
        app: the application.
        metrics: what it shows.
        look: sets what is the case now; called before each answer.
    """

    async def page(request: web.Request) -> web.Response:
        await look()
        body, content_type = await asyncio.to_thread(metrics.page, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.router.add_get(METRICS, page)
