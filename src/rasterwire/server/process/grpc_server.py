"""The gRPC server of a process, and what it answers."""

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc

from rasterwire.server.call_log import CallLog
from rasterwire.server.grpc.export_front import ExportFront
from rasterwire.server.grpc.front import CatalogFront, DownloadFront, WireBytes
from rasterwire.server.grpc.health import Health, Reflection
from rasterwire.server.identity import Authenticator
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.v1 import (
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    download_service_pb2,
    download_service_pb2_grpc,
    export_service_pb2,
    export_service_pb2_grpc,
)

__all__ = ["add_services", "make_grpc_server"]

_OPTIONS = [
    ("grpc.max_receive_message_length", 11 << 20),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    # Beyond so many calls that no handler has yet, gRPC's core cancels new ones of whoever comes. Without a limit of
    # its own, one connection fills that queue with calls that it takes back at once.
    ("grpc.max_concurrent_streams", 100),
    ("grpc.http.overload_protection", 0),
    ("grpc.server.max_pending_requests", 5_000),
    ("grpc.server.max_pending_requests_hard_limit", 10_000),
]


def make_grpc_server(settings: Settings) -> grpc.aio.Server:
    """Return a server without services and ports."""
    # by default a second server would share the port in silence
    sharing = ("grpc.so_reuseport", int(settings.workers > 1))
    return grpc.aio.server(
        interceptors=[WireBytes()], options=[*_OPTIONS, sharing], compression=grpc.Compression.NoCompression
    )


def add_services(
    server: grpc.aio.Server, service: Service, authenticator: Authenticator, log: CallLog
) -> tuple[Health, Reflection]:
    """Let a server answer all calls of gRPC; return those that stand open until they are ended."""
    download_service_pb2_grpc.add_DownloadServiceServicer_to_server(DownloadFront(service, authenticator, log), server)
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogFront(service, authenticator, log), server)
    export_service_pb2_grpc.add_ExportServiceServicer_to_server(ExportFront(service, authenticator, log), server)
    services = [
        download_service_pb2.DESCRIPTOR.services_by_name["DownloadService"].full_name,
        catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
        export_service_pb2.DESCRIPTOR.services_by_name["ExportService"].full_name,
    ]
    health, reflection = Health(services), Reflection(services)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection, server)  # type: ignore[no-untyped-call]
    return health, reflection
