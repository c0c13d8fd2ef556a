"""Images that are found by a text."""

from __future__ import annotations

from dataclasses import dataclass

from rasterwire_qgis.door import Door

_PAGE = 100
_PAGE_OF_A_LOOK = 1000
_MOST_LOOKS = 10
"""Pages that are looked through for a text within ids."""


@dataclass(frozen=True)
class Found:
    """Images that a text finds.

    Attributes:
        ids: of the images.
        next_token: by which more are asked for, "" where these are all.
        note: what is worth knowing, a sentence or "".
    """

    ids: tuple[str, ...]
    next_token: str = ""
    note: str = ""


def find_images(door: Door, text: str, page_token: str = "") -> Found:
    """Return images whose ids begin with a text; where there are none, those that hold it somewhere.

    The server knows where ids of a beginning are. For a text within them it has to list ids, of which a bounded number
    is looked at.
    """
    page = door.images(text, page_token, _PAGE)
    if page.ids or not text or page_token:
        note = "" if page.ids or text else "The server has no images."
        return Found(page.ids, page.next_token, note)
    ids: list[str] = []
    token, count = "", 0
    for _ in range(_MOST_LOOKS):
        page = door.images("", token, _PAGE_OF_A_LOOK)
        ids += [each for each in page.ids if text.casefold() in each.casefold()]
        token, count = page.next_token, count + len(page.ids)
        if not token:
            note = "" if ids else f"None of the {count} images has this text in its id."
            return Found(tuple(ids), note=note)
    return Found(tuple(ids), note=f"Only the first {count} ids were looked at; begin with the first letters of the id.")
