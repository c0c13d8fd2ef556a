"""A rendered file in a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class FolderArtifact:
    """See ``Artifact``.

    Attributes:
        path: of the file.
        size: in bytes.
        crc32c: of the whole file.
    """

    path: Path
    size: int
    crc32c: int

    def open(self) -> BinaryIO:
        """See ``Artifact.open``."""
        return self.path.open("rb")
