"""Items from and to stac-geoparquet."""

import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rasterwire.catalog.document import as_mapping
from rasterwire.catalog.entry import Entry
from rasterwire.catalog.index import Document
from rasterwire.catalog.ingest import Step, local_location, web_location
from rasterwire.catalog.ingest.parsing import Unparsed
from rasterwire.catalog.ingest.run import Run
from rasterwire.catalog.ingest.stac_items import item_of_entry
from rasterwire.catalog.items import entry_of_item, is_item
from rasterwire.catalog.tree import Location
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.byte_reader import version_of
from rasterwire.files.seekable_file import SeekableFile
from rasterwire.files.sources import OpenedFile, is_local, source_of

__all__ = ["GeoParquetItems", "PackageMissing", "write_geoparquet"]

_ROWS = 1000
"""Items of a document: that many are read again after an interruption at most, and replaced where the file changed."""

_CHUNK = 10_000
"""Items that are held in memory when they are written."""


_DAMAGED = "the file is no stac-geoparquet, or is damaged"


class PackageMissing(Exception):
    """Packages that read and write stac-geoparquet are not installed."""

    def __str__(self) -> str:
        return "stac-geoparquet needs more packages: pip install '.[geoparquet]' in the clone"


class GeoParquetItems:
    """The items of a file of stac-geoparquet, some of them a document; they are read anew when the file changes."""

    def __init__(self, address: str) -> None:
        """Set the file, by an absolute path or a URL. Nothing is read yet."""
        self.address = os.path.realpath(address) if is_local(address) else address

    def steps(self, run: Run) -> Iterator[Step | Unparsed]:
        """See ``ItemSource.steps``.

        Raises:
            PackageMissing: it cannot be read here.
        """
        pyarrow, parquet, _ = _packages()
        with _opened(self.address) as (file, version):
            try:
                table = parquet.ParquetFile(pyarrow.PythonFile(file, mode="r"))
                first = 0
                for group in range(table.metadata.num_row_groups):
                    count = table.metadata.row_group(group).num_rows
                    names = [
                        _name(start, min(start + _ROWS, first + count)) for start in range(first, first + count, _ROWS)
                    ]
                    first += count
                    if all(run.has_met(name) for name in names):
                        continue
                    if all(run.version_of(name) == version for name in names):
                        yield from map(Step, names)
                        continue
                    batches = table.iter_batches(batch_size=_ROWS, row_groups=[group])
                    for name, batch in zip(names, batches, strict=True):
                        yield Unparsed(partial(_parse, batch, name, version, self.address), batch.nbytes)
            except SourceUnavailable:
                raise
            except Exception as error:  # of columns that are others than theirs; the errors share no root
                raise CatalogUnavailable(_DAMAGED) from error


def _parse(batch: Any, name: str, version: str, address: str) -> Step:
    """Return the step of rows of a table.

    Raises:
        CatalogUnavailable: they are no items.
    """
    pyarrow, _, arrow = _packages()
    try:
        items = arrow.stac_table_to_items(pyarrow.Table.from_batches([batch]))
        return Step(name, Document(name, version, list(_entries(items, name, address))))
    except Exception as error:  # of columns that are others than theirs; the errors share no root
        raise CatalogUnavailable(_DAMAGED) from error


def _entries(items: Iterable[Mapping[str, Any]], name: str, address: str) -> Iterator[Entry]:
    for item in items:
        if is_item({"stac_version": "1.0.0", **item}):
            assets = {key: asset for key, asset in as_mapping(item["assets"]).items() if asset is not None}
            yield entry_of_item({**item, "assets": assets}, name, partial(_locate, address))


def _locate(address: str, href: str) -> Location | None:
    if not is_local(address):
        return web_location(href, address)
    return local_location(href, address, os.path.dirname(address) + "/")  # noqa: PTH120  text


def _name(first: int, end: int) -> str:
    return f"rows {first:09d}-{end - 1:09d}"


def write_geoparquet(entries: Iterable[Entry], path: Path) -> int:
    """Write images as the items of a stac-geoparquet file, and return how many they are.

    Args:
        entries: of the images; of assets on other machines that are not served, the address.
        path: of the file; it is replaced when the new one is complete.

    Raises:
        PackageMissing: it cannot be written here.
        OSError: it cannot be written.
    """
    _, _, arrow = _packages()
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for entry in entries:
            count += 1
            yield item_of_entry(entry)

    unfinished = path.with_name(f".{path.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rasterwire-") as folder:
            table = arrow.parse_stac_items_to_arrow(counted(), _CHUNK, "ChunksToDisk", folder)
            arrow.to_parquet(table, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _packages() -> tuple[Any, Any, Any]:
    """Return pyarrow, its module for Parquet, and that of stac-geoparquet."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
        from stac_geoparquet import arrow
    except ImportError:
        raise PackageMissing from None
    return pa, parquet, arrow


@contextmanager
def _opened(address: str) -> Iterator[tuple[io.IOBase, str]]:
    """Yield a file and its version.

    Raises:
        SourceUnavailable: it cannot be read.
    """
    if not is_local(address):
        opened = source_of(address).open(address)
        yield _RemoteFile(opened), opened.version
        return
    try:
        with Path(address).open("rb") as file:
            yield file, version_of(os.fstat(file.fileno()))
    except OSError as error:
        raise CatalogUnavailable("the file is missing or cannot be opened") from error


class _RemoteFile(SeekableFile):
    """A file of a source as Python's files are."""

    def __init__(self, file: OpenedFile) -> None:
        super().__init__(file.size)
        self._file = file
        self._source = source_of(file.href)

    def read(self, count: int | None = -1, /) -> bytes:
        remaining = max(0, self.size - self._position)
        count = remaining if count is None or count < 0 else min(count, remaining)
        data = self._source.read(self._file, [(self._position, count)])[0] if count else b""
        self._position += len(data)
        return data
