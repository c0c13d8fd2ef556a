"""Files that a server opens anew at SIGHUP: those by which it recognises callers and encrypts, and the audit file."""

import logging
from functools import partial

from rasterwire.server.audit import AuditFile
from rasterwire.server.identity import Authenticator, NoAuthenticator
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.identity.tenants import TenantAuthenticator
from rasterwire.server.identity.url_keys import UrlSigner
from rasterwire.server.process.log import NOTHING_TO_RELOAD
from rasterwire.server.process.tls import Certificates, problem
from rasterwire.server.settings import BadSettings, Settings, load_tenants, settings_for_restart

__all__ = ["make_audit_file", "make_authenticator", "make_certificates", "make_tenants", "make_url_signer", "reload"]

_log = logging.getLogger("rasterwire.server")


def make_tenants(settings: Settings) -> TenantTable:
    """Return the tenants, which are read again from the config file."""
    config = settings.config_file
    return TenantTable(settings.tenants, None if config is None else partial(load_tenants, config))


def make_authenticator(settings: Settings, tenants: TenantTable) -> Authenticator:
    """Return what recognises callers.

    Raises:
        BadSettings: a file of it cannot be used.
    """
    if not settings.tenants:
        return NoAuthenticator()
    try:
        return TenantAuthenticator(settings.auth, tenants)
    except (OSError, ValueError) as error:
        raise BadSettings(f"auth.keys_file: {getattr(error, 'strerror', None) or error}") from None


def make_certificates(settings: Settings) -> Certificates | None:
    """Return the certificates, None where connections are plain.

    Raises:
        BadSettings: they cannot be used.
    """
    try:
        return Certificates.of(settings.tls)
    except (OSError, ValueError) as error:
        raise BadSettings(f"tls: {problem(error)}") from None


def reload(
    settings: Settings, *files: Authenticator | Certificates | UrlSigner | TenantTable | AuditFile | None
) -> None:
    """Read again what operators change while the server runs; where that is wrong, what was read before stays."""
    if not settings.is_reloaded:
        _log.info(NOTHING_TO_RELOAD)
    for file in files if settings.is_reloaded else ():
        if file is not None:
            file.reload()
    try:
        names = settings_for_restart(settings)
    except BadSettings as error:
        _log.error("%s; the server goes on with what it has", error)
        return
    if names:
        _log.warning("changed, and needs a restart: %s", ", ".join(names))


def make_url_signer(settings: Settings) -> UrlSigner | None:
    """Return what signs addresses, None where they hold tokens.

    Raises:
        BadSettings: its file cannot be used.
    """
    if settings.auth.url_keys_file is None:
        return None
    try:
        return UrlSigner(settings.auth.url_keys_file)
    except (OSError, ValueError) as error:
        raise BadSettings(f"auth.url_keys_file: {getattr(error, 'strerror', None) or error}") from None


def make_audit_file(settings: Settings) -> AuditFile | None:
    """Return the audit file, None where there is none.

    Raises:
        BadSettings: it cannot be written.
    """
    if settings.audit_file is None:
        return None
    try:
        return AuditFile(settings.audit_file)
    except OSError as error:
        problem = f"audit_file: {settings.audit_file} cannot be written: {error.strerror}"
        raise BadSettings(f"{problem}; name a file in a folder that this user may write to") from None
