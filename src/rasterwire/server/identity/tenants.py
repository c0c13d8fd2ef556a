"""Recognises tenants."""

import logging
from collections.abc import Mapping, Sequence

from rasterwire.errors import CredentialsInvalid, TenantUnknown
from rasterwire.principal import Principal
from rasterwire.server.identity import Evidence
from rasterwire.server.identity.key_file import KEY_PREFIX, StoredKey, read_keys, tenant_of_key
from rasterwire.server.identity.settings import AuthSettings
from rasterwire.server.identity.tenant_table import TenantTable
from rasterwire.server.identity.tokens import TokenVerifier

__all__ = ["TenantAuthenticator"]

_log = logging.getLogger("rasterwire.server")


class TenantAuthenticator:
    """Recognises the tenants of a server; see ``Authenticator``."""

    def __init__(self, auth: AuthSettings, tenants: TenantTable) -> None:
        """Read the keys.

        Raises:
            OSError, ValueError: of a file; see ``read_keys``.
        """
        self._tenants = tenants
        self._keys_file = auth.keys_file
        self._tokens = TokenVerifier(auth.issuer, auth.audience, auth.tenant_claim) if auth.issuer else None
        self._keys: Mapping[str, StoredKey] = {} if auth.keys_file is None else read_keys(auth.keys_file)

    async def identify(self, evidence: Evidence) -> Principal | None:
        """See ``Authenticator.identify``. A key or token counts where a certificate is shown as well."""
        if evidence.authorization:
            tenant = await self._tenant_of(_bearer(evidence.authorization))
        elif evidence.certificate_names:
            tenant = self._tenant_of_certificate(evidence.certificate_names)
        else:
            return None
        principal = self._tenants.get(tenant)
        if principal is None:
            raise TenantUnknown
        return principal

    async def _tenant_of(self, token: str) -> str:
        if self._tokens is not None and not token.startswith(KEY_PREFIX):
            return await self._tokens.tenant_of(token)
        tenant = tenant_of_key(self._keys, token)
        if tenant is None:
            raise CredentialsInvalid("no API key of this server is like that; is it whole, or was it revoked?")
        return tenant

    def _tenant_of_certificate(self, names: Sequence[str]) -> str:
        tenants = self._tenants.names_by_certificate(names)
        if len(tenants) != 1:  # of two it would be chance which
            raise TenantUnknown
        return tenants.pop()

    def reload(self) -> None:
        """See ``Authenticator.reload``."""
        if self._keys_file is None:
            return
        try:
            self._keys = read_keys(self._keys_file)
        except (OSError, ValueError) as error:
            _log.error("keys_file: %s; the keys from before stay valid", getattr(error, "strerror", None) or error)
            return
        _log.info("%d API keys were read", len(self._keys))


def _bearer(authorization: str) -> str:
    """Return what follows the word Bearer; source: RFC 6750, section 2.1.

    Raises:
        CredentialsInvalid: it is of another scheme.
    """
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CredentialsInvalid("it is not 'Bearer' and a key or token; other schemes are not served")
    return token.strip()
