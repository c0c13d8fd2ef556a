"""Requests of the schema, planned and registered. It blocks on files."""

from rasterwire.budget import current
from rasterwire.download import Downloads, Registered
from rasterwire.errors import DownloadError, ImageNotFound, InvalidExpression, InvalidRequest, Violation, Violations
from rasterwire.plan import RenderPlan
from rasterwire.server.messages import convert
from rasterwire.server.messages.mosaic import check_properties, mosaic_refusal, needed_bands
from rasterwire.server.messages.notes import with_notes
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.spans import span
from rasterwire.v1 import download_pb2

_LARGE_FIELD = 4096
"""Bytes of a region or an expression that is kept once for all downloads which have it."""


def plan_request(downloads: Downloads, request: ParsedRequest, *, is_measured: bool = True) -> RenderPlan:
    """Return the plan of a request.

    Args:
        downloads: for what its caller sees.
        request: the request.
        is_measured: whether pixels are read for those numbers of a picture that are not known yet.

    Raises:
        InvalidRequest: with every violation, those of the form, of the rules and of the image alike.
        InvalidExpression, ImageNotFound, SourceUnavailable: it cannot be served.
    """
    with span("plan"):
        plan = _planned(downloads, request)
        return downloads.measured(plan) if is_measured else plan


def _planned(downloads: Downloads, request: ParsedRequest) -> RenderPlan:
    params = request.params
    try:
        parsed, graph = convert.to_request(params, request.graph, request.misfits)
    except InvalidRequest as error:
        problems = Violations(list(error.violations))
        wrong = {violation.field.partition(".")[0] for violation in problems.items}  # "bands": not one, but all
        if params.WhichOneof("source") == "expression" or wrong & {"mosaic", "bands"}:
            raise  # the bands may take long to be known, or never are; or are too many to be looked for
        try:
            with problems.catching():
                names = [(f"bands[{index}].id", spec.id) for index, spec in enumerate(params.bands)]
                names += [(f"visualization.bands[{i}]", name) for i, name in enumerate(params.visualization.bands)]
                downloads.check_bands(names, params.image, convert.to_graph(params), needed_bands(params))
        except ImageNotFound as missing:
            if params.image:
                problems.add(Violation("image", missing.reason, missing.problem))
        except DownloadError:  # of the image, which is for a request that is right
            pass
        problems.raise_if_any()
        raise
    query, unknown = params.mosaic.query, downloads.unknown_properties
    if query.sort_by and unknown(query.collection, [query.sort_by]):
        check_properties(query, unknown)
    try:
        plan = downloads.plan(parsed, graph, needed_bands(params))
    except InvalidExpression as error:
        if params.WhichOneof("source") == "mosaic":
            if error.is_of_null:
                check_properties(query, unknown)
            raise mosaic_refusal(params.mosaic, error, downloads.missing_image) from None
        raise
    return with_notes(plan, params, current().images_tested)


def register(downloads: Downloads, request: ParsedRequest, plan: RenderPlan, *, is_kept: bool = True) -> Registered:
    """Register a planned request; see ``Downloads.create``."""
    params = request.message()
    params.request_id = params.request_id.lower()  # the digits of a UUID count in either case
    encoded, shared = _parts(params)
    return downloads.create(plan, encoded, params.request_id, shared, is_kept=is_kept)


def _parts(params: download_pb2.DownloadParams) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the bytes of a message, and those of its large fields: one behind the other they are the message again."""
    rest, shared = download_pb2.DownloadParams(), []
    rest.CopyFrom(params)
    for name in ("region", "expression"):
        if params.HasField(name) and getattr(params, name).ByteSize() > _LARGE_FIELD:
            part = download_pb2.DownloadParams()
            getattr(part, name).CopyFrom(getattr(params, name))
            shared.append(part.SerializeToString(deterministic=True))
            rest.ClearField(name)
    return rest.SerializeToString(deterministic=True), tuple(shared)
