"""What a bucket's answers about uploads mean: how old they are, and whether the keys may ask for them."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rasterwire.errors import StorageUnavailable
from rasterwire.export.destination import AlreadyExists, UnknownUpload
from rasterwire.export.s3_destination import S3Destination
from rasterwire.files.sources.settings import SourceSettings


@pytest.fixture
def bucket_with(tmp_path: Path) -> Callable[..., S3Destination]:
    """Return a maker of buckets that answer what the test says."""
    pytest.importorskip("botocore", reason="botocore is not installed; the extra export has it")
    keys = tmp_path / "keys"
    keys.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")

    def make(**answers: Callable[..., Any]) -> S3Destination:
        bucket = S3Destination(SourceSettings("s3://b/p/", endpoint="http://127.0.0.1:1", credentials=f"{keys}"))
        bucket._client = SimpleNamespace(**answers)
        return bucket

    return make


def test_uploads_are_as_old_as_the_clock_of_the_bucket_says(bucket_with: Callable[..., S3Destination]) -> None:
    begun = {"old": datetime(2001, 2, 3, 4, 0, 0, tzinfo=UTC), "late": datetime(2001, 2, 3, 4, 5, 1, tzinfo=UTC)}
    answer = {
        "Uploads": [{"Key": f"p/{name}", "UploadId": name, "Initiated": time} for name, time in begun.items()],
        "ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 03 Feb 2001 04:10:00 GMT"}},
    }
    bucket = bucket_with(list_multipart_uploads=lambda **_: answer)
    assert bucket.uploads("", 300) == [("old", "old")]
    assert bucket.uploads("", 299) == bucket.uploads("") == [("old", "old"), ("late", "late")]


ETAG = '"79b281060d337b9b2b84ccf390adcf74"'
"""Of a part."""


def refusing(code: str) -> Callable[..., Any]:
    def answer(**_: object) -> Any:
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": code, "Message": ""}}, "Some")

    return answer


@pytest.mark.parametrize(
    ("finished", "listed", "error"),
    [
        ("PreconditionFailed", "AccessDenied", AlreadyExists),
        ("NoSuchUpload", "AccessDenied", UnknownUpload),
        ("PreconditionFailed", "SlowDown", StorageUnavailable),
    ],
)
def test_keys_that_may_not_list_parts_take_no_file_for_the_exports_own(
    bucket_with: Callable[..., S3Destination], finished: str, listed: str, error: type[Exception]
) -> None:
    bucket = bucket_with(
        complete_multipart_upload=refusing(finished),
        list_parts=refusing(listed),
        head_object=lambda **_: {"ETag": f'"{hashlib.md5(bytes.fromhex(ETAG[1:-1])).hexdigest()}-1"'},
    )
    with pytest.raises(error):
        bucket.finish("x", "upload", [(1, ETAG)])
