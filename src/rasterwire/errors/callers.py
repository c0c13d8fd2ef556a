"""Errors of callers who are to say who they are."""

from rasterwire.errors.base import DownloadError

__all__ = ["CredentialsInvalid", "CredentialsMissing", "IdentityUnavailable", "QuotaExceeded", "TenantUnknown"]


class CredentialsMissing(DownloadError):
    """The server answers known callers only, and this one does not say who it is.

    What to do: Send the header (or the gRPC metadata) ``authorization`` with ``Bearer`` and an API key or a token; the
    Python client takes ``api_key``. Where the server asks for certificates, use one.
    """

    reason = "CREDENTIALS_MISSING"

    def __str__(self) -> str:
        return "authorization: it is not set; send 'Bearer' and an API key or a token of this server"


class CredentialsInvalid(DownloadError):
    """The API key, the token or the certificate is not valid.

    What to do: Get a new one from the operator, or from who issues tokens.

    Attributes:
        problem: a sentence that tells nothing of other keys.
    """

    reason = "CREDENTIALS_INVALID"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"authorization: {self.problem}"


class TenantUnknown(DownloadError):
    """The caller is recognised, but is no tenant of this server.

    What to do: Ask the operator to add the tenant to the settings.
    """

    reason = "TENANT_UNKNOWN"

    def __str__(self) -> str:
        return "authorization: the credentials are of no tenant of this server; ask its operator to add yours"


class IdentityUnavailable(DownloadError):
    """The server cannot get the keys by which tokens are checked.

    What to do: Try again after the time that the answer names; tell the operator if it lasts.
    """

    reason = "IDENTITY_UNAVAILABLE"
    retry_after = 5.0

    def __str__(self) -> str:
        return f"the server cannot check tokens at the moment; come back in {self.retry_after:g} s"


_REMEDY = "ask for less, or come back in {:.0f} s, when it begins anew"

_remedies = {
    "concurrent_exports": "come back when one of these has ended, or cancel one",
    "concurrent_renders": "come back in {:.0f} s, when one of these may have ended",
    "stored_bytes": "delete downloads that are not needed any more, or come back in {:.0f} s, when the first one ends",
}
"""Of quotas that do not begin anew each day."""


class QuotaExceeded(DownloadError):
    """The tenant has taken, or would take, more than its quota allows.

    What to do: Wait until the time that the answer names, ask for less, or have the operator raise the quota. For
    ``stored_bytes``, delete downloads that are not needed any more. ``GetLimits`` tells what is left.

    Attributes:
        quota: its name, such as ``pixels_per_day``.
        limit: of it.
        used: of it.
        needed: for what was asked.
        retry_after: seconds until it begins anew, or some of it may be free again; None where not even all of it would
            suffice.
    """

    reason = "QUOTA_EXCEEDED"

    def __init__(self, quota: str, limit: int, used: int, needed: int, seconds: float) -> None:
        super().__init__(quota, limit, used, needed, seconds)
        self.quota = quota
        self.limit = limit
        self.used = used
        self.needed = needed
        self.retry_after = seconds if needed <= limit else None

    def __str__(self) -> str:
        what = f"quota {self.quota}: {self.used} of {self.limit} are used, and this takes {self.needed} more"
        if self.retry_after is None:
            return f"{what}, which is never allowed; ask for less"
        return f"{what}; {_remedies.get(self.quota, _REMEDY).format(self.retry_after)}"

    @property
    def metadata(self) -> dict[str, str]:
        """The values in the message, for programs."""
        values = {"limit": self.limit, "used": self.used, "needed": self.needed}
        return {"quota": self.quota} | {name: str(value) for name, value in values.items()}
