"""Reads the headers of many images at once: those that are likely to be asked for next, before they are."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from rasterwire import budget
from rasterwire.catalog import Catalog
from rasterwire.errors import DownloadError
from rasterwire.image import Image

__all__ = ["ReadAhead", "get_images"]

_MAX_READERS = 16
"""Threads that read headers for one caller; a header on another machine is mostly waited for."""

_MAX_TOGETHER = 64
"""Images that are read together; their last ones may not be needed."""

_QUICK = 0.001
"""Seconds for an image below which its headers were in memory, so that threads would only cost time."""


def get_images(catalog: Catalog, ids: Sequence[str]) -> list[Image | DownloadError]:
    """Return images with their bands, in the order of the ids; in place of one that cannot be read, its error.

    Raises:
        InvalidExpression, RenderCancelled: see ``Budget.check``.
    """
    spent = budget.current()

    def get(image_id: str) -> Image | DownloadError:
        spent.check()
        try:
            return catalog.get(image_id)
        except DownloadError as error:
            return error

    if len(ids) < 2:
        return list(map(get, ids))
    with ThreadPoolExecutor(min(_MAX_READERS, len(ids))) as readers:
        return list(readers.map(get, ids))


class ReadAhead:
    """Images that are mostly asked for one after another, forwards or backwards.

    The first one is read alone, since it may be the only one. If that took a while, the next one that was not read yet
    is read together with the one behind it, then twice as many each time. An error is raised where its image is asked
    for, as if no other had been read. Not safe to use from several threads.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._ids: list[str] = []
        self._images: dict[int, Image | DownloadError] = {}
        self._together = 1
        self._last = -1

    def add(self, image_id: str) -> Callable[[], Image]:
        """Add an image behind the others.

        Returns:
            A function that returns the image, and raises the errors of ``Catalog.get``.
        """
        position = len(self._ids)
        self._ids.append(image_id)

        def read() -> Image:
            if position not in self._images:
                self._read(position)
            image = self._images[position]
            if isinstance(image, DownloadError):
                raise image
            return image

        return read

    def drop_last(self) -> None:
        """Take the last image away: it is not asked for any more."""
        self._ids.pop()
        self._images.pop(len(self._ids), None)

    def _read(self, position: int) -> None:
        budget.check()
        step = 1 if position > self._last else -1
        end = len(self._ids) if step > 0 else -1
        following = [index for index in range(position, end, step)[: self._together] if index not in self._images]
        begin = time.perf_counter()
        images = get_images(self._catalog, [self._ids[index] for index in following])
        is_quick = time.perf_counter() - begin < _QUICK * len(following)
        self._images.update(zip(following, images, strict=True))
        self._last = following[-1]
        self._together = 1 if is_quick else min(2 * self._together, _MAX_TOGETHER)
