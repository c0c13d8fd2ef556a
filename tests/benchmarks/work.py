"""What is to be done, in words that every contender can translate into its own."""

from dataclasses import dataclass, replace
from enum import StrEnum

CRS = "EPSG:32633"


class Kind(StrEnum):
    """What comes out; GeoTIFFs are tiled."""

    DEFLATE = "deflate GeoTIFF"
    ZSTD = "zstd GeoTIFF"
    NPY = "NPY"
    ZIP = "zip with a deflate GeoTIFF a band"

    @property
    def suffix(self) -> str:
        """Return the ending of the file's name."""
        return {Kind.NPY: ".npy", Kind.ZIP: ".zip"}.get(self, ".tif")


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of pixels.

    Attributes:
        crs: its name.
        transform: six numbers, row-major, from (column, row) to the crs.
        width, height: pixels.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return west, south, east and north of a grid that is not rotated."""
        a, _, x, _, e, y = self.transform
        return x, y + e * self.height, x + a * self.width, y

    @property
    def is_rotated(self) -> bool:
        """Tell whether columns and rows lie askew to the axes of the crs."""
        return self.transform[1] != 0 or self.transform[3] != 0

    @property
    def pixels(self) -> int:
        """Return how many there are."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the source's own pixels."""

    column: int
    row: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Part:
    """A band on its grid; ``window`` is where that is pixels of the source, unchanged."""

    band: str
    grid: Grid
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One download.

    Attributes:
        title: of the case.
        parts: of the output; several only in a zip.
        kind: of the file.
        resampling: in the words of GDAL.
    """

    title: str
    parts: tuple[Part, ...]
    kind: Kind
    resampling: str = "near"

    @property
    def is_native(self) -> bool:
        """Tell whether pixels are copied and not resampled."""
        return all(part.window is not None for part in self.parts)

    @property
    def pixel_bytes(self) -> int:
        """Return bytes of all pixels, two each."""
        return 2 * sum(part.grid.pixels for part in self.parts)

    def as_kind(self, kind: Kind) -> "Work":
        """Return the same pixels as another file."""
        return replace(self, kind=kind)
