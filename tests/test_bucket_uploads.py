"""What a bucket's answers about uploads mean: how old they are, and whether the keys may ask for them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

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
