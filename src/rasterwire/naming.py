"""Names of files and bands that are safe everywhere."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 200
"""UTF-8 bytes of a name without its extension: file systems take 255, and downloads put more behind it."""

_LONGEST_PART = 100

_reserved = frozenset('<>:"/\\|?*')
"""What separates folders, or is not allowed in a name on Windows."""

_joiners = frozenset("\u200c\u200d")
"""Format characters that belong to the spelling of words, in Persian and in Indic scripts."""

_unsafe_kinds = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's categories of control, of format with that of the direction of writing, and of no text at all."""

_devices = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names that mean a device on Windows, with any extension."""


def safe_name(text: str, longest: int = LONGEST) -> str:
    """Return a file name that cannot leave its folder on any system and reads as it is written.

    Letters of any script stay, in Unicode's composed form (NFC). Replaced are separators of folders, characters of
    control and of direction, and what Windows reserves; a dot does not begin a name, and nor dot nor space ends it.

    Args:
        text: as anyone wrote it.
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
    """Return the names of files of single bands, all different on any disk; a number goes before the extension.

    >>> file_names("case", ["NDVI", "ndvi"], ".tif")
    ['case.NDVI.tif', 'case.ndvi_1.tif']
    """
    parts = [safe_name(band, _LONGEST_PART) for band in bands]
    rest = LONGEST - 1 - max((len(part.encode()) for part in parts), default=0)
    return [name + extension for name in unique((f"{safe_name(stem, rest)}.{part}" for part in parts), files=True)]


def unique(names: Iterable[str], files: bool = False) -> list[str]:
    """Return the names with ``_1``, ``_2`` ... added to those that came before.

    Args:
        names: of bands, or of files without their extension.
        files: whether names are the same that differ by case or by Unicode's form alone, as on some disks.

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
    """Return what names share that a disk may take for one; source: Unicode 15.0, section 3.13, D145."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
