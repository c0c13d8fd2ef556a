"""Initializes Earth Engine's client for the server of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import ee

PROJECT = "my-project"


@contextmanager
def initialized(url: str, **arguments: Any) -> Iterator[None]:
    """Initialize the client for the time of a block.

    ``ee.Initialize`` fetches a list of deprecated data sets from Google's storage, without a timeout; that one
    call is answered with an empty list.
    """
    with mock.patch("ee.deprecation._FetchDataCatalogStac", return_value={}):
        ee.Initialize(**{"credentials": None, "project": PROJECT, "url": url} | arguments)
    try:
        yield
    finally:
        ee.Reset()
