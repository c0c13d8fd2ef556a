"""The tenants of a server, which operators change while it runs."""

import logging
from collections.abc import Callable, Iterable, Sequence

from rasterwire.errors import DownloadError
from rasterwire.principal import EVERYONE, Principal
from rasterwire.server.identity.settings import TenantSettings
from rasterwire.units import plural_text

__all__ = ["TenantTable"]

Read = Callable[[], Sequence[TenantSettings]]
"""Reads the tenants from the config file."""

_log = logging.getLogger("rasterwire.server")


class TenantTable:
    """Finds tenants. Used by the event loop alone."""

    def __init__(self, tenants: Sequence[TenantSettings] = (), read: Read | None = None) -> None:
        """Begin with some tenants.

        Args:
            tenants: none of them where everyone sees everything.
            read: reads those that are in the config file now; None where there is no file.
        """
        self._read = read
        self._set(tenants)

    def _set(self, tenants: Sequence[TenantSettings]) -> None:
        self._principals = {tenant.name: tenant.principal for tenant in tenants} or {EVERYONE.tenant: EVERYONE}
        self._by_certificate = {name: tenant.name for tenant in tenants for name in tenant.certificate_names}

    def get(self, name: str) -> Principal | None:
        """Return the tenant of a name, None where there is none; that of "" is everyone, where there are no tenants."""
        return self._principals.get(name)

    def names_by_certificate(self, names: Iterable[str]) -> set[str]:
        """Return the names of the tenants that have one of the names of a certificate."""
        return {self._by_certificate[name] for name in names if name in self._by_certificate}

    def reload(self) -> None:
        """Read the tenants again; where the file is wrong, those from before stay."""
        if self._read is None:
            return
        try:
            tenants = self._read()
        except DownloadError as error:
            _log.error("tenants: %s; those from before stay", "; ".join(str(error).splitlines()))
            return
        if bool(tenants) == (EVERYONE.tenant in self._principals):  # callers are still recognised as before, or not
            _log.error("tenants: from some to none, or from none to some, is for a restart; those from before stay")
            return
        self._set(tenants)
        _log.info("read anew: %s", plural_text(len(tenants), "tenant"))
