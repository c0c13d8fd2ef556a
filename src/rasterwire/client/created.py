"""A download that a server registered."""

from dataclasses import dataclass

from rasterwire.client.notebook import created_html
from rasterwire.v1 import download_pb2


@dataclass(frozen=True, slots=True)
class Created:
    """A registered download: its id, and what it will hold."""

    download_id: download_pb2.DownloadId
    plan: download_pb2.DownloadPlan

    def _repr_html_(self) -> str:
        return created_html(self.download_id, self.plan)
