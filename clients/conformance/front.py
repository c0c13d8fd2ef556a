"""A gRPC server that passes every call on to the real one, and does to it what the case says."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import grpc

from conformance.faults import Fault, Stopped, faulty_stream, status_of, with_unknown_field
from rasterwire.v1 import download_service_pb2

__all__ = ["Front", "SeenCall"]

HANG = 120.0
"""Seconds after which a call that is held is let go, though nobody has ended it."""

_streams = {"ReadDownload", "StreamDownload", "WatchExport"}
_hop_headers = ("user-agent", "grpc-", "te", "content-type", ":")


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call that a client made.

    Attributes:
        method: its name.
        offset, etag: of ``ReadDownload``.
        metadata: that it came with.
    """

    method: str
    offset: int = 0
    etag: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class Front(grpc.GenericRpcHandler):
    """Stands before a server; one case at a time.

    Attributes:
        port: of 127.0.0.1, that it listens on.
        calls: that came since ``begin``.
        hits: how often each fault of the case did something to a call, in their order.
        held: is set when a call is held.
    """

    def __init__(self, address: str) -> None:
        self._upstream = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._pool = ThreadPoolExecutor(150)
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()
        self.calls: list[SeenCall] = []
        self.hits: list[int] = []
        self.held = threading.Event()
        self._server.start()

    def begin(self, faults: tuple[Fault, ...]) -> None:
        """Forget what came, and do these from now on."""
        with self._lock:
            self._faults, self.calls, self.hits = faults, [], [0] * len(faults)
            self.held.clear()

    def stop(self) -> None:
        """End it."""
        self._server.stop(0)
        self._upstream.close()

    def service(self, handler_call_details: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return what answers a call of any method."""
        path = handler_call_details.method
        name = path.rpartition("/")[2]
        if name in _streams:
            return grpc.unary_stream_rpc_method_handler(
                lambda request, context: self._stream(path, name, request, context)
            )
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._unary(path, name, request, context))

    def _seen(self, name: str, request: bytes, context: grpc.ServicerContext) -> Fault | None:
        """Write a call down, and return what is done to it."""
        metadata = {key: str(value) for key, value in context.invocation_metadata()}
        offset, etag = 0, ""
        if name == "ReadDownload":
            read = download_service_pb2.ReadDownloadRequest.FromString(request)
            offset, etag = read.read_offset, read.etag
        with self._lock:
            self.calls.append(SeenCall(name, offset, etag, metadata))
            number = sum(call.method == name for call in self.calls)
            return next((fault for fault in self._faults if fault.is_of(name, number)), None)

    def _strike(self, fault: Fault) -> None:
        """Count that a fault did something, unless the call is of a case that is over."""
        with self._lock:
            if fault in self._faults:
                self.hits[self._faults.index(fault)] += 1

    def _hold(self, context: grpc.ServicerContext) -> None:
        """Say nothing until the client has left."""
        left = threading.Event()
        if not context.add_callback(left.set):
            return
        self.held.set()
        left.wait(HANG)

    def _fail(self, fault: Fault, context: grpc.ServicerContext) -> None:
        status = status_of(fault)
        if status.details:
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode[fault.code], fault.message)

    def _upstream_answer(self, path: str) -> Callable[..., bytes]:
        method: Any = self._upstream.unary_unary(path)
        return cast(Callable[..., bytes], method)

    def _upstream_stream(self, path: str) -> Callable[..., Any]:
        method: Any = self._upstream.unary_stream(path)
        return cast(Callable[..., Any], method)

    def _unary(self, path: str, name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        fault = self._seen(name, request, context)
        do = fault.do if fault is not None else ""
        if fault is not None and do in {"fail", "stall", "garbage", "unknown"}:
            self._strike(fault)
        if fault is not None and do == "fail":
            self._fail(fault, context)
        if do == "stall":
            self._hold(context)
        try:
            answer = self._upstream_answer(path)(request, timeout=HANG, metadata=_passed_on(context))
        except grpc.RpcError as error:
            _pass_on(error, context)
            raise AssertionError("abort does not return") from error
        if do == "garbage":
            return b"\xff\xff\xff"
        return with_unknown_field(answer) if do == "unknown" else answer

    def _stream(self, path: str, name: str, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        fault = self._seen(name, request, context)
        if fault is not None and fault.do == "fail" and not fault.after:
            self._strike(fault)
            self._fail(fault, context)
        call = self._upstream_stream(path)(request, timeout=HANG, metadata=_passed_on(context))
        context.add_callback(call.cancel)
        try:
            if fault is None:
                yield from call
            elif name == "ReadDownload":
                yield from faulty_stream(fault, call, partial(self._strike, fault))
            elif fault.do == "unknown":
                self._strike(fault)
                yield from map(with_unknown_field, call)
            else:
                yield from call
        except Stopped as stopped:
            if stopped.is_held:
                self._hold(context)
            elif fault is not None:
                self._fail(fault, context)
        except grpc.RpcError as error:
            if context.is_active():
                _pass_on(error, context)
        finally:
            call.cancel()


def _passed_on(context: grpc.ServicerContext) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((key, value) for key, value in context.invocation_metadata() if not key.startswith(_hop_headers))


def _pass_on(error: grpc.RpcError, context: grpc.ServicerContext) -> None:
    """End a call with the status of another."""
    failed: Any = error
    trailers = tuple((key, value) for key, value in failed.trailing_metadata() or () if not key.startswith("grpc-"))
    details = tuple((key, value) for key, value in failed.trailing_metadata() or () if key == "grpc-status-details-bin")
    context.set_trailing_metadata((*trailers, *details))
    context.abort(failed.code(), failed.details())
