"""The client for asyncio: the same verbs, awaited. Nothing is written twice."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

import grpc

from rasterwire.client.authorization import ApiKey
from rasterwire.client.created import Created
from rasterwire.client.exports import ExportOptions, PlannedExport
from rasterwire.client.params import HistogramParams, Params
from rasterwire.client.progress_bar import progress_bar
from rasterwire.client.sync import Client, DownloadIdLike
from rasterwire.client.transfer import Downloaded, Progress, RetryPolicy
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2
from rasterwire.v1.export_service_pb2 import Export

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import rasterio
    import xarray

T = TypeVar("T")


class AsyncClient:
    """See ``Client``; cancelling a task that awaits a download ends the transfer."""

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        api_key: ApiKey = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """See ``Client``."""
        self._client = Client(
            target, timeout=timeout, retry=retry, credentials=credentials, api_key=api_key, metadata=metadata
        )

    @classmethod
    def over(cls, client: Client) -> Self:
        """Return the awaited form of a client, which it will close."""
        result = cls.__new__(cls)
        result._client = client  # noqa: SLF001  its own
        return result

    async def __aenter__(self) -> Self:
        """Return the client; it is closed at the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """See ``Client.close``."""
        await asyncio.to_thread(self._client.close)

    async def create_download(self, params: Params) -> Created:
        """See ``Client.create_download``."""
        return await _threaded(functools.partial(self._client.create_download, params))

    async def plan(self, params: Params) -> download_pb2.DownloadPlan:
        """See ``Client.plan``."""
        return await _threaded(functools.partial(self._client.plan, params))

    async def limits(self) -> download_service_pb2.GetLimitsResponse:
        """See ``Client.limits``."""
        return await _threaded(self._client.limits)

    async def list_images(
        self, prefix: str = "", *, on_unreachable: Callable[[str], object] | None = None
    ) -> AsyncIterator[catalog_service_pb2.ImageInfo]:
        """See ``Client.list_images``; ``on_unreachable`` is called from another thread."""
        images = self._client.list_images(prefix, on_unreachable=on_unreachable)
        while (image := await _threaded(functools.partial(next, images, None))) is not None:
            yield image

    async def get_image(self, image_id: str) -> catalog_service_pb2.ImageInfo:
        """See ``Client.get_image``."""
        return await _threaded(functools.partial(self._client.get_image, image_id))

    async def histogram(self, request: HistogramParams) -> catalog_service_pb2.ComputeHistogramResponse:
        """See ``Client.histogram``."""
        return await _threaded(functools.partial(self._client.histogram, request))

    async def get_download(self, download_id: DownloadIdLike) -> download_service_pb2.Download:
        """See ``Client.get_download``."""
        return await _threaded(functools.partial(self._client.get_download, download_id))

    async def prepare_download(self, download_id: DownloadIdLike) -> download_service_pb2.Download:
        """See ``Client.prepare_download``."""
        return await _threaded(functools.partial(self._client.prepare_download, download_id))

    async def list_downloads(self) -> AsyncIterator[download_service_pb2.Download]:
        """See ``Client.list_downloads``."""
        downloads = self._client.list_downloads()
        while (download := await _threaded(functools.partial(next, downloads, None))) is not None:
            yield download

    async def delete_download(self, download_id: DownloadIdLike) -> None:
        """See ``Client.delete_download``."""
        await _threaded(functools.partial(self._client.delete_download, download_id))

    async def create_export(self, params: Params, to: str, options: ExportOptions | None = None) -> Export:
        """See ``Client.create_export``."""
        begin = functools.partial(self._client.create_export, params, to, options or ExportOptions())
        return await _threaded(begin)

    async def plan_export(self, params: Params, to: str, options: ExportOptions | None = None) -> PlannedExport:
        """See ``Client.plan_export``."""
        return await _threaded(functools.partial(self._client.plan_export, params, to, options or ExportOptions()))

    async def get_export(self, name: str) -> Export:
        """See ``Client.get_export``."""
        return await _threaded(functools.partial(self._client.get_export, name))

    async def list_exports(self) -> AsyncIterator[Export]:
        """See ``Client.list_exports``."""
        exports = self._client.list_exports()
        while (export := await _threaded(functools.partial(next, exports, None))) is not None:
            yield export

    async def cancel_export(self, name: str) -> Export:
        """See ``Client.cancel_export``."""
        return await _threaded(functools.partial(self._client.cancel_export, name))

    async def watch_export(self, name: str) -> AsyncIterator[Export]:
        """See ``Client.watch_export``."""
        exports = self._client.watch_export(name)
        while (export := await _threaded(functools.partial(next, exports, None))) is not None:
            yield export

    async def download(self, params: Params, path: str | Path, *, progress: bool | Progress = False) -> Downloaded:
        """See ``Client.download``; ``progress`` is called from another thread."""
        with progress_bar(progress) as shown:
            return await asyncio.wrap_future(self._client.download_future(params, path, progress=shown))

    async def read(self, download_id: DownloadIdLike, *, offset: int = 0, limit: int = 0) -> AsyncIterator[bytes]:
        """See ``Client.read``."""
        chunks = self._client.read(download_id, offset=offset, limit=limit)
        while (chunk := await _threaded(functools.partial(next, chunks, None))) is not None:
            yield chunk

    async def stream(self, params: Params) -> bytes:
        """See ``Client.stream``."""
        return await _threaded(functools.partial(self._client.stream, params))

    async def to_numpy(self, params: Params) -> "npt.NDArray[np.void]":
        """See ``Client.to_numpy``."""
        return await _threaded(functools.partial(self._client.to_numpy, params))

    async def open_rasterio(self, params: Params) -> "rasterio.DatasetReader":
        """See ``Client.open_rasterio``."""
        return await _threaded(functools.partial(self._client.open_rasterio, params))

    async def to_xarray(self, params: Params) -> "xarray.DataArray":
        """See ``Client.to_xarray``."""
        return await _threaded(functools.partial(self._client.to_xarray, params))

    async def get_download_id(self, params: Params) -> dict[str, str]:
        """See ``Client.get_download_id``, without its callback: this is awaited."""
        result = await _threaded(functools.partial(self._client.get_download_id, params))
        return cast(dict[str, str], result)

    def make_download_url(self, download_id: DownloadIdLike) -> str:
        """See ``Client.make_download_url``."""
        return self._client.make_download_url(download_id)


async def _threaded(function: Callable[[], T]) -> T:
    return await asyncio.to_thread(function)
