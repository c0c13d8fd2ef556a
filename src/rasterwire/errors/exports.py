"""Errors of exports."""

from rasterwire.errors.base import DownloadError

__all__ = ["ExportNotFound", "ExportsNotSet"]


class ExportsNotSet(DownloadError):
    """The server has no place to export to.

    What to do: Ask the operator to name one as ``[[export.destinations]]`` in the config file.
    """

    reason = "EXPORTS_NOT_SET"

    def __str__(self) -> str:
        return (
            "destination: this server has none; its operator sets one by [[export.destinations]] in the config file, "
            "with a name and a folder or a bucket"
        )


class ExportNotFound(DownloadError):
    """No such export for this caller.

    What to do: Check the name; list the exports to see which there are.
    """

    reason = "EXPORT_NOT_FOUND"

    def __str__(self) -> str:
        return "name: no export of this name; list the exports to see which there are"
