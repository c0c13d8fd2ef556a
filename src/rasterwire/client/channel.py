"""The connection of a client: which calls are sent again, and how it is kept."""

import json

import grpc

__all__ = ["open_channel"]

_SERVICE_CONFIG = {
    "methodConfig": [
        {
            # not ReadDownload, which is resumed here with a patience of its own
            "name": [
                {"service": "rasterwire.v1.DownloadService", "method": "CreateDownload"},
                {"service": "rasterwire.v1.DownloadService", "method": "PlanDownload"},
                {"service": "rasterwire.v1.DownloadService", "method": "GetLimits"},
                {"service": "rasterwire.v1.DownloadService", "method": "GetDownload"},
                {"service": "rasterwire.v1.DownloadService", "method": "PrepareDownload"},
                {"service": "rasterwire.v1.DownloadService", "method": "ListDownloads"},
                {"service": "rasterwire.v1.CatalogService"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "3s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_OPTIONS = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.primary_user_agent", "rasterwire-python"),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # after a restart of the server, not the two minutes that the default grows to
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # a chunk of a MiB, with what is told of it, in one frame instead of 65
    ("grpc.http2.max_frame_size", (1 << 20) + (1 << 14)),
]


def open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """Return a channel, which connects at its first call.

    Args:
        target: ``host:port``.
        credentials: for TLS; None for a plain connection.
    """
    if credentials is None:
        return grpc.insecure_channel(target, options=_OPTIONS)
    return grpc.secure_channel(target, credentials, options=_OPTIONS)
