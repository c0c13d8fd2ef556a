"""Array files that stay open, and their versions."""

import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from rasterwire.errors import SourceUnavailable
from rasterwire.files import byte_reader
from rasterwire.files.arrays.known_bytes import KnownBytes
from rasterwire.files.arrays.layers import Layers, layers_of
from rasterwire.files.arrays.object_reader import reader_of
from rasterwire.files.arrays.remote_store import doubt_store, reader_of_version, store_version
from rasterwire.files.arrays.variables import Variables
from rasterwire.files.byte_reader import LocalReader, open_reader, version_of
from rasterwire.files.byte_reader import reader_of as byte_reader_of
from rasterwire.files.sources import is_local

__all__ = ["array_format", "array_version", "ask_again", "opened_layers"]

_MAX_FILES = 64
"""Files whose layers are kept."""

_MAX_MEMBERS = 1000
"""Arrays directly in a store whose metadata are part of its version."""

_suffixes = {".zarr": "zarr", ".nc": "netcdf", ".nc4": "netcdf", ".h5": "netcdf"}

_names = {"zarr": "Zarr", "netcdf": "NetCDF"}

_metadata_names = ("zarr.json", ".zmetadata", ".zgroup", ".zattrs")
_member_names = ("zarr.json", ".zarray", ".zattrs", ".zgroup")

_lock = threading.Lock()
_layers: OrderedDict[tuple[str, str], Layers] = OrderedDict()


def array_format(href: str) -> str:
    """Return the format of an array file by its address: "zarr" or "netcdf"; "" for files of other kinds.

    >>> array_format("/data/cube.zarr"), array_format("/data/scene.tif")
    ('zarr', '')
    """
    name = href.partition("?")[0].rstrip("/")  # asked for each file of each request: one look, not one for each suffix
    return _suffixes.get(name[name.rfind(".") :].lower(), "")


def array_version(href: str) -> str:
    """Return a text that changes when an array file does.

    Of a Zarr store it is that of the metadata documents of the store and of the arrays directly in it, and not of the
    chunks, of which there may be millions. So whoever replaces chunks has to write a metadata document again.

    Raises:
        SourceUnavailable: there is no such file, or it cannot be read.
    """
    if not is_local(href):
        return store_version(href) if array_format(href) == "zarr" else open_reader(href).version
    if array_format(href) != "zarr":
        return _file_version(href)
    digest = hashlib.sha256()
    count = 0
    for path in _documents(href):
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise SourceUnavailable.of_file("the file cannot be opened by this server") from error
        count += 1
        digest.update(f"{path}\0{status.st_mtime_ns}-{status.st_size}-{status.st_ino}-{status.st_ctime_ns}\0".encode())
    if not count:
        raise SourceUnavailable.of_file("the file is missing, or holds no metadata of Zarr")
    return f"zarr-{digest.hexdigest()[:32]}"


def ask_again(hrefs: Iterable[str]) -> None:
    """Let the next look at each remote file, of arrays or not, ask for its version; see ``byte_reader.ask_again``."""
    for href in (remote := [href for href in hrefs if not is_local(href)]):
        if array_format(href) == "zarr":
            doubt_store(href)
    byte_reader.ask_again(remote)


def _file_version(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError as error:
        raise SourceUnavailable.of_file("the file is missing, or cannot be opened by this server") from error
    if not stat.S_ISREG(status.st_mode):
        raise SourceUnavailable.of_file("it is not a regular file")
    return version_of(status)


def _documents(root: str) -> Iterator[str]:
    yield from (os.path.join(root, name) for name in _metadata_names)
    try:
        with os.scandir(root) as entries:
            members = sorted(entry.path for entry in entries if entry.is_dir())[:_MAX_MEMBERS]
    except OSError:
        return
    for member in members:
        yield from (os.path.join(member, name) for name in _member_names)


def opened_layers(href: str, version: str) -> Layers:
    """Return the layers of a file, which stays open for further calls.

    Args:
        href: of a file for which ``array_format`` gives a format.
        version: see ``array_version``.

    Raises:
        SourceUnavailable: it cannot be read, or has no layers.
    """
    key = href, version
    with _lock:
        layers = _layers.get(key)
        if layers is not None:
            _layers.move_to_end(key)
            return layers
    try:
        layers = layers_of(_variables(href, version))
    except SourceUnavailable:
        raise
    except Exception as error:  # of coordinates that cannot be decoded; the errors of libraries share no root
        raise SourceUnavailable.of_file("the file is damaged, or cannot be read as it is") from error
    with _lock:
        _layers[key] = layers
        while len(_layers) > _MAX_FILES:
            _layers.popitem(last=False)
    return layers


def _variables(href: str, version: str) -> Variables:
    """Return the variables of a file. The libraries are imported late: they are extras, and slow to import."""
    kind = array_format(href)
    try:
        if kind == "zarr":
            from rasterwire.files.arrays import zarr_store

            return zarr_store.read_variables(reader_of(href) if is_local(href) else reader_of_version(href, version))
        from rasterwire.files.arrays import hdf5_file
    except ImportError as error:
        raise SourceUnavailable.of_file(
            f"this server has no library for {_names[kind]}; install rasterwire with its extra {kind}"
        ) from error
    reader = byte_reader_of(href, version)
    try:
        hdf5_file.check_signature(reader.pread(8, 0))
    except OSError as error:
        raise SourceUnavailable.of_file("the file cannot be opened by this server") from error
    return hdf5_file.read_variables(reader.name if isinstance(reader, LocalReader) else KnownBytes(reader))
