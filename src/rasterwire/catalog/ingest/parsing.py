"""Parses the documents of a source: the first ones in this process, those of large sources in others beside it."""

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import TYPE_CHECKING

from rasterwire.catalog.entry import Entry
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.index.rows import Encoder
from rasterwire.catalog.ingest import Step
from rasterwire.cgroups import core_count
from rasterwire.errors import CatalogUnavailable
from rasterwire.files import sources
from rasterwire.files.sources import ByteSource, OpenedFile, Span

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = ["Unparsed", "parsed", "weight_of"]

_ALONE = 2_000
"""Documents and entries that this process parses before it starts others, which takes it about as long."""

_TASK_BYTES = 1 << 20
_TASK_DOCUMENTS = 200
_TASK_SECONDS = 1.0
"""Of documents that are sent to a process together: so many, or those that the source came upon for so long."""

_MAX_PROCESSES = 4
"""The one that writes what they parse is no faster than so many."""

_COLLECT_AFTER = 100
"""Tasks; documents are lists of lists without cycles, and Python would look through them again and again while they
are read, which takes as long as to parse them."""


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A document that a source came upon. It can be sent to another process.

    Attributes:
        parse: returns its step; a function of a module, with its arguments.
        size: bytes of the document, about.
    """

    parse: Callable[[], Step]
    size: int


_RawStep = Step | Unparsed


def weight_of(step: Step) -> int:
    """Return how many documents and entries there are to write."""
    return 1 + (len(step.document.entries) if step.document is not None else 0)


def parsed(raw_steps: Iterator[_RawStep], store: IndexStore) -> Generator[Step, None, None]:
    """Yield the steps of a source in their order, all documents parsed.

    Args:
        raw_steps: what the source comes upon.
        store: the index that is to take them. What the caller has written of the first ones tells the others how
            entries are made small.

    Raises:
        CatalogUnavailable: a process ended that parsed.
    """
    alone, processes = _ALONE, core_count()
    for raw in raw_steps:
        step = raw if isinstance(raw, Step) else raw.parse()
        alone -= 0 if raw is step else weight_of(step)
        yield step
        if alone <= 0 and processes > 1:
            break
    # no process is started for what needs none
    for raw in raw_steps:
        if isinstance(raw, Unparsed):
            yield from _parsed_beside(chain((raw,), raw_steps), store, min(processes, _MAX_PROCESSES))
            return
        yield raw


def _parsed_beside(raw_steps: Iterator[_RawStep], store: IndexStore, processes: int) -> Iterator[Step]:
    """Yield the steps of a source in their order, while the next ones are parsed by other processes."""
    # Late: a server that starts does not wait for them.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),  # a fork would copy locks that threads hold
        _begin,
        (store.encoder(), sources.prefixes()),
    )
    waiting: deque[Future[list[Step]]] = deque()
    try:
        for task in _tasks(raw_steps):
            waiting.append(_submit(pool, task))
            while waiting and (len(waiting) > 2 * processes or waiting[0].done()):
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        problem = "a process that parses documents was ended; is the memory full? The same run goes on from here"
        raise CatalogUnavailable(problem) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: "ProcessPoolExecutor", task: list[_RawStep]) -> Future[list[Step]]:
    """Let a process parse. One that is started for it never takes Ctrl-C, which is for this process, that ends it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_parse, task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _tasks(raw_steps: Iterator[_RawStep]) -> Iterator[list[_RawStep]]:
    """Yield what a source comes upon in lists that are worth to be sent; of a slow source, in shorter ones."""
    task: list[_RawStep] = []
    size, start = 0, time.monotonic()
    for raw in raw_steps:
        task.append(raw)
        size += raw.size if isinstance(raw, Unparsed) else 0
        if size >= _TASK_BYTES or len(task) >= _TASK_DOCUMENTS or time.monotonic() >= start + _TASK_SECONDS:
            yield task
            task, size, start = [], 0, time.monotonic()
    if task:
        yield task


_encoder = Encoder()
"""Of a process that parses."""


def _begin(encoder: Encoder, prefixes: Sequence[str]) -> None:
    """Make a process ready to parse."""
    global _encoder  # noqa: PLW0603  there is one index for the whole life of the process
    _encoder = encoder
    sources.configure({prefix: _Elsewhere() for prefix in prefixes})
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End where the process that started this one was killed, since it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_tasks_done = count(1)


def _parse(task: Sequence[_RawStep]) -> list[Step]:
    if next(_tasks_done) % _COLLECT_AFTER == 0:
        gc.collect()
    return [_encoded(raw if isinstance(raw, Step) else raw.parse()) for raw in task]


def _encoded(step: Step) -> Step:
    """Return a step whose entries are rows of the index."""
    if step.document is None:
        return step
    rows = [_encoder.row(entry) if isinstance(entry, Entry) else entry for entry in step.document.entries]
    return replace(step, document=step.document._replace(entries=rows))


class _Elsewhere(ByteSource):
    """Stands for a source of the process that reads: assets at its addresses are served."""

    def open(self, href: str) -> OpenedFile:
        raise AssertionError(f"{href} is not read here")

    def read(self, file: OpenedFile, spans: Sequence[Span]) -> list[bytes]:
        raise AssertionError(f"{len(spans)} parts of {file.href} are not read here")
