"""odc-stac, a library: loaded and written in a worker of its own environment that lives through all runs."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contender import Run, Unable
from benchmarks.processes import Tree
from benchmarks.source import BANDS, Source
from benchmarks.work import CRS, Kind, Work

_LEVELS = {
    Kind.DEFLATE: ("deflate", "zlevel", 1),
    Kind.ZSTD: ("zstd", "zstd_level", 1),
    Kind.ZIP: ("deflate", "zlevel", 1),
}
_RESAMPLINGS = {"near": "nearest"}
_WORKER = Path(__file__).with_name("odc_worker.py")


class Odc:
    """``odc.stac.load`` with an exact grid, and the array written by rasterio with two threads."""

    name = "odc-stac"
    family = "odc-stac"

    def __init__(self, process: "subprocess.Popen[str]", source: Source) -> None:
        self.tree: Tree | None = Tree(process.pid)
        self._process = process
        self._source = source
        self.version = self._answer()["version"]

    def offers(self, work: Work) -> bool:
        return work.kind in _LEVELS

    def _request(self, work: Work, path: Path) -> dict[str, Any]:
        compress, key, level = _LEVELS[work.kind]
        parts = [
            {
                "band": part.band,
                "crs": part.grid.crs,
                "transform": part.grid.transform,
                "width": part.grid.width,
                "height": part.grid.height,
            }
            for part in work.parts
        ]
        resampling = _RESAMPLINGS.get(work.resampling, work.resampling)
        how = {"resampling": resampling, "compress": compress, "level": [key, level]}
        return {
            "out": str(path),
            "parts": parts,
            **how,
            "source": _described(self._source, [p.band for p in work.parts]),
        }

    def tell(self, work: Work) -> str:
        compress, key, level = _LEVELS[work.kind]
        grid = work.parts[0].grid
        box = f"GeoBox({(grid.height, grid.width)}, Affine{grid.transform}, {grid.crs!r})"
        resampling = _RESAMPLINGS.get(work.resampling, work.resampling)
        load = f"odc.stac.load([item], bands=[band], geobox={box}, resampling={resampling!r}, pool=2)"
        return f"{load}, then rasterio: tiled, {compress}, {key}={level}, predictor=2, num_threads=2"

    def run(self, work: Work, path: Path, nth: int) -> Run:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._request(work, path)) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise Unable(answer["error"])
        return Run(answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Unable("the worker of odc-stac ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _described(source: Source, bands: list[str]) -> dict[str, Any]:
    assets = {}
    for band in bands:
        metres = BANDS[band]
        side = -(-source.size * 10 // metres)
        transform = source.placed(band, metres, side, side).grid.transform
        assets[band] = {"path": str(source.path(band)), "shape": [side, side], "transform": transform}
    return {"crs": CRS, "assets": assets}


@contextmanager
def odc_stac(python: Path, source: Source, scratch: Path) -> Iterator[Odc]:
    """Run the worker."""
    with (
        (scratch / "odc.log").open("wb") as log,
        subprocess.Popen(
            [str(python), str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            yield Odc(process, source)
        finally:
            process.terminate()
