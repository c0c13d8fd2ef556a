"""The header by which HTTP proposes a file name, for what sends rendered files."""

import re
from urllib.parse import quote

__all__ = ["disposition"]

_not_plain = re.compile(r"[^ !#-$&-\[\]-~]")
"""What a quoted string has to escape, is no ASCII, or reads as the escape of a byte in some browsers."""


def disposition(filename: str) -> str:
    r"""Return the header that proposes a file name; source of the forms: RFC 6266, section 4.3, and RFC 8187.

    >>> disposition("é.tif")
    'attachment; filename="_.tif"; filename*=UTF-8\'\'%C3%A9.tif'
    """
    plain = _not_plain.sub("_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
