"""Damage to files at random, the same for the same seed."""

import random
import struct
from collections.abc import Callable, Sequence

Content = dict[str, bytes]
"""Files by their paths within a folder."""

_STRANGE = (
    0,
    1,
    2,
    3,
    7,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    1 << 24,
    0x7FFFFFFF,
    0xFFFFFFFF,
    1 << 62,
)

_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347,
    33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113, 50844, 50674,
)  # fmt: skip
"""Of TIFF, which readers look at."""

_CODECS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34676, 34712, 34887, 34925, 50000, 50001, 50002, 65535)

Change = Callable[[random.Random, bytearray, bytes], str]
"""Changes data, for which other data of the same format may be used; returns what it did."""


def damaged(contents: Sequence[Content], seed: int) -> tuple[Content, list[str]]:
    """Return files of a seed, and what was changed in one of them."""
    dice = random.Random(seed)
    content = dict(contents[seed % len(contents)])
    name = dice.choice(sorted(content))
    suffix = name.rsplit(".", 1)[-1]
    others = [data for files in contents for other, data in files.items() if other.rsplit(".", 1)[-1] == suffix]
    data = bytearray(content[name])
    changes = _changes_of(bytes(data))
    done = [dice.choice(changes)(dice, data, dice.choice(others)) for _ in range(dice.choice((1, 1, 1, 2, 3, 6)))]
    content[name] = bytes(data)
    return content, done


def _changes_of(data: bytes) -> list[Change]:
    usual: list[Change] = [_flip, _flip_in_header, _overwrite, _truncate, _extend, _remove, _repeat, _splice]
    if data[:2] in {b"II", b"MM"}:
        return [*usual, *[_edit_entry] * 5, *[_edit_value] * 4, *[_edit_codec] * 1]
    if b"jP  " in data[:12]:
        return [*usual, *[_edit_box] * 2, *[_edit_marker] * 6]
    return usual


def _flip(dice: random.Random, data: bytearray, _other: bytes) -> str:
    places = [dice.randrange(len(data)) for _ in range(dice.choice((1, 1, 2, 8)))] if data else []
    for place in places:
        data[place] ^= 1 << dice.randrange(8)
    return f"bits flipped at {places}"


def _flip_in_header(dice: random.Random, data: bytearray, _other: bytes) -> str:
    place = dice.randrange(min(len(data), 400)) if data else 0
    if data:
        data[place] ^= 1 << dice.randrange(8)
    return f"a bit flipped at {place}"


def _overwrite(dice: random.Random, data: bytearray, _other: bytes) -> str:
    size = dice.choice((1, 2, 4, 8))
    if len(data) < size:
        return "too short to overwrite"
    place = dice.randrange(min(len(data), dice.choice((300, 1 << 30))) - size + 1)
    value = dice.choice(_STRANGE) & ((1 << 8 * size) - 1)
    data[place : place + size] = value.to_bytes(size, dice.choice(("little", "big")))
    return f"{value} of {size} bytes at {place}"


def _truncate(dice: random.Random, data: bytearray, _other: bytes) -> str:
    keep = dice.choice((dice.randrange(len(data) + 1), max(0, len(data) - dice.randrange(1, 40))))
    del data[keep:]
    return f"cut to {keep}"


def _extend(dice: random.Random, data: bytearray, _other: bytes) -> str:
    size = dice.randrange(1, 5000)
    data += bytes(size) if dice.random() < 0.5 else dice.randbytes(size)
    return f"{size} bytes more"


def _remove(dice: random.Random, data: bytearray, _other: bytes) -> str:
    place = dice.randrange(len(data) + 1)
    size = dice.choice((1, 2, 4, 16, dice.randrange(1, 2000)))
    del data[place : place + size]
    return f"{size} bytes removed at {place}"


def _repeat(dice: random.Random, data: bytearray, _other: bytes) -> str:
    place, target = dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)
    size = dice.randrange(1, 2000)
    part = data[place : place + size]
    if dice.random() < 0.5:
        data[target:target] = part
        return f"{size} bytes of {place} put in at {target}"
    data[target : target + len(part)] = part
    return f"{size} bytes of {place} put over {target}"


def _splice(dice: random.Random, data: bytearray, other: bytes) -> str:
    cut, start = dice.randrange(len(data) + 1), dice.randrange(len(other) + 1)
    if dice.random() < 0.5:
        data[cut:] = other[cut:]
        return f"from {cut} on, another file"
    part = other[start : start + dice.randrange(1, 3000)]
    data[cut : cut + len(part)] = part
    return f"{len(part)} bytes of another file over {cut}"


def _entries(data: bytes) -> tuple[str, bool, list[int]]:
    """Return the order of bytes of a TIFF, whether it is a BigTIFF, and the offsets of its entries."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = bytes(data[2:4]) in {b"+\0", b"\0+"}
    count_form, step, link, first = ("Q", 20, "Q", 8) if is_big else ("H", 12, "I", 4)
    offsets: list[int] = []
    try:
        (place,) = struct.unpack_from(order + link, data, first)
        for _ in range(20):
            if not place:
                break
            (count,) = struct.unpack_from(order + count_form, data, place)
            place += struct.calcsize(count_form)
            offsets += [place + number * step for number in range(min(count, 60))]
            (place,) = struct.unpack_from(order + link, data, place + count * step)
    except (struct.error, OverflowError):
        pass
    return order, is_big, [offset for offset in offsets if offset + step <= len(data)]


def _edit_entry(dice: random.Random, data: bytearray, _other: bytes) -> str:
    """Change the tag, type, count or value of an entry."""
    order, is_big, offsets = _entries(bytes(data))
    if not offsets:
        return "no entries to edit"
    offset = dice.choice(offsets)
    count_form, count_size = ("Q", 8) if is_big else ("I", 4)
    field = dice.choice(("tag", "type", "count", "value", "value", "value"))
    match field:
        case "tag":
            struct.pack_into(order + "H", data, offset, dice.choice(_TAGS))
        case "type":
            struct.pack_into(order + "H", data, offset + 2, dice.randrange(20))
        case "count":
            value = _strange(dice, struct.unpack_from(order + count_form, data, offset + 4)[0], count_size)
            struct.pack_into(order + count_form, data, offset + 4, value)
        case _:
            kind = struct.unpack_from(order + "H", data, offset + 2)[0]
            form, size = ("H", 2) if kind == 3 else (count_form, count_size)
            place = offset + 4 + count_size
            value = _strange(dice, struct.unpack_from(order + form, data, place)[0], size)
            struct.pack_into(order + form, data, place, value)
    return f"the {field} of the entry at {offset}"


def _strange(dice: random.Random, value: int, size: int) -> int:
    near = value + dice.choice((-1, 1, -16, 16, value))
    return dice.choice((dice.choice(_STRANGE), near, value // 2, dice.getrandbits(8 * size))) & ((1 << 8 * size) - 1)


def _edit_value(dice: random.Random, data: bytearray, _other: bytes) -> str:
    """Change one of the values to which an entry points, such as the offset or the size of a tile."""
    order, is_big, offsets = _entries(bytes(data))
    if not offsets:
        return "no entries to edit"
    offset = dice.choice(offsets)
    form, size = ("Q", 8) if is_big else ("I", 4)
    kind, count = struct.unpack_from(f"{order}H{form}", data, offset + 2)
    place = struct.unpack_from(order + form, data, offset + 4 + size)[0]
    form, size = {3: ("H", 2), 4: ("I", 4), 16: ("Q", 8), 12: ("Q", 8)}.get(kind, ("B", 1))
    place += size * dice.randrange(max(1, min(count, 100)))
    if place + size > len(data):
        return "values out of the file"
    value = _strange(dice, struct.unpack_from(order + form, data, place)[0], size)
    struct.pack_into(order + form, data, place, value)
    return f"a value at {place} of the entry at {offset}: {value}"


def _edit_codec(dice: random.Random, data: bytearray, _other: bytes) -> str:
    order, is_big, offsets = _entries(bytes(data))
    for offset in offsets:
        if struct.unpack_from(order + "H", data, offset)[0] == 259:
            codec = dice.choice(_CODECS)
            struct.pack_into(order + "H", data, offset + (12 if is_big else 8), codec)
            return f"compression {codec}"
    return "no compression to edit"


def _edit_box(dice: random.Random, data: bytearray, _other: bytes) -> str:
    """Change the length or the type of a box of JPEG 2000."""
    names = [b"jP  ", b"ftyp", b"jp2h", b"ihdr", b"colr", b"uuid", b"jp2c", b"res ", b"cdef", b"pclr", b"cmap", b"bpcc"]
    places = [place for name in names if (place := data.find(name)) >= 4]
    if not places:
        return "no boxes to edit"
    place = dice.choice(places)
    if dice.random() < 0.3:
        data[place : place + 4] = dice.choice(names)
        return f"the type of the box at {place}"
    length = int.from_bytes(data[place - 4 : place], "big")
    data[place - 4 : place] = _strange(dice, length, 4).to_bytes(4, "big")
    return f"the length of the box at {place}"


def _edit_marker(dice: random.Random, data: bytearray, _other: bytes) -> str:
    """Change a byte, a number or the length of a marker segment of a codestream."""
    start = data.find(b"\xff\x4f\xff\x51")
    markers = [b"\xff\x51", b"\xff\x52", b"\xff\x5c", b"\xff\x90", b"\xff\x93", b"\xff\x64", b"\xff\x55", b"\xff\x58"]
    places = [place for marker in markers if (place := data.find(marker, max(start, 0))) >= 0]
    if start < 0 or not places:
        return "no markers to edit"
    place = dice.choice(places) + 2 + dice.choice((0, 0, dice.randrange(2, 50)))
    size = dice.choice((1, 2, 4))
    if place + size > len(data):
        return "a marker out of the file"
    value = _strange(dice, int.from_bytes(data[place : place + size], "big"), size)
    data[place : place + size] = value.to_bytes(size, "big")
    return f"{value} of {size} bytes in a marker at {place}"
