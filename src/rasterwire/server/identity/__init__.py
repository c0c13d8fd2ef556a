"""Who calls: what a caller shows, recognised as a tenant of this server."""

from dataclasses import dataclass
from typing import Protocol

from rasterwire.principal import EVERYONE, Principal

__all__ = ["Authenticator", "Evidence", "NoAuthenticator"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a caller shows of itself.

    Attributes:
        authorization: the header or the gRPC metadata of this name; "" where there is none.
        certificate_names: of the client certificate that the connection was made with, once it was found valid.
    """

    authorization: str = ""
    certificate_names: tuple[str, ...] = ()


class Authenticator(Protocol):
    """Recognises callers. Used by the event loop alone."""

    async def identify(self, evidence: Evidence) -> Principal | None:
        """Return who calls; None where it shows nothing.

        Raises:
            CredentialsInvalid: what it shows is not valid.
            TenantUnknown: it is valid, but of no tenant.
            IdentityUnavailable: tokens cannot be checked now.
        """
        ...

    def reload(self) -> None:
        """Read again what operators change while the server runs; where that is wrong, what was read before stays."""
        ...


class NoAuthenticator:
    """Lets everyone see everything."""

    async def identify(self, _evidence: Evidence) -> Principal | None:
        """See ``Authenticator.identify``."""
        return EVERYONE

    def reload(self) -> None:
        """See ``Authenticator.reload``."""
