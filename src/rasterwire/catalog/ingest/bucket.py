"""Lists the objects of a bucket, or of a part of its keys, as the files of a folder are listed. It opens none."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from rasterwire.catalog.ingest import Tell, ignore_progress
from rasterwire.catalog.tree import Folder, Tree, is_auxiliary, is_unfinished
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.arrays.opened import array_format
from rasterwire.files.sources import ListedObject, ListingSource, source_of

__all__ = ["check_listed", "list_bucket"]

_MAX_OBJECTS = 2_000_000
"""Objects below an address; an update holds their names in memory, about 600 bytes for each."""

_METADATA = {"zarr.json", ".zmetadata", ".zgroup", ".zattrs", ".zarray"}
"""Documents of a Zarr store that make its version; its chunks may be millions."""


def list_bucket(address: str, tell: Tell = ignore_progress) -> Tree:
    """Return the objects below an address.

    Objects whose keys have hidden or empty segments are left out, and unfinished uploads. A Zarr store is one file.

    Args:
        address: of a bucket or of a part of its keys, such as ``s3://imagery/2024/``; a slash is added where none is.
        tell: is told how many objects were listed.

    Raises:
        CatalogUnavailable: they cannot be listed, there are none, or they are too many.
    """
    found = _Found()
    count = 0
    for page in _pages(address):
        for each in page:
            found.add(each)
        count += len(page)
        tell(count, None)
        if count > _MAX_OBJECTS:
            problem = f"the catalog has more than {_MAX_OBJECTS:,} objects; name a longer prefix of their keys"
            raise CatalogUnavailable(problem)
    if not count:
        raise _no_objects()
    return found.tree(address.rstrip("/"))


def check_listed(address: str) -> None:
    """List the first objects below an address.

    Raises:
        CatalogUnavailable: they cannot be listed, or there are none.
    """
    if not any(_pages(address)):
        raise _no_objects()


def _no_objects() -> CatalogUnavailable:
    return CatalogUnavailable(
        "there are no objects at the address of this catalog; name a bucket, a part of its keys, or a STAC document "
        "that ends with .json"
    )


def _pages(address: str) -> Iterator[Sequence[ListedObject]]:
    address = address.rstrip("/") + "/"
    source = source_of(address)
    if not isinstance(source, ListingSource):
        raise CatalogUnavailable(
            "the objects of this catalog cannot be listed: only those at s3://, gs:// and az:// can be"
        )
    try:
        yield from source.listed(address)
    except SourceUnavailable as error:
        problem = f"the objects of this catalog cannot be listed: {error.problem}"
        raise CatalogUnavailable(problem) from None


class _Found:
    """The objects that were listed so far, by their folders."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, str]] = {}
        self._auxiliary: dict[str, list[str]] = {}

    def add(self, listed: ListedObject) -> None:
        """Add an object."""
        segments = listed.name.split("/")
        store = next((at for at, segment in enumerate(segments) if array_format(segment) == "zarr"), None)
        if store is not None and store < len(segments) - 1:
            inside = segments[-1] in _METADATA
            segments, version = segments[: store + 1], f"{listed.name} {listed.version}" if inside else ""
        else:
            version = listed.version
        if any(not segment or segment.startswith(".") for segment in segments):
            return
        folder, name = "/".join(segments[:-1]), segments[-1]
        if is_auxiliary(name):
            self._auxiliary.setdefault(folder, []).append(name)
        if is_auxiliary(name) or is_unfinished(name):
            return
        files = self._files.setdefault(folder, {})
        if store is None:
            files[name] = version
        elif version:
            files[name] = blake2b(f"{files.get(name, '')}\0{version}".encode(), digest_size=16).hexdigest()

    def tree(self, root: str) -> Tree:
        """Return all of them."""
        folders = {
            name: Folder((0, 0, 0, 0), False, (), files, {}, tuple(sorted(self._auxiliary.get(name, ()))))
            for name, files in self._files.items()
        }
        return Tree(root, root, folders)
