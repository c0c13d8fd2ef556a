"""Numbers in the units that people read."""

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_EXACT = 10_000


def bytes_text(count: int) -> str:
    """Return a number of bytes in full where it is small, else with three digits and a unit.

    >>> bytes_text(9_999), bytes_text(1 << 40), bytes_text(1_710_936_000_000_000_000_000)
    ('9,999 bytes', '1 TiB', '1.45 ZiB')
    """
    if count < _EXACT:
        return f"{count:,} bytes"
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:,.0f} {_UNITS[unit]}" if size >= 99.95 else f"{size:.3g} {_UNITS[unit]}"


def plural_text(count: int, thing: str) -> str:
    """Return how many of some things there are.

    >>> plural_text(1, "worker"), plural_text(12_000, "image")
    ('1 worker', '12000 images')
    """
    return f"{count} {thing}{'' if count == 1 else 's'}"
