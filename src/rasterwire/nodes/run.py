"""Runs nodes for a block: each once, however many others want it."""

from collections.abc import Callable, Mapping, Sequence

from rasterwire.budget import Budget, of_block
from rasterwire.errors import InvalidExpression
from rasterwire.nodes.nodes import Making, Node, Place
from rasterwire.pixels import Pixels

Reader = Callable[[Node, Place], Pixels | None]


def shared_keys(nodes: Sequence[Node]) -> dict[bytes, int]:
    """Return how often a node is asked for, by key, of those that are more than once.

    By nodes below ``nodes``, or by the caller; a node of the same key as another is the same.
    """
    asked: dict[bytes, int] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        count = asked.get(node.key, 0)
        asked[node.key] = count + 1
        if not count:
            pending.extend(node.inputs)
    return {key: count for key, count in asked.items() if count > 1}


def evaluate(nodes: Sequence[Node], at: Place, read: Reader, shared: Mapping[bytes, int]) -> list[Pixels]:
    """Return the pixels of nodes at a place.

    Args:
        nodes: to compute.
        at: where.
        read: makes the pixels of nodes that are made of files, and returns None for all others.
        shared: see ``shared_keys``.

    Raises:
        SourceUnavailable: of ``read``.
        InvalidExpression: it takes too long, or too much memory.
    """
    known = _Known(shared)
    with of_block() as budget:
        return [_made(node, at, read, known, budget) for node in nodes]


class _Known:
    """Pixels that somebody will ask for again; those that all have asked for are dropped."""

    def __init__(self, shared: Mapping[bytes, int]) -> None:
        self._shared = shared
        self._kept: dict[tuple[bytes, Place], tuple[Pixels, int]] = {}

    def get(self, node: Node, at: Place) -> Pixels | None:
        """Return the pixels of a node, if they were made."""
        if node.key not in self._shared:
            return None
        found = self._kept.pop((node.key, at), None)
        if found is None:
            return None
        pixels, left = found
        if left > 1:
            self._kept[node.key, at] = pixels, left - 1
        return pixels

    def put(self, node: Node, at: Place, pixels: Pixels) -> None:
        """Keep the pixels of a node for the others that will ask for them."""
        count = self._shared.get(node.key, 0)
        if count > 1:
            self._kept[node.key, at] = pixels, count - 1


def _made(node: Node, at: Place, read: Reader, known: _Known, budget: Budget) -> Pixels:
    stack: list[tuple[Node, Place, Making]] = []
    answer: Pixels | None = None
    while True:
        budget.check()
        # down: begin the node that is wanted
        if answer is None:
            answer = known.get(node, at)
            if answer is None:
                answer = read(node, at)
                if answer is None:
                    stack.append((node, at, node.make(at)))
                else:
                    known.put(node, at, answer)
        # up: hand the answer to who asked
        if not stack:
            assert answer is not None
            return answer
        asking, place, making = stack[-1]
        try:
            wanted = making.send(answer)  # type: ignore[arg-type]  # None begins it
        except MemoryError:
            raise InvalidExpression("User memory limit exceeded.") from None
        except StopIteration as end:
            stack.pop()
            answer = end.value
            assert answer is not None
            known.put(asking, place, answer)
            node, at = asking, place
            if not stack:
                return answer
            continue
        answer = None
        node, at = wanted.node, wanted.at
