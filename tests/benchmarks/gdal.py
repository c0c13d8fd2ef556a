"""GDAL's command lines, each given the two threads that its options can use."""

import shlex
import shutil
from pathlib import Path

from benchmarks.commands import Commands
from benchmarks.contender import Run
from benchmarks.processes import Tree
from benchmarks.source import Source
from benchmarks.work import Kind, Part, Work

_THREADS = ["-oo", "NUM_THREADS=2", "--config", "GDAL_NUM_THREADS", "2"]


class Gdal:
    """gdal_translate for windows, gdalwarp -multi for other grids.

    Attributes:
        level: of the compression.
        beside: how many files of a zip are made at once; each has one thread where there are two.
        options: further ones of gdalwarp.
    """

    family = "gdal"

    def __init__(
        self,
        commands: Commands,
        source: Source,
        kind: Kind,
        level: int,
        *,
        beside: int = 1,
        options: tuple[str, ...] = (),
    ) -> None:
        self.tree: Tree | None = None
        self.kind = kind
        self.level = level
        self.beside = beside
        self.options = options
        self._commands = commands
        self._source = source
        self.name = " ".join(["gdal,", "zstd" if kind is Kind.ZSTD else "deflate", f"level {level}", *options])
        if kind is Kind.ZIP:
            self.name += ", one after another" if beside == 1 else f", {beside} at once"

    def offers(self, work: Work) -> bool:
        if self.options and work.resampling != "average":
            return False  # -ovr NONE makes a difference to reductions alone
        return work.kind is self.kind and not any(part.grid.is_rotated for part in work.parts)

    def argv(self, work: Work, part: Part, path: Path) -> list[str]:
        """Return the command for one file."""
        threads = _THREADS if self.beside == 1 else []
        creation = ["TILED=YES", "COMPRESS=ZSTD" if self.kind is Kind.ZSTD else "COMPRESS=DEFLATE", "PREDICTOR=2"]
        creation.append(f"{'ZSTD_LEVEL' if self.kind is Kind.ZSTD else 'ZLEVEL'}={self.level}")
        creation += ["NUM_THREADS=2"] if self.beside == 1 else []
        out = [word for option in creation for word in ("-co", option)]
        files = [str(self._source.path(part.band)), str(path)]
        if part.window is not None:
            window = part.window
            place = [str(n) for n in (window.column, window.row, window.width, window.height)]
            return ["gdal_translate", "-q", "-srcwin", *place, *threads, *out, *files]
        grid = part.grid
        place = ["-t_srs", grid.crs, "-te", *map(repr, grid.bounds), "-ts", str(grid.width), str(grid.height)]
        multi = ["-multi", "-wo", "NUM_THREADS=2"] if self.beside == 1 else []
        return ["gdalwarp", "-q", *multi, *self.options, *place, "-r", work.resampling, *threads, *out, *files]

    def script(self, work: Work, path: Path) -> str:
        """Return the shell's words for a zip of several files."""
        folder = path.with_suffix("")
        files = [folder / f"{part.band}.tif" for part in work.parts]
        lines = [shlex.join(self.argv(work, part, file)) for part, file in zip(work.parts, files, strict=True)]
        if self.beside > 1:
            lines = [f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} | xargs -P {self.beside} -I LINE sh -c LINE"]
        pack = f"zip -q -0 -j {shlex.quote(str(path))} {shlex.quote(str(folder))}/*.tif"
        return "\n".join([f"mkdir {shlex.quote(str(folder))}", *lines, pack])

    def tell(self, work: Work) -> str:
        if work.kind is Kind.ZIP:
            return self.script(work, Path("OUT.zip"))
        return shlex.join(self.argv(work, work.parts[0], Path("OUT.tif")))

    def run(self, work: Work, path: Path, nth: int) -> Run:
        if work.kind is Kind.ZIP:
            ran = self._commands.shell(self.script(work, path))
            shutil.rmtree(path.with_suffix(""))
        else:
            ran = self._commands.run(self.argv(work, work.parts[0], path))
        return Run(ran.seconds, None, ran.cpu_seconds, ran.peak_bytes)


def gdal(commands: Commands, source: Source) -> list[Gdal]:
    """Return the ways of GDAL that are compared; the best one counts."""
    return [
        Gdal(commands, source, Kind.DEFLATE, 6),
        Gdal(commands, source, Kind.DEFLATE, 1),
        Gdal(commands, source, Kind.DEFLATE, 1, options=("-ovr", "NONE")),
        Gdal(commands, source, Kind.ZSTD, 9),
        Gdal(commands, source, Kind.ZSTD, 1),
        Gdal(commands, source, Kind.ZIP, 1),
        Gdal(commands, source, Kind.ZIP, 1, beside=2),
    ]
