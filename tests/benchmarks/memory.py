"""Peak memory of the server while it serves a 4 GB output. Run by ``make bench-memory``."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc

from rasterwire.demo.scene import make_scene
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

IMAGE = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG"
SIDE = 46_000
LIMIT_MB = 400

_SERVE = """
import sys
from pathlib import Path
from rasterwire.server.process.app import serve
from rasterwire.server.settings import Settings
root = Path(sys.argv[1])
serve(Settings(root / "catalog", grpc_port=int(sys.argv[2]), http_port=-1, state_dir=root / "state"))
"""


def main() -> int:
    """Print seconds, bytes and peak memory for each case; returns 1 where one is over the limit."""
    cases = {
        "nearest, native crs, uncompressed GeoTIFF": {"compression": "COMPRESSION_NONE", "format": "FORMAT_GEO_TIFF"},
        "nearest, EPSG:4326, deflate GeoTIFF with mask": {
            "crs": "EPSG:4326",
            "mask": "MASK_BAND",
            "format": "FORMAT_GEO_TIFF",
        },
        "nearest, native crs, NPY": {"format": "FORMAT_NPY"},
    }
    names = sys.argv[1:]
    over = False
    for name, fields in cases.items():
        if names and not any(word in name for word in names):
            continue
        peak, size, seconds = _measure(fields)
        over = over or peak > LIMIT_MB
        pixels = SIDE * SIDE * 2 / 1e6
        speed = f"{size / 1e6:.0f} MB delivered in {seconds:.0f} s, {pixels / seconds:.0f} MB/s of pixels"
        print(f"{name}: peak {peak:.0f} MB, {speed}", flush=True)
    return int(over)


def _measure(fields: dict[str, str]) -> tuple[float, int, float]:
    from google.protobuf import json_format

    with tempfile.TemporaryDirectory() as folder:
        make_scene(Path(folder) / "catalog")
        port = _free_port()
        server = subprocess.Popen([sys.executable, "-c", _SERVE, folder, str(port)], stderr=subprocess.DEVNULL)
        try:
            document = {"image": IMAGE, "bands": [{"id": "B3"}], "dimensions": [SIDE, SIDE], **fields}
            params = json_format.ParseDict(document, download_pb2.DownloadParams())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = download_service_pb2_grpc.DownloadServiceStub(channel)
                request = download_service_pb2.CreateDownloadRequest(params=params)
                download = stub.CreateDownload(request, wait_for_ready=True, timeout=60).download_id
                began = time.perf_counter()
                read_request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
                size = sum(len(answer.chunk.data) for answer in stub.ReadDownload(read_request, timeout=3600))
                seconds = time.perf_counter() - began
            status = Path(f"/proc/{server.pid}/status").read_text()
            peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
            return peak, size, seconds
        finally:
            server.terminate()
            server.wait(60)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
