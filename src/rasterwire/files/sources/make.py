"""The sources of a process, made of its settings."""

from collections.abc import Mapping, Sequence

from rasterwire.files.sources import ByteSource
from rasterwire.files.sources.settings import SourceSettings

__all__ = ["make_sources"]


def make_sources(sources: Sequence[SourceSettings]) -> Mapping[str, ByteSource]:
    """Return the sources by prefix, as ``configure`` takes them; no server is asked.

    Raises:
        InvalidRequest: a file of credentials cannot be read, or a package is missing; names all of these at once.
    """
    raise NotImplementedError
