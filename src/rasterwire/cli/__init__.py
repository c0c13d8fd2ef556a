"""The command line."""

from rasterwire.cli.main import main

__all__ = ["main"]
