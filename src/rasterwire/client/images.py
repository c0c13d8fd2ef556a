"""The images of a server: they are listed, described and counted."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

from rasterwire.client.params import HistogramParams, to_histogram_request
from rasterwire.client.thumbnails import remember
from rasterwire.v1 import catalog_service_pb2, catalog_service_pb2_grpc, download_pb2

__all__ = ["ImageMethods"]


class ImageMethods:
    """The methods of ``Client`` about images."""

    _catalog: catalog_service_pb2_grpc.CatalogServiceStub

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        raise NotImplementedError

    def _thumbnail(self, params: download_pb2.DownloadParams) -> bytes:
        raise NotImplementedError

    def list_images(
        self, prefix: str = "", *, on_unreachable: Callable[[str], object] | None = None
    ) -> Iterator[catalog_service_pb2.ImageInfo]:
        """Yield the images whose id begins with a prefix, ordered by id, without their bands.

        Args:
            prefix: "" for all.
            on_unreachable: is called once for each catalog of the server that fails now, whose images are left out,
                with what their ids begin with; without it, a warning tells.
        """
        tell = on_unreachable or _warn_unreachable
        request = catalog_service_pb2.ListImagesRequest(prefix=prefix)
        unreachable: set[str] = set()
        while True:
            page = self._call(self._catalog.ListImages, request)
            for name in page.unreachable:
                if name not in unreachable:
                    unreachable.add(name)
                    tell(name)
            yield from page.images
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def get_image(self, image_id: str) -> catalog_service_pb2.ImageInfo:
        """Return an image with its bands."""
        request = catalog_service_pb2.GetImageRequest(id=image_id)
        image: catalog_service_pb2.ImageInfo = self._call(self._catalog.GetImage, request).image
        remember(image, download_pb2.DownloadParams(image=image.id), self._thumbnail)
        return image

    def histogram(self, request: HistogramParams) -> catalog_service_pb2.ComputeHistogramResponse:
        """Return how often values occur in bands of an image: its ``image``, ``bands``, ``region`` and the like."""
        message = to_histogram_request(request)
        return cast(catalog_service_pb2.ComputeHistogramResponse, self._call(self._catalog.ComputeHistogram, message))


def _warn_unreachable(prefix: str) -> None:
    ids = f"under {prefix}" if prefix else "without a prefix"
    warnings.warn(f"images {ids} are left out: the server cannot reach their catalog now", stacklevel=3)
