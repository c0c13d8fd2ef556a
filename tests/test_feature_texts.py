"""Lists of features that are taken apart, beside those that Python's parser reads."""

import json
import random
from typing import Any

import pytest

from rasterwire.catalog import feature_texts as module
from rasterwire.catalog.feature_texts import feature_texts

WAYS: list[dict[str, Any]] = [{"separators": (",", ":")}, {}, {"indent": 2}, {"indent": "\t"}]


@pytest.fixture(autouse=True)
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BYTES", 0)


def features(rng: random.Random, count: int) -> list[Any]:
    """Return features whose texts look like the places between features."""
    odd = ['},{"type":"Feature"', '}, {"type": ', "]}", "ü€\U0001f30d", '\\"', "features", {"type": "Feature"}]
    nested = [{"type": rng.choice(odd), "features": [1, {"type": 2}]} for _ in range(rng.randrange(3))]
    first = {"type": "Feature", "id": f"é{rng.random()}", "odd": rng.choice(odd)}
    return [first | {"links": nested, "number": rng.choice([1, 0.1, 2**70])} for _ in range(count)]


@pytest.mark.parametrize("seed", range(40))
def test_the_texts_are_those_of_the_features(seed: int) -> None:
    rng = random.Random(seed)
    listed = features(rng, rng.randrange(2, 6))
    before: dict[str, Any] = rng.choice(
        [{}, {"links": [{"type": "a"}, {"type": "b"}]}, {"other": {"features": [{"type": 1}]}}]
    )
    after: dict[str, Any] = rng.choice([{}, {"links": [{"type": "a"}, {"type": "b"}]}, {"numberMatched": 7}])
    body = json.dumps({"type": "FeatureCollection", **before, "features": listed, **after}, **rng.choice(WAYS)).encode()
    texts = feature_texts(body)
    if texts is None:
        return  # which is always right
    try:
        values = [json.loads(text) for text in texts]
    except ValueError:
        return  # likewise
    assert values == listed


@pytest.mark.parametrize("way", WAYS)
def test_what_usual_writers_make_is_taken_apart(way: dict[str, Any]) -> None:
    listed = [{"type": "Feature", "id": f"{n}", "links": [{"rel": "a"}, {"rel": "b"}]} for n in range(5)]
    body = json.dumps({"type": "FeatureCollection", "features": listed, "links": []}, **way).encode()
    texts = feature_texts(body)
    assert texts is not None
    assert [json.loads(text) for text in texts] == listed


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}], "features": [{"id": 3}]}',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}]',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}]} }',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}, 3]}',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}] "a": 1}',
        b'{"type": "Feature", "features": [{"id": 1}, {"id": 2}]}',
        b'[{"features": [{"id": 1}, {"id": 2}]}]',
        b'{"type": "FeatureCollection", "links": {"features": [{"id": 1}, {"id": 2}]}}',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": "\xff"}]}',
        b'{"type": "FeatureCollection", "features": [{"id": 1}]}',
        b'{"type": "FeatureCollection", "features": []}',
        b'{"type": "FeatureCollection", "features": [{"id": 1}, {"id": ' + b"[" * 100_000,
        b"",
    ],
)
def test_other_documents_are_parsed_at_once(body: bytes) -> None:
    assert feature_texts(body) is None
