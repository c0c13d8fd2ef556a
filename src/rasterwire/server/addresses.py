"""Addresses by which downloads are fetched over HTTP, and which need nothing else."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rasterwire.download import Registered
from rasterwire.server.identity.url_keys import UrlSigner

__all__ = ["Addresses"]


@dataclass(slots=True)
class Addresses:
    """Makes and checks addresses.

    Attributes:
        public_url: of the HTTP door; "" where there is none.
        signer: signs addresses; None where they hold tokens.
    """

    public_url: str = ""
    signer: UrlSigner | None = None

    def address_of(self, download: Registered) -> str:
        """Return the address of a download, "" where there is no HTTP door."""
        if not self.public_url:
            return ""
        query = f"token={download.token}"
        if self.signer is not None:
            query = self.signer.sign(download.id, int(download.expire_time.timestamp()))
        return f"{self.public_url}/v1/downloads/{download.id}:getPixels?{query}"

    def is_signed(self, download_id: str, query: Mapping[str, str]) -> bool:
        """Tell whether an address of a download has a query that was signed here, and is not over."""
        return self.signer is not None and self.signer.is_valid(download_id, query, time.time())
