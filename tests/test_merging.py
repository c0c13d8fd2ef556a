"""Spans of a file merged into requests."""

import random

from rasterwire.files.sources.merging import cut, merge


def test_merged_spans_give_the_bytes_of_each_span_within_the_limits() -> None:
    chance = random.Random(7)
    file = chance.randbytes(20_000)
    for _ in range(300):
        spans = [(chance.randrange(20_500), chance.choice([0, 1, 5, 300, 2_000])) for _ in range(chance.randrange(12))]
        gap, most = chance.choice([0, 1, 100, 5_000]), chance.choice([1, 500, 4_000, 1 << 20])
        requests = merge(spans, gap, most)
        bodies = [file[r.offset : r.offset + r.count] for r in requests]
        assert cut(spans, requests, bodies) == [file[offset : offset + count] for offset, count in spans]
        assert sorted(number for r in requests for number in r.spans) == [
            n for n, (_, count) in enumerate(spans) if count
        ]
        for request in requests:
            ends = [sum(spans[number]) for number in request.spans]
            largest = max(spans[number][1] for number in request.spans)
            assert request.count <= max(most, largest)
            for number, before in zip(request.spans[1:], range(1, len(ends)), strict=True):
                assert spans[number][0] - max(ends[:before]) <= gap


def test_neighbours_are_one_request_and_distant_spans_are_their_own() -> None:
    requests = merge([(1_000_000, 10), (0, 10), (20, 10)], gap=10)
    assert [(r.offset, r.count, r.spans) for r in requests] == [(0, 30, (1, 2)), (1_000_000, 10, (0,))]
    assert merge([]) == []
    assert merge([(5, 0)]) == []
