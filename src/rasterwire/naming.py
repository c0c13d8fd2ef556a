"""Names of files and bands that are safe everywhere."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 200
"""UTF-8 bytes of a name without its extension: file systems allow 255, and downloads append to it."""

_LONGEST_PART = 100

_reserved = frozenset('<>:"/\\|?*')
"""Separators of folders, and characters that are not allowed in a name on Windows."""

_joiners = frozenset("\u200c\u200d")
"""Format characters that belong to the spelling of words, in Persian and in Indic scripts."""

_unsafe_kinds = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's categories of control, format, surrogate and private characters, and of line separators."""

_devices = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names that mean a device on Windows, with any extension."""


def safe_name(text: str, longest: int = LONGEST) -> str:
    """Return a file name that cannot leave its folder on any system, and is displayed as it is written.

    Letters of any script stay, in Unicode's composed form (NFC). Separators of folders, control characters, marks of
    the direction of writing and names that Windows reserves are replaced. A name does not begin with a dot, nor end
    with a dot or a space.

    Args:
        text: any text.
        longest: UTF-8 bytes.

    >>> safe_name("../../etc/passwd"), safe_name("B 3"), safe_name(""), safe_name("nul")
    ('_.._etc_passwd', 'B 3', 'download', '_nul')
    >>> safe_name("反射率"), safe_name("ab\u202egpj.exe")
    ('反射率', 'ab_gpj.exe')
    """
    name = "".join(map(_safe, unicodedata.normalize("NFC", text))).lstrip(". ")
    if _devices.fullmatch(name):
        name = "_" + name
    return _cut(name, longest) or "download"


def _safe(character: str) -> str:
    if character in _joiners:
        return character
    is_unsafe = character in _reserved or unicodedata.category(character) in _unsafe_kinds
    return "_" if is_unsafe else character


def _cut(name: str, longest: int) -> str:
    return name.encode()[:longest].decode(errors="ignore").rstrip(". ")


def file_names(stem: str, bands: Sequence[str], extension: str) -> list[str]:
    """Return the names of files of single bands, which differ on any disk. Numbers go before the extension.

    >>> file_names("case", ["NDVI", "ndvi"], ".tif")
    ['case.NDVI.tif', 'case.ndvi_1.tif']
    """
    parts = [safe_name(band, _LONGEST_PART) for band in bands]
    rest = LONGEST - 1 - max((len(part.encode()) for part in parts), default=0)
    return [name + extension for name in unique((f"{safe_name(stem, rest)}.{part}" for part in parts), files=True)]


def unique(names: Iterable[str], files: bool = False) -> list[str]:
    """Return the names, with ``_1``, ``_2`` ... appended to those that repeat an earlier one.

    Args:
        names: of bands, or of files without their extension.
        files: whether names that differ only by case or by Unicode's form count as equal, as on some disks.

    >>> unique(["B3", "B4", "B3", "b3"]), unique(["B3", "b3"], files=True)
    (['B3', 'B4', 'B3_1', 'b3'], ['B3', 'b3_1'])
    """
    keys: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 0
        while (key := _folded(candidate) if files else candidate) in keys:
            count += 1
            candidate = f"{name}_{count}"
        keys.add(key)
        result.append(candidate)
    return result


def _folded(name: str) -> str:
    """Return a key that names share if a disk may take them for one; source: Unicode 15.0, section 3.13, D145."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
