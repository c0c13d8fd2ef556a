"""Versions of remote files: what a server says of one, as a text, and the conditions that hold a request to it.

A strong etag alone is the version. Where a server gives none, the version is made of its weak etag, date and size,
which cannot tell two changes within one second apart; where it gives no date either, of the size. Such a version tells
hardly any change, and is used only where files never change.
"""

import re
from dataclasses import dataclass

__all__ = ["Condition", "condition_of", "is_size_alone", "version_of"]

_MAX_CHARACTERS = 512
"""Of an etag or a date."""

_strong = re.compile(r'"[\x21\x23-\x7e]*"')


@dataclass(frozen=True, slots=True)
class Condition:
    """What a request asks for: If-Match and If-Unmodified-Since; empty where the version has none."""

    etag: str = ""
    date: str = ""


def version_of(etag: str, date: str, size: int) -> str:
    """Return the version of a file as a server describes it; empty texts for what it does not say."""
    etag, date = etag[:_MAX_CHARACTERS], date[:_MAX_CHARACTERS].replace("|", "")
    return etag if _strong.fullmatch(etag) else f"{etag}|{date}|{size}"


def is_size_alone(version: str) -> bool:
    """Tell whether a server said nothing of a version but its size."""
    return version.startswith("||")


def condition_of(version: str) -> Condition:
    """Return the condition of requests for a version, as ``version_of`` returned it."""
    if _strong.fullmatch(version):
        return Condition(etag=version)
    return Condition(date=version.rpartition("|")[0].rpartition("|")[2])
