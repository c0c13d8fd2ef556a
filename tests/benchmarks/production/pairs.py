"""Create and get through a balancer, at each door, and with one of two servers killed in the middle."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from balancers import Balancer
from benchmarks.production.shared import Bar, Shared
from door_pairs import PAIRS, Pair
from rasterwire import Client

_AT_ONCE = 4


def pairs(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield a bar for each balancer, door, and for a killed server."""
    image = shared.image(64)
    first = 1
    with shared.balanced(image) as (servers, balancers, _):
        for balancer in balancers.values():
            for door, pair in PAIRS.items():
                made = _made(pair, balancer, image, range(first, first + count))
                first += count
                yield _bar(f"{balancer.name}, {door}", made, count)
            for door, pair in PAIRS.items():
                made = _made(pair, balancer, image, range(first, first + count), servers[0].kill)
                first += count
                servers[0].start()
                yield _bar(f"{balancer.name}, {door}, one server killed in the middle", made, count)


def _made(
    pair: Pair, balancer: Balancer, image: Path, numbers: range, halfway: Callable[[], object] = lambda: None
) -> int:
    """Return how many pairs succeeded."""

    def is_made(number: int) -> bool:
        if number == numbers[len(numbers) // 2]:
            halfway()
        try:
            pair(client, balancer.http, image, number)
        except Exception as error:  # noqa: BLE001  counted
            print(f"  pair {number} failed: {type(error).__name__}: {error}")
            return False
        return True

    with Client(balancer.address) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(is_made, numbers))


def _bar(title: str, made: int, count: int) -> Bar:
    return Bar(title, f"{made} of {count}", f"{count} of {count}", made == count)
