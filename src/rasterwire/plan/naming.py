"""Names of files and bands that are safe everywhere."""

import re
from collections.abc import Iterable

_unsafe = re.compile(r"[^\w.\-]", re.ASCII)
_reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(text: str) -> str:
    """Return a file name that cannot leave its folder on any system, at most 200 characters.

    >>> safe_name("../../etc/passwd"), safe_name("B 3"), safe_name(""), safe_name("nul")
    ('_.._etc_passwd', 'B_3', 'download', '_nul')
    """
    name = _unsafe.sub("_", text).lstrip(".")[:200].rstrip(".")
    if _reserved.fullmatch(name):
        name = "_" + name
    return name or "download"


def unique(names: Iterable[str], files: bool = False) -> list[str]:
    """Return the names with ``_1``, ``_2`` ... added to those that came before.

    Args:
        names: of bands, or of files.
        files: whether names that differ by case alone are the same, as on some disks.

    >>> unique(["B3", "B4", "B3", "b3"]), unique(["B3", "b3"], files=True)
    (['B3', 'B4', 'B3_1', 'b3'], ['B3', 'b3_1'])
    """
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 0
        while (candidate.lower() if files else candidate) in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.lower() if files else candidate)
        result.append(candidate)
    return result
