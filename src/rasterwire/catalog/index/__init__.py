"""The index of a catalog: a file in which images are found by id, collection, time and place without opening rasters.

It is a SQLite database that many threads and processes read while one writes. ``store`` is its way in; ``schema`` has
its tables, ``rows`` the form of entries in them, ``outlines`` the tests of footprints, ``writing`` the changes and
``search`` the answers to queries.
"""

from rasterwire.catalog.index.store import IndexStore
from rasterwire.catalog.index.writing import Document

__all__ = ["Document", "IndexStore"]
