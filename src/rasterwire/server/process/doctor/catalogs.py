"""Whether images can be reached, are indexed, and have rasters."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.ingest.build import check_reached
from rasterwire.catalog.ingest.geoparquet import PackageMissing
from rasterwire.catalog.make import check_packages, check_sources, folder_index, make_catalog, source_index
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.errors import DownloadError, InvalidRequest, SourceUnavailable
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.query import Query
from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.settings import Settings
from rasterwire.units import plural_text

_SAMPLE = 20
"""Images of a STAC API that are looked at."""

_REACH = "look whether this machine reaches it, whether its address is right, and whether it needs keys"


def catalog_findings(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for the settings, with the files that sources name, and one for each catalog."""
    try:
        configure(make_sources(settings.sources))
        check_packages(settings.catalogs)
        check_sources(settings.catalogs)
    except InvalidRequest as error:
        for violation in error.violations:
            yield bad("config", str(violation), "correct the config file")
        return
    yield well("config", "it can be used")
    indexes = settings.state_dir / "index"
    formats = {catalog.prefix: catalog.formats for catalog in settings.catalogs}
    for prefix, folder in settings.folders.items():
        yield _of_folder(_name(prefix), folder, folder_index(indexes, prefix, formats.get(prefix, ())))
    for catalog in settings.catalogs:
        match catalog.kind:
            case CatalogKind.STAC_API:
                yield _of_api(_name(catalog.prefix), catalog)
            case CatalogKind.INDEX if catalog.is_index_file:
                remedy = "rasterwire index SOURCE --into FILE makes it"
                yield _of_index(_name(catalog.prefix), source_index(catalog, indexes), remedy)
            case CatalogKind.INDEX:
                yield _of_source(_name(catalog.prefix), catalog, source_index(catalog, indexes))
            case CatalogKind.FOLDER:
                pass  # among the folders above


def _name(prefix: str) -> str:
    return f"catalog {prefix}" if prefix else "catalog"


def _of_folder(subject: str, folder: Path, index: Path) -> Finding:
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        return bad(subject, f"{folder}: {error.strerror}", "mount it, or let the user of the server read it")
    remedy = "a server looks through the folder at its first start"
    return _of_index(subject, index, remedy, f"rasterwire images {folder} --check names them")


def _of_index(subject: str, path: Path, remedy: str, remedy_of_images: str = "") -> Finding:
    if not path.is_file():
        return doubtful(subject, "it is not indexed yet", remedy)
    try:
        store = IndexStore(path, read_only=True)
    except DownloadError as error:
        return bad(subject, f"its index cannot be used: {error}", "make it again with this version of rasterwire")
    try:
        count, without = store.count(Query()) or 0, len(store.without_files())
    finally:
        store.close()
    if not count:
        return doubtful(subject, "it has no images", remedy_of_images or remedy)
    if without:
        return doubtful(
            subject, f"{plural_text(count, 'image')}, {without} without rasters", remedy_of_images or "update the index"
        )
    return well(subject, plural_text(count, "image"))


def _of_source(subject: str, settings: CatalogSettings, index: Path) -> Finding:
    """Look at a source of which a server makes an index: until that is whole, nothing of the catalog is served."""
    try:
        check_reached(settings.source)
    except (DownloadError, PackageMissing) as error:
        problem = error.problem if isinstance(error, SourceUnavailable) else str(error)
        figure = f"its source cannot be read: {problem}"
        if index.with_suffix(".complete").exists():
            return doubtful(subject, f"{figure}; the index of before is served", _REACH)
        return bad(subject, figure, _REACH)
    return _of_index(subject, index, "a server makes it in the background")


def _of_api(subject: str, settings: CatalogSettings) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        try:
            images = make_catalog(None, [settings], Path(folder)).find(Query(), size=_SAMPLE).images
        except DownloadError as error:
            return bad(subject, f"{error}", _REACH)
    if not images:
        return doubtful(subject, "it has no images", "look whether the collection is spelt as the API has it")
    without = sum(image.without_rasters for image in images)
    if without:
        figure = f"{without} without a raster that may be read, of {plural_text(len(images), 'image')} looked at"
        return doubtful(subject, figure, "add a table [[sources]] that covers their addresses")
    return well(subject, f"it answers; {plural_text(len(images), 'image')} looked at, all with rasters")
