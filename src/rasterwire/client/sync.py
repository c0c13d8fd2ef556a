"""The blocking client: ordinary calls, futures, and Earth Engine's two functions."""

import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

import grpc

from rasterwire.client import arrays
from rasterwire.client.address import address_problem
from rasterwire.client.authorization import ApiKey, authorized
from rasterwire.client.channel import open_channel
from rasterwire.client.checker import Checker
from rasterwire.client.created import Created
from rasterwire.client.errors import DownloadFailed, FieldViolation, InvalidParams, closed, failure, invalid_params
from rasterwire.client.exports import ExportMethods
from rasterwire.client.futures import TransferFuture, silent
from rasterwire.client.images import ImageMethods
from rasterwire.client.params import Params, read_params
from rasterwire.client.progress_bar import progress_bar
from rasterwire.client.reader import READ_AHEAD, DownloadReader
from rasterwire.client.reading import read, stream
from rasterwire.client.thumbnails import SECONDS, remember
from rasterwire.client.trace_context import trace_context
from rasterwire.client.transfer import Downloaded, Progress, RetryPolicy, Transfer, check_target, save
from rasterwire.client.wire import streams
from rasterwire.forms import unaffected
from rasterwire.v1 import (
    catalog_service_pb2_grpc,
    download_pb2,
    download_service_pb2,
    download_service_pb2_grpc,
    export_service_pb2_grpc,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import rasterio
    import xarray

T = TypeVar("T")

DownloadIdLike: TypeAlias = download_pb2.DownloadId | dict[str, str]
"""What names a download: the message, or the dictionary of ``get_download_id``."""

_NO_FORMAT: Any = -1
"""No value of the enum."""

_FORM_SECONDS = 2.0
"""That a server is given to look at a request which is wrong in any case."""


class Client(ImageMethods, ExportMethods):
    """Talks to one server; may be used from several threads.

    Every method raises ``DownloadFailed`` or one of its subclasses, and those that write a file ``OSError`` where it
    cannot be written. Methods that take ``params``
    take a ``DownloadParams`` message or a dictionary as Earth Engine's documentation has it.
    """

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
        """Prepare a connection; it is made by the first call.

        Args:
            target: ``host:port`` of the server's gRPC port.
            timeout: seconds that an ordinary call may take; downloads take as long as they bring bytes.
            retry: patience of downloads.
            credentials: for TLS, such as ``rasterwire.client.tls()`` makes; without, the connection is plain.
            api_key: what a server that knows tenants asks for: a key, or a function that returns one, or a token, for
                each call. Without TLS it goes in plain text.
            metadata: sent with every call, such as ``{"x-team": "mapping"}``; names are in small letters.

        Raises:
            InvalidParams: the target is no address that gRPC can call.
        """
        if problem := address_problem(target, needs_port=credentials is None):
            raise InvalidParams(f"target: {problem}")
        self._timeout = timeout
        self._retry = retry or RetryPolicy()
        self._idle = self._retry.idle
        self._channel = authorized(open_channel(target, credentials), api_key, metadata or {})
        self._downloads = download_service_pb2_grpc.DownloadServiceStub(self._channel)
        self._streams = streams(self._channel)
        self._catalog = catalog_service_pb2_grpc.CatalogServiceStub(self._channel)
        self._exports = export_service_pb2_grpc.ExportServiceStub(self._channel)
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="rasterwire")
        self._transfers: weakref.WeakSet[TransferFuture] = weakref.WeakSet()

    def __enter__(self) -> Self:
        """Return the client; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """End running transfers, cancel what waits for its turn, and close the connection."""
        for transfer in list(self._transfers):
            transfer.cancel()
        self._channel.close()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        context = copy_context()  # with the span that it is a part of
        try:
            return self._pool.submit(lambda: context.run(work))
        except RuntimeError:
            raise closed() from None

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout, metadata=trace_context())
        except ValueError:  # how grpc tells of a channel that is closed
            raise closed() from None
        except grpc.RpcError as error:
            raise failure(error) from error

    def _message(self, params: Params, lines_are_geodesic: bool = False) -> download_pb2.DownloadParams:
        """Return the message of a request.

        Raises:
            InvalidParams: with all that the client cannot understand, and what the server finds wrong besides.
        """
        message, problems = read_params(params, lines_are_geodesic)
        if problems:
            raise invalid_params([*problems, *unaffected(problems, self._form_violations(message))])
        return message

    def _form_violations(self, message: download_pb2.DownloadParams) -> list[FieldViolation]:
        """Return what the server finds wrong with the fields and the bands of a message, none where it says nothing."""
        message.format = _NO_FORMAT  # which keeps the server from planning what is not all there
        request = download_service_pb2.PlanDownloadRequest(params=message)
        try:
            self._downloads.PlanDownload(request, timeout=min(self._timeout, _FORM_SECONDS))
        except ValueError:  # the channel is closed
            return []
        except grpc.RpcError as error:
            return [violation for violation in failure(error).violations if violation.field != "format"]
        return []

    # -- requests ---------------------------------------------------------------------------

    def create_download(self, params: Params) -> Created:
        """Register a download; nothing is rendered yet."""
        request = download_service_pb2.CreateDownloadRequest(params=self._message(params))
        answer = self._call(self._downloads.CreateDownload, request)
        created = Created(answer.download_id, answer.plan)
        remember(created.plan, request.params, self._thumbnail)
        return created

    def create_download_future(self, params: Params) -> "Future[Created]":
        """Register a download in the background."""
        return self._submit(lambda: self.create_download(params))

    def plan(self, params: Params) -> download_pb2.DownloadPlan:
        """Return what a download would hold."""
        request = download_service_pb2.PlanDownloadRequest(params=self._message(params))
        plan: download_pb2.DownloadPlan = self._call(self._downloads.PlanDownload, request).plan
        remember(plan, request.params, self._thumbnail)
        return plan

    def limits(self) -> download_service_pb2.GetLimitsResponse:
        """Return what the server will serve at most."""
        limits: download_service_pb2.GetLimitsResponse = self._call(
            self._downloads.GetLimits, download_service_pb2.GetLimitsRequest()
        )
        return limits

    # -- registered downloads ---------------------------------------------------------------

    def get_download(self, download_id: DownloadIdLike) -> download_service_pb2.Download:
        """Return how far a registered download is, and what it holds."""
        identity = _as_message(download_id)
        request = download_service_pb2.GetDownloadRequest(name=identity.name, token=identity.token)
        return cast(download_service_pb2.Download, self._call(self._downloads.GetDownload, request).download)

    def prepare_download(self, download_id: DownloadIdLike) -> download_service_pb2.Download:
        """Have the server begin to render a registered download; ``get_download`` tells when its file is there."""
        identity = _as_message(download_id)
        request = download_service_pb2.PrepareDownloadRequest(name=identity.name, token=identity.token)
        return cast(download_service_pb2.Download, self._call(self._downloads.PrepareDownload, request).download)

    def list_downloads(self) -> Iterator[download_service_pb2.Download]:
        """Yield the registered downloads of the tenant, ordered by name, without their states and plans."""
        request = download_service_pb2.ListDownloadsRequest()
        while True:
            page = self._call(self._downloads.ListDownloads, request)
            yield from page.downloads
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def delete_download(self, download_id: DownloadIdLike) -> None:
        """Make a registered download unknown to the server."""
        identity = _as_message(download_id)
        request = download_service_pb2.DeleteDownloadRequest(name=identity.name, token=identity.token)
        self._call(self._downloads.DeleteDownload, request)

    # -- bytes ------------------------------------------------------------------------------

    def download(
        self, params: Params, path: str | Path, *, progress: bool | Progress = False, restart: bool = False
    ) -> Downloaded:
        """Download into a file, which appears under its name only when it is whole and checked.

        Args:
            params: what to download.
            path: of the file; a folder gives it the server's name.
            progress: True shows a bar; a function is called with bytes done, and in all or None.
            restart: begin anew, where a process that was ended left the beginning of the same file as ``NAME.part``.

        Raises:
            Interrupted: the connection was lost and could not be had again; nothing is left behind.
            CorruptData: the server sent wrong bytes.
            OSError: the file cannot be written; where its folder is missing, before the server is asked.
        """
        check_target(Path(path))
        with progress_bar(progress) as shown:
            return save(self._transfer(params), Path(path), shown, restart=restart)

    def download_future(
        self, params: Params, path: str | Path, *, progress: Progress | None = None
    ) -> "Future[Downloaded]":
        """Download in the background; ``cancel()`` of the future ends a running transfer too.

        Callbacks of the future run in a thread of the client and should not block.

        Raises:
            OSError: at once, where the folder of the file is missing or cannot be written to.
        """
        check_target(Path(path))
        future = TransferFuture(lambda: self._transfer(params), Path(path), progress or silent)
        self._transfers.add(future)
        self._submit(future.run).add_done_callback(future.follow)
        return future

    def read(self, download_id: DownloadIdLike, *, offset: int = 0, limit: int = 0) -> Iterator[bytes]:
        """Yield bytes of a registered download, chunk by chunk, each checked, and at the end the whole.

        What was garbled on its way is read again, once; a lost connection is an error.

        Args:
            download_id: of the download.
            offset: first byte.
            limit: most bytes; 0 means all that follow.

        Raises:
            CorruptData: at the end, too: of a whole file that is not what the server says, or is cut short.
        """
        checker = Checker(offset=offset, limit=limit)
        with closing(read(self._streams, _as_message(download_id), checker, self._idle)) as chunks:
            for data in chunks:
                if data:
                    yield bytes(data)
        checker.finish()

    def open(self, params: Params) -> BufferedReader:
        """Return a file to read once, over lost connections; its last read, which is empty, tells that all is right."""
        return BufferedReader(DownloadReader(self._transfer(params)), READ_AHEAD)

    def stream(self, params: Params) -> bytes:
        """Return a file by one call that stores nothing: for small pieces."""
        return self._streamed(params)[0]

    def _streamed(self, params: Params) -> tuple[bytes, download_pb2.DownloadPlan]:
        """Return a file by one call, with its plan."""
        data, checker = stream(self._streams, self._message(params), self._idle)
        return data, cast(download_pb2.DownloadPlan, checker.plan)

    def _thumbnail(self, params: download_pb2.DownloadParams) -> bytes:
        """Return a file that comes at once or not at all."""
        return stream(self._streams, params, SECONDS, SECONDS)[0]

    def _transfer(self, params: Params) -> Transfer:
        created = self.create_download(params)
        return Transfer(self._streams, created.download_id, self._retry, self._idle, created.plan)

    # -- arrays -----------------------------------------------------------------------------

    def to_numpy(self, params: Params) -> "npt.NDArray[np.void]":
        """Return a structured array, shape (rows, columns), one field a band; needs numpy."""
        return arrays.to_numpy(self._streamed, params)

    def open_rasterio(self, params: Params) -> "rasterio.DatasetReader":
        """Return an open in-memory GeoTIFF of all bands; needs rasterio."""
        return arrays.open_rasterio(self._streamed, params)

    def to_xarray(self, params: Params) -> "xarray.DataArray":
        """Return an array with dimensions band, y, x and coordinates; needs rioxarray."""
        return arrays.to_xarray(self._streamed, params)

    # -- as Earth Engine has it -------------------------------------------------------------

    def get_download_id(
        self, params: Params, callback: Callable[[dict[str, str] | None, DownloadFailed | None], object] | None = None
    ) -> dict[str, str] | None:
        """Return a download id and token, as ``ee.data.getDownloadId`` does.

        Args:
            params: as Earth Engine's documentation has them.
            callback: where given, None is returned at once, and the callback is called once, from
                another thread, with the download id, or None and the error.
        """

        def create() -> dict[str, str]:
            return _as_dict(self.create_download(self._message(params, lines_are_geodesic=True)).download_id)

        if callback is None:
            return create()

        def tell(done: "Future[dict[str, str]]") -> None:
            if done.cancelled():
                callback(None, DownloadFailed("the client was closed before the server answered"))
            elif (error := done.exception()) is None:
                callback(done.result(), None)
            else:
                callback(None, error if isinstance(error, DownloadFailed) else DownloadFailed(repr(error)))

        self._submit(create).add_done_callback(tell)
        return None

    def make_download_url(self, download_id: DownloadIdLike) -> str:
        """Return the address that gives the bytes over HTTP, as ``ee.data.makeDownloadUrl`` does.

        Raises:
            DownloadFailed: the server has no HTTP door.
        """
        url = _as_message(download_id).url
        if not url:
            raise DownloadFailed("the server that made this download id has no HTTP door")
        return url


def _as_message(download_id: DownloadIdLike) -> download_pb2.DownloadId:
    if isinstance(download_id, download_pb2.DownloadId):
        return download_id
    return download_pb2.DownloadId(
        name=download_id.get("docid", ""), token=download_id.get("token", ""), url=download_id.get("url", "")
    )


def _as_dict(download_id: download_pb2.DownloadId) -> dict[str, str]:
    return {"docid": download_id.name, "token": download_id.token, "url": download_id.url}
