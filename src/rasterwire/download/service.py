"""Planning, registering and finding downloads."""

import base64
import copy
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from rasterwire.catalog import Catalog
from rasterwire.catalog.visible_part import VisiblePart
from rasterwire.download.histograms import BandHistogram, histograms
from rasterwire.download.image_source import CatalogWorld, find_image, product_of, unknown_properties
from rasterwire.download.picture_ranges import PictureRanges
from rasterwire.errors import DownloadConflict, DownloadNotFound, ImageNotFound, invalid
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import Graph
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.nodes.computed import Product
from rasterwire.plan import Limits, RenderPlan, make_plan, pick_bands
from rasterwire.principal import EVERYONE, Principal
from rasterwire.render import Engine
from rasterwire.request import DownloadRequest
from rasterwire.store import Artifact, ArtifactStore, DownloadRecord, DownloadStore


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered download, with what can be said of its file without the image.

    Attributes:
        id, token: the secret pair.
        expire_time: with a time zone.
        etag: of the file.
        filename, mime_type: of the file.
        request: the request as the front wrote it.
        tenant: that registered it; "" where the server knew no tenants.
        is_repeated: whether this request id registered it before.
    """

    id: str
    token: str
    expire_time: datetime
    etag: str
    filename: str
    mime_type: str
    request: bytes
    tenant: str
    is_repeated: bool = False


class Downloads:
    """What the fronts ask for. Safe to use from several threads; every call may block on files.

    Attributes:
        catalog: the images that are visible.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: DownloadStore,
        artifacts: ArtifactStore,
        limits: Limits,
        lifetime: timedelta,
        engine: Engine,
    ) -> None:
        self.catalog = catalog
        self._engine = engine
        self.limits = limits
        self.lifetime = lifetime
        self._store = store
        self._artifacts = artifacts
        self._principal = EVERYONE
        self._ranges = PictureRanges()

    def seen_by(self, principal: Principal) -> Self:
        """Return the same as a principal sees it: its part of the catalog, and the downloads of its tenant.

        Whatever a request does, it does with this; no other place decides who sees what.
        """
        if principal is self._principal:
            return self
        view = copy.copy(self)
        view._principal = principal  # noqa: SLF001  its own
        if not principal.sees_all:
            view.catalog = VisiblePart(self.catalog, principal.prefixes)
        return view

    def within(self, limits: Limits) -> Self:
        """Return the same with other limits of what is served."""
        view = copy.copy(self)
        view.limits = limits
        return view

    def plan(self, request: DownloadRequest, graph: Graph | None = None, needed: Sequence[str] = ()) -> RenderPlan:
        """Return the plan of a request; those numbers of its picture that were not measured before are not known yet.

        Args:
            request: of an image of the catalog, or of what a graph makes.
            graph: None for an image of the catalog.
            needed: names of the only bands that the graph needs of its images; none for all.

        Raises:
            InvalidRequest, InvalidExpression, ImageNotFound, SourceUnavailable: it cannot be served.
        """
        image = self.image(request.image_id) if graph is None else self._product(graph, needed)
        return self._ranges.known(make_plan(request, image, self.limits))

    def measured(self, plan: RenderPlan) -> RenderPlan:
        """Return a plan with all numbers of its picture, for which pixels are read; see ``PictureRanges.measured``."""
        return self._ranges.measured(plan)

    def image(self, image_id: str) -> Image:
        """Return an image of the catalog with its bands.

        Raises:
            ImageNotFound: no image of that id; names one that is spelt nearly so.
            SourceUnavailable: its rasters cannot be opened.
        """
        try:
            return self.catalog.get(image_id)
        except ImageNotFound:
            raise ImageNotFound(image_id, self.catalog.close_id(image_id)) from None

    def histograms(
        self, image_id: str, names: Sequence[str], region: Region | None, buckets: int, percents: Sequence[float]
    ) -> list[BandHistogram]:
        """Return the histograms of bands of an image of the catalog; see ``histograms.histograms``."""
        return histograms(self.image(image_id), names, region, buckets, percents)

    def _product(self, graph: Graph, needed: Sequence[str]) -> Product:
        return product_of(self.evaluate(graph, needed), graph.result_function)

    def evaluate(self, graph: Graph, needed: Sequence[str] = ()) -> Any:
        """Return the value of an expression.

        Args:
            graph: of the expression.
            needed: see ``plan``.

        Raises:
            InvalidExpression, SourceUnavailable: it has none.
        """
        return evaluate_graph(graph, CatalogWorld(self.catalog, self._engine, graph, needed))

    def check_bands(
        self, names: Sequence[tuple[str, str]], image_id: str, graph: Graph | None, needed: Sequence[str] = ()
    ) -> None:
        """Look only at the bands of a request whose other fields are wrong already.

        Args:
            names: field and name of each band; "" is passed over.
            image_id: of the catalog.
            graph: of the image, where it is none of the catalog.
            needed: see ``plan``.

        Raises:
            InvalidRequest: with every band that the image lacks.
            InvalidExpression, ImageNotFound, SourceUnavailable: of the image.
        """
        image = self.image(image_id) if graph is None else self._product(graph, needed)
        pick_bands(image, [(field, name) for field, name in names if name])

    def unknown_properties(self, collection_id: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of some properties that no image of a collection has; see ``image_source``."""
        return unknown_properties(self.catalog, collection_id, names)

    def missing_image(self, image_id: str) -> ImageNotFound | None:
        """Return the error of an id by which expressions would load no image, None of one by which they would."""
        try:
            find_image(self.catalog, image_id)
        except ImageNotFound:
            return ImageNotFound(image_id, self.catalog.close_id(image_id))
        return None

    def create(
        self,
        plan: RenderPlan,
        encoded: bytes,
        request_id: str,
        shared: tuple[bytes, ...] = (),
        *,
        is_kept: bool = True,
    ) -> Registered:
        """Register a planned request.

        Args:
            plan: of the request.
            encoded: the request, as the server can read it again.
            request_id: a repeated one returns the first download; "" never does.
            shared: large parts of the request that follow ``encoded``, and others may have too.
            is_kept: whether its file is kept once it is rendered.

        Raises:
            QuotaExceeded: the files of the tenant would be more than it may keep.
            InvalidRequest: the request id was used with another request.
            DownloadConflict: the image changed since the request id was used.
        """
        payload = {
            "request": base64.b64encode(encoded).decode(),
            "filename": plan.filename,
            "mime_type": plan.mime_type,
        }
        tenant = self._principal.tenant
        record = DownloadRecord(
            id=secrets.token_hex(16),
            token=secrets.token_hex(16),
            # two tenants with one id have two requests
            request_id=f"{tenant}/{request_id}" if tenant and request_id else request_id,
            payload=json.dumps(payload).encode(),
            etag=plan.etag,
            expire_time=datetime.now(UTC) + self.lifetime,
            shared=shared,
            tenant=tenant,
            file_bytes=plan.estimated_bytes if is_kept and tenant else 0,
        )
        download = _registered(self._store.put(record, self._principal.quota.stored_bytes))
        if download.request != b"".join((encoded, *shared)):
            raise invalid(
                "request_id", "REQUEST_ID_REUSED", f"{request_id!r} was used with other params; make a new UUID"
            )
        if download.etag != plan.etag:
            message = "the image changed since this request_id was used, so that its download would be another file"
            raise DownloadConflict(f"request_id: {message}; make a new UUID")
        return replace(download, is_repeated=download.id != record.id)

    def find(self, download_id: str, token: str) -> Registered:
        """Return a registered download of the tenant.

        Raises:
            DownloadNotFound: unknown, expired, of another tenant, or another token.
        """
        download = self.find_of_any(download_id, token)
        if download.tenant != self._principal.tenant:
            raise DownloadNotFound
        return download

    def find_own(self, download_id: str, token: str) -> Registered:
        """Return a registered download of the tenant, which needs no token for it, but may show one.

        Raises:
            DownloadNotFound: unknown, expired, of another tenant, another token, or none where there are no tenants.
        """
        tenant = self._principal.tenant
        if token or not tenant:
            return self.find(download_id, token)
        record = self._store.get(download_id)
        if record is None or record.tenant != tenant:
            raise DownloadNotFound
        return _registered(record)

    def list(self, after: str, count: int) -> Sequence[Registered]:
        """Return the next downloads of the tenant in the order of their ids, without the large parts of requests.

        Args:
            after: see ``DownloadStore.list``.
            count: likewise.
        """
        return [_registered(record) for record in self._store.list(self._principal.tenant, after, count)]

    def kept_bytes(self, tenant: str) -> int:
        """Return the bytes of the files of a tenant's downloads; see ``DownloadStore.kept_bytes``."""
        return self._store.kept_bytes(tenant)

    def delete(self, download: Registered) -> None:
        """Make a download unknown. Its file stays in the cache for as long as the cache keeps it.

        Raises:
            DownloadNotFound: it is gone already.
        """
        if not self._store.delete(download.id):
            raise DownloadNotFound

    def find_of_any(self, download_id: str, token: str) -> Registered:
        """Return a registered download of whichever tenant, for who shows nothing but its address.

        Raises:
            DownloadNotFound: unknown, expired, or another token.
        """
        record = self._store.get(download_id)
        if record is None or not hmac.compare_digest(record.token.encode(), token.encode()):
            raise DownloadNotFound
        return _registered(record)

    def token_of(self, download_id: str) -> str:
        """Return the token of a download, for who showed by other means that it may have the file.

        Raises:
            DownloadNotFound: unknown or expired.
        """
        record = self._store.get(download_id)
        if record is None:
            raise DownloadNotFound
        return record.token

    def artifact(self, etag: str, reads_at_most: int | None = None) -> Artifact | None:
        """Return the rendered file of an etag, where there is one; see ``ArtifactStore.find``."""
        return self._artifacts.find(etag, reads_at_most)

    def address(self, etag: str, seconds: float) -> str:
        """Return an address of a rendered file; see ``ArtifactStore.address``."""
        return self._artifacts.address(etag, seconds)

    def verify(self, goes_on: Callable[[], bool]) -> None:
        """Look for rendered files that were damaged, while ``goes_on`` says so."""
        self._artifacts.verify(goes_on)

    def stop_reading(self) -> None:
        """Let nobody wait for the checksum of a rendered file; see ``ArtifactStore.stop_reading``."""
        self._artifacts.stop_reading()

    def hold(self, etag: str) -> AbstractContextManager[None]:
        """Return a block in which the file of an etag, once it is rendered, stays."""
        return self._artifacts.hold(etag)

    def close(self) -> None:
        """Close the stores."""
        self._store.close()


def _registered(record: DownloadRecord) -> Registered:
    payload = json.loads(record.payload)
    return Registered(
        id=record.id,
        token=record.token,
        expire_time=record.expire_time,
        etag=record.etag,
        filename=payload["filename"],
        mime_type=payload["mime_type"],
        request=b"".join((base64.b64decode(payload["request"]), *record.shared)),
        tenant=record.tenant,
    )
