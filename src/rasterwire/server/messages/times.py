"""Spans of time of the wire's messages."""

from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.errors import Violations, invalid
from rasterwire.v1 import catalog_service_pb2, download_pb2


def read_times(
    message: download_pb2.CollectionQuery | catalog_service_pb2.ListImagesRequest, place: str = ""
) -> tuple[int | None, int | None]:
    """Return start and end, in milliseconds since 1970 in UTC; None for no limit.

    Args:
        message: with start_time and end_time.
        place: what stands before the names of these fields in the path of the request, such as ``mosaic.query.``.

    Raises:
        InvalidRequest: a time that there is not, or an end that is not after the start.
    """
    problems = Violations()
    start = end = None
    with problems.catching():
        start = _millis(message.start_time, f"{place}start_time") if message.HasField("start_time") else None
    with problems.catching():
        end = _millis(message.end_time, f"{place}end_time") if message.HasField("end_time") else None
    problems.raise_if_any()
    if start is not None and end is not None and end <= start:
        problem = "has to be after start_time, or no image passes; swap them, or leave one out"
        raise invalid(f"{place}end_time", "TIMES_SWAPPED", problem)
    return start, end


def _millis(time: Timestamp, field: str) -> int:
    try:
        time.ToJsonString()  # which only times have that can be
        return time.ToMilliseconds()
    except (ValueError, OverflowError):
        problem = f"{time.seconds} seconds and {time.nanos} nanoseconds are no time of the years 1 to 9999"
        raise invalid(field, "TIME_OUT_OF_RANGE", problem) from None
