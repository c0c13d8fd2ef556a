"""What decides the bytes of files, for processes that make one file together."""

import sys
from importlib.metadata import version

from rasterwire.plan.etag import ENCODING_REVISION
from rasterwire.plan.libraries import LIBRARIES

__all__ = ["BUILD", "OtherBuild"]

BUILD = (
    f"rasterwire {version('rasterwire')} revision {ENCODING_REVISION} with {', '.join(LIBRARIES)} "
    f"on Python {sys.version_info.major}.{sys.version_info.minor}"
)
"""The versions of this process. Workers of another one are given nothing, and refuse what comes to them."""


class OtherBuild(RuntimeError):
    """A worker was given work of a process of other versions; the text is for the log."""

    def __init__(self, build: str) -> None:
        super().__init__(build)
        self.build = build

    def __str__(self) -> str:
        return f"this worker is of {BUILD}, and what it was given is of {self.build}; start both from one image"
