"""Tiles of TIFF files as their codecs give them, before the predictor is undone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import loop

Samples = npt.NDArray[np.generic]
"""Shape (rows, columns, samples), in the byte order of this machine."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedTile:
    """A tile, or its top.

    Attributes:
        samples: of whole rows.
        are_differences: whether each sample is the difference to the pixel on its left; source: TIFF 6.0,
            section 14.
    """

    samples: Samples
    are_differences: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.samples.nbytes

    def copy_to(
        self, out: npt.NDArray[np.generic], rows: slice, cols: slice, origin: tuple[int, int], sample: int
    ) -> None:
        """Copy the pixels of a rectangle.

        Args:
            out: shape (rows, columns), of the tile's type, its rows without gaps.
            rows: of ``out``, to fill in; with start and stop.
            cols: likewise.
            origin: row and column of the first pixel within the tile.
            sample: index of the sample within a pixel.

        Raises:
            ValueError: the stored tile has fewer rows.
        """
        row, col = origin
        if self.samples.shape[0] < row + rows.stop - rows.start:
            raise ValueError("the tile ends before the rows that are read")
        if self.are_differences:
            bits = np.dtype(f"u{out.dtype.itemsize}")  # one compiled loop for each size is enough
            source = self.samples.view(bits)[row : row + rows.stop - rows.start, :, sample]
            _sum_rows(source, col, out.view(bits), rows.start, cols.start, cols.stop)
            return
        out[rows, cols] = self.samples[row : row + rows.stop - rows.start, col : col + cols.stop - cols.start, sample]


def _sums_of_rows(
    source: npt.NDArray[np.generic], col: int, out: npt.NDArray[np.generic], top: int, left: int, right: int
) -> None:
    """Do what ``_sum_rows`` does, by NumPy."""
    sums = np.cumsum(source[:, : col + right - left], axis=1, dtype=source.dtype)
    out[top : top + len(source), left:right] = sums[:, col:]


@loop(_sums_of_rows)
def _sum_rows(
    source: npt.NDArray[np.generic], col: int, out: npt.NDArray[np.generic], top: int, left: int, right: int
) -> None:
    for r in range(source.shape[0]):
        line, pixels = source[r], out[top + r, left:right]
        total = line[0]
        for c in range(1, col):
            total += line[c]
        if col == 0:
            total -= total
        line = line[col : col + right - left]
        for c in range(right - left):
            total += line[c]
            pixels[c] = total  # sums wrap around at the limits of the type


def warm_up() -> None:
    """Compile the loop for all sizes of samples, or load the compiled loops."""
    for size in (1, 2, 4, 8):
        for samples in (1, 2):
            # read-only, like inflated bytes, and of two rows, since one row is contiguous in any layout
            pixels = np.frombuffer(bytes(4 * size * samples), f"u{size}")
            whole = DecodedTile(pixels.reshape(2, 2, samples), are_differences=True)
            whole.copy_to(np.empty((2, 2), pixels.dtype), slice(0, 2), slice(0, 2), (0, 0), 0)
