"""The libraries that encode files: another version of them may give other bytes for an equal plan."""

from importlib.metadata import version

LIBRARIES = tuple(f"{name} {version(name)}" for name in ("imagecodecs", "isal", "rasterio", "tifffile"))
"""Names and versions. They are part of each etag, so that a download never continues with the bytes of another file."""
