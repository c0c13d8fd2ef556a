"""Which images of an export cannot be read: a job of thousands of scenes tells all that it met, not the first one."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from rasterwire.errors import SourceUnavailable
from rasterwire.image import Band
from rasterwire.plan import RenderPlan
from rasterwire.plan.reading import scene_bands
from rasterwire.render.source import read

__all__ = ["MAX_TOLD", "SceneFailures", "ScenesUnavailable", "with_other_scenes"]

MAX_TOLD = 20
"""Images that are named; the others are counted."""

_MAX_PARTS = 100
"""Parts that fail before the others are not tried any more: what is away for all of them takes long each time."""

_AT_ONCE = 8
"""Files that are looked at."""

_MAX_FILES = 5000
"""Files that are looked at once an export has failed."""

_MAX_FAILURES = 50
"""Files that cannot be read, after which no more are looked at."""

_MOST_SECONDS = 60.0
"""After which no more files are looked at: a bucket that is away may take minutes for each."""


class ScenesUnavailable(Exception):
    """Images of an export cannot be read: what parts of it have met, and no answer to a call.

    Attributes:
        scenes: one error of each, at least one.
    """

    def __init__(self, scenes: Sequence[SourceUnavailable]) -> None:
        super().__init__(scenes)
        self.scenes = tuple(scenes)

    @property
    def shown_scenes(self) -> Sequence[Mapping[str, str]]:
        """Ids of the first ones, and what is wrong with each."""
        named = [scene for scene in self.scenes if scene.image_id]
        return [{"image": scene.image_id, "problem": f"{scene}"} for scene in named[:MAX_TOLD]]

    def __str__(self) -> str:
        count, first = len(self.scenes), f"{self.scenes[0]}"
        return f"{count} images cannot be read; {first}" if count > 1 else first


def with_other_scenes(
    error: SourceUnavailable | ScenesUnavailable,
    plan: RenderPlan,
    check: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
) -> ScenesUnavailable:
    """Return an error with the other images of a plan too that cannot be read, as far as they are soon found.

    A part tells the first image that it cannot read, and none behind it. So a pixel of each file is read.

    Args:
        error: of parts.
        plan: of the export.
        check: is called between two files; what it raises ends the search.
        clock: seconds.
    """
    failed, latest = list[str](), clock() + _MOST_SECONDS
    first = error.scenes if isinstance(error, ScenesUnavailable) else (_of(error.image_id or plan.image_id, error),)
    scenes = {scene.image_id: scene for scene in first}
    files = {band.href: (scene, band) for scene, band in scene_bands(plan) if scene not in scenes}

    def look(file: tuple[str, Band]) -> SourceUnavailable | None:
        check()
        if len(failed) >= _MAX_FAILURES or clock() >= latest:
            return None
        scene, band = file
        height, width = (int(count) for count in band.grid.shape)
        try:
            read(band, None, width // 2, height // 2, (1, 1))
        except SourceUnavailable as failure:
            failed.append(scene)
            return _of(scene, failure, band.name)
        return None

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="export-scene") as pool:
        for failure in pool.map(look, islice(files.values(), _MAX_FILES)):
            if failure is not None:
                scenes.setdefault(failure.image_id, failure)
    if len(scenes) > 1:
        scenes.pop("", None)  # one of the others, most likely
    return ScenesUnavailable(list(scenes.values()))


def _of(image_id: str, error: SourceUnavailable, band: str = "") -> SourceUnavailable:
    return SourceUnavailable(image_id, error.band or band, error.problem)


class SceneFailures:
    """Collects what parts of an export fail with. Safe to use from several threads."""

    def __init__(self, image_id: str, images: int) -> None:
        """Begin without any.

        Args:
            image_id: of the export, for files of which nobody knows the image; "" where it has none.
            images: that the export reads. Once they all fail, nothing more can be learnt.
        """
        self._image_id = image_id
        self._images = images
        self._lock = threading.Lock()
        self._scenes: dict[str, SourceUnavailable] = {}
        self._parts = 0

    def note(self, error: SourceUnavailable) -> None:
        """Note what a part failed with.

        Raises:
            ScenesUnavailable: it is of no use to try the other parts.
        """
        image_id = error.image_id or self._image_id
        with self._lock:
            self._parts += 1
            self._scenes.setdefault(image_id, _of(image_id, error))
            is_enough = len(self._scenes) >= self._images or self._parts >= _MAX_PARTS
        if is_enough:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise what was noted.

        Raises:
            ScenesUnavailable: a part has failed.
        """
        with self._lock:
            scenes = list(self._scenes.values())
        if scenes:
            raise ScenesUnavailable(scenes)
