"""Files of other machines: requests for ranges, merged, in flight together, held to one version and to a deadline."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.files.sources import HEAD_BYTES, FetchedPart, ListedObject, OpenedFile, Span
from rasterwire.files.sources.attempts import Failure, attempt
from rasterwire.files.sources.loop import OfLoop, run, submit
from rasterwire.files.sources.merging import cut, merge
from rasterwire.files.sources.settings import SourceSettings

__all__ = ["OTHER_BYTES", "REPLACED", "Answer", "ListingClient", "Pages", "RangeClient", "RemoteSource", "StoreSource"]

REPLACED = "it was replaced at its source while it was read; ask again"
"""What is said of a file that has another version than the one that was opened."""

OTHER_BYTES = "its server answers with other bytes than asked for"
"""What is said of a file whose server gives another range, or more of it."""

T = TypeVar("T")

_MAX_REQUEST_BYTES = 512 << 20
"""Bytes of one request to a source. Stored tiles are smaller; a file that claims larger ones is not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request for a range of a file.

    Attributes:
        body: the bytes of the range, fewer only where the file ends.
        size: of the whole file, in bytes.
        version: of the file.
    """

    body: bytes
    size: int
    version: str


class RangeClient(Protocol):
    """Sends one request for a range."""

    async def get(self, href: str, offset: int, count: int, version: str) -> Answer:
        """Return a range of a file.

        Args:
            href: the address of the file.
            offset: first byte.
            count: bytes, at least 1.
            version: that the file has to have; empty for any.

        Raises:
            Failure: there is no correct answer.
        """
        ...


class Pages(Protocol):
    """A listing of objects."""

    async def page(self) -> Sequence[ListedObject]:
        """Return the next objects, none behind the last one.

        Raises:
            Failure: there is no correct answer.
        """
        ...


class ListingClient(RangeClient, Protocol):
    """Lists objects too."""

    def listing(self, href: str) -> Pages:
        """Return the listing of all objects below an address. No server is asked yet.

        Raises:
            Failure: there is no such address.
        """
        ...

    async def folders(self, href: str) -> list[str]:
        """Return the next segments of keys; see ``ListingSource``.

        Raises:
            Failure: there is no correct answer.
        """
        ...


class RemoteSource:
    """A ``ByteSource`` of other machines."""

    def __init__(self, settings: SourceSettings, client: RangeClient) -> None:
        self._settings = settings
        self._client = client
        self._places = OfLoop(lambda: asyncio.Semaphore(settings.max_in_flight))

    def __repr__(self) -> str:
        return f"RemoteSource({self._settings.prefix!r})"

    def open(self, href: str) -> OpenedFile:
        """Return a file in its present version, by one request; see ``ByteSource``."""
        answer = _result(self._get(href, 0, HEAD_BYTES, ""), self._settings.deadline_seconds)
        return OpenedFile(href, answer.size, answer.version, answer.body)

    def read(self, file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        """Return the bytes of spans; those that were in the first bytes cost no request. See ``ByteSource``."""
        inside = [(offset, max(0, min(count, file.size - offset))) for offset, count in spans]
        have_head = [offset + count <= len(file.head) for offset, count in inside]
        absent = [span for span, is_there in zip(inside, have_head, strict=True) if not is_there]
        requests = merge(absent)
        if any(request.count > _MAX_REQUEST_BYTES for request in requests):
            raise SourceUnavailable.of_file(f"a part of it has more than {_MAX_REQUEST_BYTES >> 20} MiB")
        bodies: list[bytes] = []
        if requests:
            ranges = [(request.offset, request.count) for request in requests]
            bodies = _result(self._get_all(file, ranges), self._settings.deadline_seconds)
        parts = iter(cut(absent, requests, bodies))
        return [
            file.head[offset : offset + count] if is_there else next(parts)
            for (offset, count), is_there in zip(inside, have_head, strict=True)
        ]

    async def fetch(self, href: str, offset: int, count: int, version: str = "") -> FetchedPart | None:
        """Return a part of an object; see ``ObjectSource``."""
        if count > _MAX_REQUEST_BYTES:
            raise SourceUnavailable.of_file(f"a part of it has more than {_MAX_REQUEST_BYTES >> 20} MiB")
        try:
            request = _within(self._get(href, offset, count, version), self._settings.deadline_seconds)
            answer = await asyncio.wrap_future(submit(request))
        except Failure as failure:
            if failure.is_missing:
                return None
            problem = failure.problem
        else:
            return FetchedPart(answer.body, answer.size, answer.version)
        raise SourceUnavailable.of_file(problem)

    async def _get_all(self, file: OpenedFile, ranges: Sequence[Span]) -> list[bytes]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._get(file.href, *span, file.version)) for span in ranges]
        answers = [task.result() for task in tasks]
        if any(answer.version != file.version or answer.size != file.size for answer in answers):
            raise Failure(REPLACED)
        return [answer.body for answer in answers]

    async def _get(self, href: str, offset: int, count: int, version: str) -> Answer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.deadline_seconds
        async with self._places.get():
            return await attempt(
                lambda: self._client.get(href, offset, count, version), self._settings.retries, deadline
            )


class StoreSource(RemoteSource):
    """A ``ByteSource`` of an object store, whose objects can be listed; see ``ListingSource``."""

    def __init__(self, settings: SourceSettings, client: ListingClient) -> None:
        super().__init__(settings, client)
        self._lister = client

    def listed(self, href: str) -> Iterator[Sequence[ListedObject]]:
        """Yield all objects below an address, page by page; each page may take as long as a file may."""
        try:
            pages = self._lister.listing(href)
        except Failure as failure:
            raise SourceUnavailable.of_file(failure.problem) from None
        while page := _result(self._page(pages), self._settings.deadline_seconds):
            yield page

    async def folders(self, href: str) -> list[str]:
        """Return the next segments of keys; see ``ListingSource``."""
        try:
            request = _within(self._folders(href), self._settings.deadline_seconds)
            return await asyncio.wrap_future(submit(request))
        except Failure as failure:
            problem = failure.problem
        raise SourceUnavailable.of_file(problem)

    async def _folders(self, href: str) -> list[str]:
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        async with self._places.get():
            return await attempt(lambda: self._lister.folders(href), self._settings.retries, deadline)

    async def _page(self, pages: Pages) -> Sequence[ListedObject]:
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        async with self._places.get():
            return await attempt(pages.page, self._settings.retries, deadline)


def _result(coroutine: Coroutine[Any, Any, T], deadline_seconds: float) -> T:
    """Return what a coroutine returns within the time.

    Raises:
        SourceUnavailable: it fails, or takes longer. What failed below is no cause of it: that may hold addresses.
        RenderCancelled: the process stops.
    """
    try:
        return run(_within(coroutine, deadline_seconds))
    except Failure as failure:
        problem = failure.problem
    except CancelledError:
        raise RenderCancelled from None
    raise SourceUnavailable.of_file(problem)


async def _within(coroutine: Coroutine[Any, Any, T], deadline_seconds: float) -> T:
    try:
        async with asyncio.timeout(deadline_seconds):
            return await coroutine
    except TimeoutError:
        failures: Sequence[BaseException] = [Failure("its source took too long to answer")]
    except BaseExceptionGroup as group:
        failures = group.exceptions  # of requests in flight together
    raise failures[0]
