"""Calls that stand open for as long as a server runs: health and reflection. They end when it stops."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

Status = health_pb2.HealthCheckResponse
Question = reflection_pb2.ServerReflectionRequest
Answer = reflection_pb2.ServerReflectionResponse
Context = grpc.aio.ServicerContext[Any, Any]


class Health(health_pb2_grpc.HealthServicer):
    """``grpc.health.v1.Health``, of a server whose services are all ready or none is.

    grpcio-health-checking's own leaves its watchers open when the server stops, and forgets all of a service
    when one of them leaves.
    """

    def __init__(self, services: Sequence[str]) -> None:
        """Begin as not serving."""
        self._services = {"", *services}
        self._is_serving = False
        self._is_open = True
        self._next = asyncio.Event()

    def set(self, is_serving: bool) -> None:
        """Say whether the server is ready."""
        self._is_serving = is_serving
        self._wake()

    def end(self) -> None:
        """Let all watchers go."""
        self._is_open = False
        self._wake()

    def _wake(self) -> None:
        last, self._next = self._next, asyncio.Event()
        last.set()

    def _status(self, service: str) -> int:
        if service not in self._services:
            return Status.SERVICE_UNKNOWN
        return Status.SERVING if self._is_serving else Status.NOT_SERVING

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Context) -> Status:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service; the empty name stands for all")
        return Status(status=self._status(request.service))

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> AsyncIterator[Status]:
        last = None
        while True:
            following = self._next  # taken before the status, or a change between the two would be missed
            status = self._status(request.service)
            if status != last:
                yield Status(status=status)
                last = status
            if not self._is_open:
                return
            await following.wait()


class Reflection(reflection.aio.ReflectionServicer):
    """``grpc.reflection.v1alpha.ServerReflection``, whose calls end when the server stops."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__([*services, health.SERVICE_NAME, reflection.SERVICE_NAME])
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Take no more requests, so that all calls end."""
        self._ended.set()

    async def ServerReflectionInfo(  # type: ignore[override]  # the stubs have it as a coroutine of an iterator
        self, request_iterator: AsyncIterable[Question], unused_context: Context
    ) -> AsyncIterator[Answer]:
        answers: Any = super().ServerReflectionInfo(self._until_end(request_iterator), unused_context)
        async for answer in answers:
            yield answer

    async def _until_end(self, questions: AsyncIterable[Question]) -> AsyncIterator[Question]:
        ended = asyncio.ensure_future(self._ended.wait())
        coming = aiter(questions)
        try:
            while True:
                following = asyncio.ensure_future(anext(coming))
                await asyncio.wait({ended, following}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    following.cancel()
                    return
                try:
                    yield following.result()
                except StopAsyncIteration:
                    return
        finally:
            ended.cancel()
