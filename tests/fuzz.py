"""Damages small files of every format at random, and reads them: nothing may die, hang, take much memory or be wrong.

    python tests/fuzz.py                      10,000 files; from seed 0 on
    python tests/fuzz.py --first 500          from another seed on: where a run was broken off, say
    python tests/fuzz.py --seed 4711          one file, which is kept, and all that was found
    python tests/fuzz.py --sandbox            files are read in children of the sandbox

Files of arrays are compared with h5py and zarr-python in place of GDAL.

A seed stands for one file of ``small_files`` and what is changed in it. Ours reads it in a process of its own, as a
server without a sandbox would. Where it delivers pixels, GDAL reads the same in another process. It is wrong to
deliver pixels where GDAL reports an error, or other pixels than GDAL; to refuse a file is always right.
"""

import argparse
import hashlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from damage import Content, damaged
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import DownloadError
from rasterwire.files import sandbox
from rasterwire.files.beside import FormatOptions
from rasterwire.render.source import read
from rasterwire.server.process.sandboxed import prepare
from small_files import ARRAY, BY_CHOICE, SMALL_FILES, SmallFile

MAX_SECONDS = 5.0
"""Of processor time for a file."""

MAX_WAIT = 60.0
"""Seconds until a process that says nothing is ended: a machine may be busy."""

MAX_BYTES = 400 << 20
"""Of memory above that of the idle process."""

_MAX_ADDRESSES = 16 << 30
"""Bytes of addresses, so that a fault does not take the whole machine."""

_MAX_BANDS = 4
_MAX_LEVELS = 3
_PART = 256
"""Pixels of a side that are read of larger rasters, at their first and last corner."""

_NAME = "a"

_FILES = [*SMALL_FILES, *BY_CHOICE]

_DRIVERS = {".tif": "GTiff", ".jp2": "JP2OpenJPEG", ".png": "PNG", ".jpg": "JPEG", ".gti": "GTI", ".gti.gpkg": "GTI"}
_ARRAYS = (".nc", ".zarr")

Part = tuple[int, int | None, int, int, int, int]
"""Band, overview, first column and row, columns and rows."""

Digests = dict[Part, str]
"""Of the pixels of parts; "" where they cannot be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process did with a file.

    Attributes:
        digests: of the parts that it read.
        seconds: of processor time.
        bytes: of memory above the idle process, at most.
        error: that ours should not raise; "" for none.
        refusals: sentences of refusals.
    """

    digests: Digests
    seconds: float = 0.0
    bytes: int = 0
    error: str = ""
    refusals: tuple[str, ...] = ()


def _digest(data: npt.NDArray[Any]) -> str:
    if data.dtype.kind == "f":
        data = np.where(np.isnan(data), np.array(np.nan, data.dtype), data)
    return hashlib.sha256(f"{data.dtype}{data.shape}".encode() + data.tobytes()).hexdigest()


def _parts(band: int, overview: int | None, width: int, height: int) -> Iterator[Part]:
    across, down = min(width, _PART), min(height, _PART)
    yield band, overview, 0, 0, across, down
    if (across, down) != (width, height):
        yield band, overview, width - across, height - down, across, down


def read_by_us(folder: Path, _parts_asked: Sequence[Part]) -> Reading:
    """Read parts of a file as a server does."""
    digests: Digests = {}
    refusals = []
    try:
        bands = FolderCatalog(folder).get(_NAME).bands
    except DownloadError as error:
        return Reading({}, refusals=(str(error),))
    for band in bands[:_MAX_BANDS]:
        rows, columns = band.grid.shape
        levels = [(None, (int(columns), int(rows))), *enumerate(band.overviews[:_MAX_LEVELS])]
        for overview, (width, height) in levels if band.exact_overviews else levels[:1]:
            for part in _parts(band.index, overview, width, height):
                *_, column, row, across, down = part
                try:
                    digests[part] = _digest(read(band, overview, column, row, (down, across)).data)
                except DownloadError as error:
                    digests[part] = ""
                    refusals.append(str(error))
    return Reading(digests, refusals=tuple(refusals))


_STRICT = {"GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE"}
"""Damage of JPEG is an error, and not gray pixels."""


def read_by_gdal(folder: Path, parts: Sequence[Part]) -> Reading:
    """Read parts of a file by the reference library, with the options that ours sets."""
    suffix, path = next(
        (suffix, path) for suffix in (*_DRIVERS, *_ARRAYS) if (path := folder / f"{_NAME}{suffix}").exists()
    )
    digests: Digests = {}
    refusals = []
    for part in parts:
        band, overview, column, row, width, height = part
        level = {} if overview is None else {"overview_level": overview}
        try:
            if suffix in _ARRAYS:
                digests[part] = _digest(_array_of(path)[row : row + height, column : column + width])
                continue
            with (
                chdir(folder),  # GDAL finds the table of a tile index in XML from there
                rasterio.Env(
                    GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO", GDAL_NUM_THREADS="1", **_STRICT
                ),
                rasterio.open(path, driver=_DRIVERS[suffix], **level) as file,
            ):
                digests[part] = _digest(file.read(band, window=Window(column, row, width, height)))
        except Exception as error:  # noqa: BLE001  whatever it is: the library cannot read it
            digests[part] = ""
            refusals.append(f"{error}; {error.__cause__}")
    return Reading(digests, refusals=tuple(refusals))


def _array_of(path: Path) -> npt.NDArray[Any]:
    """Return the array of a file of arrays, by the library of its format."""
    if path.suffix == ".zarr":
        import zarr

        values = np.asarray(zarr.open_group(path, mode="r")[ARRAY])
    else:
        import h5py

        with h5py.File(path, "r") as file:
            values = file[ARRAY][...]
    return values.astype(values.dtype.newbyteorder("="))


Reader = Callable[[Path, Sequence[Part]], Reading]


def _memory(name: str) -> int:
    """Return a value of this process in bytes, such as VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) << 10


def _serve(pipe: Connection, reader: Reader, in_sandbox: bool, root: Path) -> None:
    """Read files whose folders come through a pipe."""
    logging.disable(logging.CRITICAL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries tell there of each damaged file
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, _MAX_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    choice = {str(root): FormatOptions(worldfiles=True, gti=True, crs="EPSG:32633")}
    prepare((), choice)
    limits = sandbox.ReadLimits(MAX_WAIT / 2, 1 << 30)
    with sandbox.in_children(1, limits, partial(prepare, (), choice)) if in_sandbox else nullcontext():
        idle = 0
        while True:
            folder, parts = pipe.recv()
            Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins again
            idle = idle or _memory("VmRSS")
            start = time.process_time()
            try:
                reading = reader(folder, parts)
            except Exception as error:  # noqa: BLE001  it is what is looked for
                reading = Reading({}, error=f"{type(error).__name__}: {error}")
            seconds, peak = time.process_time() - start, _memory("VmHWM") - idle
            pipe.send(Reading(reading.digests, seconds, peak, reading.error, reading.refusals))


class Process:
    """A process that reads files. It is started again where a file ended it."""

    def __init__(self, reader: Reader, root: Path, in_sandbox: bool = False) -> None:
        self._arguments = reader, in_sandbox, root
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, *self._arguments), daemon=False)
        self._process.start()
        other.close()

    def read(self, folder: Path, parts: Sequence[Part] = ()) -> Reading | str:
        """Return what the process did with a file; a sentence where it died or hung."""
        try:
            self._pipe.send((folder, parts))
            if self._pipe.poll(MAX_WAIT):
                reading: Reading = self._pipe.recv()
                return reading
        except (EOFError, OSError):
            self._process.join()
            problem = f"the process died with {self._process.exitcode}"
        else:
            problem = "the process hung"
        self.restart()
        return problem

    def restart(self) -> None:
        """End the process, and start another one."""
        self.end()
        self._start()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def content_of(small: SmallFile, folder: Path) -> Content:
    """Return the files of a layout by their paths, written into an empty folder."""
    path = folder / f"{_NAME}{small.suffix}"
    small.write(path)
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


class Fuzzer:
    """Two processes, and the folder that they read. Not for several threads."""

    def __init__(self, contents: Sequence[Content], folder: Path, in_sandbox: bool = False) -> None:
        self.contents = contents
        self._folder = folder
        self._ours = Process(read_by_us, folder, in_sandbox)
        self._reference = Process(read_by_gdal, folder)
        self.counts: Counter[str] = Counter()

    def run(self, seed: int) -> str:
        """Damage a file and read it; return what is wrong, "" for nothing."""
        content, _ = damaged(self.contents, seed)
        folder = self._folder / str(seed)  # readers may remember a file by its name
        folder.mkdir()
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        problem = self._problem(folder)
        shutil.rmtree(folder)
        return problem

    def _problem(self, folder: Path) -> str:
        ours = self._ours.read(folder)
        if isinstance(ours, str):
            return ours
        if ours.error:
            return f"an error that is none of a file: {ours.error}"
        if ours.seconds > MAX_SECONDS:
            return f"it took {ours.seconds:.1f} s of processor time"
        if ours.bytes > MAX_BYTES:
            self._ours.restart()  # what the file left behind is not that of the next one
            return f"it took {ours.bytes >> 20} MB above the idle process"
        delivered = {part: digest for part, digest in ours.digests.items() if digest}
        self.counts["refused" if not delivered else "delivered"] += 1
        self.counts["saved by the sandbox"] += any(
            cause in text for text in ours.refusals for cause in (sandbox.TOO_LONG, sandbox.TOO_MUCH, sandbox.ENDED)
        )
        if not delivered:
            return ""
        theirs = self._reference.read(folder, list(delivered))
        if isinstance(theirs, str):
            self.counts["without a reference"] += 1
            return ""
        for part, digest in delivered.items():
            if theirs.digests[part] != digest:
                what = "other pixels than GDAL's" if theirs.digests[part] else f"pixels, and GDAL: {theirs.refusals[0]}"
                return f"{what}: band, overview, column, row, width, height = {part}"
        return ""

    def end(self) -> None:
        """End the processes."""
        self._ours.end()
        self._reference.end()


@contextmanager
def fuzzer(in_sandbox: bool = False) -> Iterator[Fuzzer]:
    """Return a fuzzer over all small files for a ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        contents = []
        for number, small in enumerate(_FILES):
            (folder / f"made{number}").mkdir()
            contents.append(content_of(small, folder / f"made{number}"))
        (folder / "damaged").mkdir()
        running = Fuzzer(contents, folder / "damaged", in_sandbox)
        try:
            yield running
        finally:
            running.end()


def run_all(seeds: Sequence[int], in_sandbox: bool = False) -> tuple[Counter[str], dict[int, str]]:
    """Run seeds one after the other; return counts, and what is wrong by seed."""
    problems = {}
    with fuzzer(in_sandbox) as running:
        for number, seed in enumerate(seeds, start=1):
            if problem := running.run(seed):
                problems[seed] = problem
                print(f"seed {seed} ({_FILES[seed % len(_FILES)].name}): {problem}")
                print(f"  python {sys.argv[0]} --seed {seed}{' --sandbox' * in_sandbox}", flush=True)
            if number % 500 == 0:
                print(f"{number} of {len(seeds)}: next seed {seed}; {len(problems)} wrong", flush=True)
        return running.counts, problems


def show(seed: int, in_sandbox: bool) -> None:
    """Keep the file of a seed, and print what was found."""
    with fuzzer(in_sandbox) as running:
        content, changes = damaged(running.contents, seed)
        for name, data in content.items():
            path = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{name.replace('/', '-')}"
            path.write_bytes(data)
            print(path)
        print(f"{_FILES[seed % len(_FILES)].name}: {'; '.join(changes)}")
        print(running.run(seed) or "nothing is wrong")


def main() -> int:
    """Run what the command line says; return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="of files")
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--seed", type=int, help="run this one alone, and keep its file")
    parser.add_argument("--jobs", type=int, default=2, help="fuzzers side by side")
    parser.add_argument("--sandbox", action="store_true", help="read in children")
    options = parser.parse_args()
    if options.seed is not None:
        show(options.seed, options.sandbox)
        return 0
    seeds = range(options.first, options.first + options.count)
    with ThreadPoolExecutor(options.jobs) as pool:
        shares = [seeds[number :: options.jobs] for number in range(options.jobs)]
        results = list(pool.map(run_all, shares, [options.sandbox] * options.jobs))
    counts: Counter[str] = sum((counts for counts, _ in results), Counter())
    wrong = sum(len(problems) for _, problems in results)
    print(
        f"{len(seeds)} files: {', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}; {wrong} wrong"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
