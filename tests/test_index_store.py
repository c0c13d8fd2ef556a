"""The index of a catalog, beside plain lists of entries."""

import random
from pathlib import Path

import pytest

import made_entries
from made_entries import expected, image_of, query
from rasterwire.catalog.index import Document, IndexStore
from rasterwire.image import Image
from rasterwire.query import Query


def pages(store: IndexStore, question: Query, size: int) -> list[Image]:
    """Return all pages of a query in one list."""
    images, start = store.find(question, "", size)
    while start:
        more, start = store.find(question, start, size)
        assert more or not start
        images += more
    return images


@pytest.mark.parametrize("seed", range(4))
def test_answers_are_those_of_a_walk_through_all_images(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    made = made_entries.entries(rng, 400)
    store = IndexStore(tmp_path / "index.sqlite")
    store.write_many(Document(entry.origin, "1", [entry]) for entry in made)
    images = [image_of(entry) for entry in made]
    for _ in range(250):
        question = query(rng)
        ids = [image.id for image in expected(images, question)]
        assert store.count(question) == len(ids), question
        assert [image.id for image in pages(store, question, rng.choice([1, 3, 20, 1000]))] == ids, question
    store.close()
