"""The libraries that make the bytes of files: another version of them may make others of equal plans."""

from importlib.metadata import version

LIBRARIES = tuple(f"{name} {version(name)}" for name in ("imagecodecs", "isal", "rasterio", "tifffile"))
"""Names and versions; part of each etag, so that a file half downloaded is not continued by another one."""
