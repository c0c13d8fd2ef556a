"""XML of an operator's files, parsed within limits and without declarations, which could be larger than memory."""

import os
from xml.etree import ElementTree as ET

from rasterwire.errors import SourceUnavailable
from rasterwire.files.regular_file import open_regular

__all__ = ["parse_xml", "read_xml"]

_MAX_BYTES = 16 << 20
"""Bytes of a VRT, or of a tile index in XML."""

_MAX_ELEMENTS = 200_000
"""Elements of a VRT, or of a tile index in XML."""

_MAX_DEPTH = 8
"""Elements of a VRT within each other, or of a tile index in XML."""


def read_xml(path: str, kind: str) -> ET.Element:
    """Return the root element of a file; see ``parse_xml``.

    Raises:
        SourceUnavailable: it is too long, or see ``parse_xml``.
        OSError: it cannot be opened, or is no regular file.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    return parse_xml(content, kind)


def parse_xml(content: bytes, kind: str) -> ET.Element:
    """Return the root element.

    Args:
        content: of the file.
        kind: of the file, for the error; such as ``VRT``.

    Raises:
        SourceUnavailable: it is too long, has too many elements, or declarations.
        ET.ParseError: it is no XML.
    """
    if len(content) > _MAX_BYTES:
        raise SourceUnavailable.of_file(f"it is a {kind} of more than {_MAX_BYTES >> 20} MB; make several")
    if b"<!" in content.replace(b"<!--", b"") or content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise SourceUnavailable.of_file(f"it is a {kind} with declarations of XML, or not in UTF-8; write it again")
    parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(("start", "end"))
    depth = count = 0
    for start in range(0, len(content), 1 << 16):
        parser.feed(content[start : start + (1 << 16)])
        for event in parser.read_events():
            depth += 1 if event[0] == "start" else -1
            count += event[0] == "start"
            if depth > _MAX_DEPTH or count > _MAX_ELEMENTS:
                raise SourceUnavailable.of_file(
                    f"it is a {kind} of more than {_MAX_ELEMENTS} elements, or with more than {_MAX_DEPTH} in each"
                    " other; make several"
                )
    return ET.fromstring(content)
