"""Catalogs: what finds images by their ids."""

from collections.abc import Sequence
from typing import Protocol

from rasterwire.image import Image

__all__ = ["Catalog"]


class Catalog(Protocol):
    """Finds images by id. Safe to use from several threads."""

    def get(self, image_id: str) -> Image:
        """Return an image, with its bands as the headers of its files describe them.

        Raises:
            ImageNotFound: the catalog has no image of that id.
            SourceUnavailable: no file of the image can be opened.
        """
        ...

    def close_id(self, image_id: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none."""
        ...

    def list_images(self, prefix: str, after: str, limit: int) -> Sequence[Image]:
        """Return at most ``limit`` images ordered by id, without bands. It opens no raster.

        Only ids that begin with ``prefix`` and are greater than ``after``.
        """
        ...

    def collection(self, name: str) -> Sequence[Image]:
        """Return the images of a collection ordered by id, without bands; () for an unknown name."""
        ...
