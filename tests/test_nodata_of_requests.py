"""A nodata value of 64 bits is exact at every door, and in the answer."""

from typing import Any

import pytest

from images import band
from rasterwire.cli.options import to_params
from rasterwire.client.params import to_message
from rasterwire.errors import InvalidRequest
from rasterwire.image import Image
from rasterwire.plan import Limits, make_plan
from rasterwire.server.messages.convert import from_plan, to_request
from rasterwire.server.messages.parsed_request import read_request
from rasterwire.v1 import download_pb2

WIDE = [2**63 - 1, 2**64 - 1, 2**53 + 1, -(2**63)]


def from_json(document: dict[str, Any]) -> download_pb2.DownloadParams:
    request = read_request(document)
    assert request.misfits == ()
    return request.message()


def test_whole_numbers_of_64_bits_are_asked_for_and_told_exactly() -> None:
    for number in WIDE:
        band_requests = [
            download_pb2.DownloadParams(image="i", nodata_text=str(number)),
            to_message({"image": "i", "nodata": number}),
            to_message({"image": "i", "nodataText": str(number)}),
            to_message(to_params({"image": "i", "nodata": number})),
            from_json({"image": "i", "nodata": number}),
            from_json({"image": "i", "nodata": str(number)}),
            from_json({"image": "i", "nodataText": str(number)}),
        ]
        dtype = "uint64" if number > 2**63 else "int64"
        image = Image("i", (band("b", dtype=dtype, nodata=None),))
        for params in band_requests:
            request, _ = to_request(params)
            assert repr(request.nodata) == str(number), params
            raster = from_plan(make_plan(request, image, Limits())).rasters[0]
            assert raster.bands[0].nodata_text == str(number)
            assert (raster.mask, raster.mask_reason) == (download_pb2.MASK_NODATA, "the request gives a nodata value")


def test_small_numbers_and_floats_are_asked_for_as_before() -> None:
    for number in (7, -9999.5, 2**53):
        message = to_message({"image": "i", "nodata": number})
        assert (message.nodata, message.nodata_text) == (number, "")


def test_both_and_what_is_no_whole_number_are_refused() -> None:
    wrong = [
        download_pb2.DownloadParams(image="i", nodata=1, nodata_text="1"),
        download_pb2.DownloadParams(image="i", nodata_text="1.5"),
        download_pb2.DownloadParams(image="i", nodata_text="nan"),
    ]
    for params in wrong:
        with pytest.raises(InvalidRequest) as caught:
            to_request(params)
        assert "nodata_text" in str(caught.value.violations), params
    request, _ = to_request(download_pb2.DownloadParams(image="i", nodata_text=str(2**63)))
    with pytest.raises(InvalidRequest) as caught:
        make_plan(request, Image("i", (band("b", dtype="int64"),)), Limits())
    assert "9223372036854775808 is not a value of int64" in str(caught.value.violations)
