"""Computes the pixels of nodes for a block: each node once, however many others request it."""

from collections.abc import Callable, Mapping, Sequence

from rasterwire.budget import Budget, of_block
from rasterwire.errors import InvalidExpression
from rasterwire.nodes.nodes import Computation, Node, Target
from rasterwire.pixels import Pixels

Reader = Callable[[Node, Target], Pixels | None]


def count_requests(nodes: Sequence[Node]) -> dict[bytes, int]:
    """Return how often each node is requested, by key, of nodes that are requested more than once.

    Requests come from the caller and from the nodes below ``nodes``. Nodes with equal keys are one node.
    """
    counts: dict[bytes, int] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        count = counts.get(node.key, 0)
        counts[node.key] = count + 1
        if not count:
            pending.extend(node.inputs)
    return {key: count for key, count in counts.items() if count > 1}


def in_order(node: Node) -> tuple[Node, ...]:
    """Return a node and all nodes below it, each after its inputs and once."""
    ordered: dict[int, Node] = {}
    pending = [node]
    while pending:
        current = pending[-1]
        missing = [below for below in current.inputs if id(below) not in ordered]
        if id(current) not in ordered and missing:
            pending.extend(missing)
            continue
        pending.pop()
        ordered.setdefault(id(current), current)
    return tuple(ordered.values())


def evaluate(nodes: Sequence[Node], target: Target, read: Reader, request_counts: Mapping[bytes, int]) -> list[Pixels]:
    """Return the pixels of nodes over a target.

    Args:
        nodes: to compute.
        target: the window of a grid.
        read: returns the pixels of nodes that the renderer reads from files, and None for all others.
        request_counts: see ``count_requests``.

    Raises:
        SourceUnavailable: of ``read``.
        InvalidExpression: the computation takes too long, or too much memory.
    """
    cache = _Cache(request_counts)
    with of_block() as budget:
        return [_pixels(node, target, read, cache, budget) for node in nodes]


class _Cache:
    """Pixels that will be requested again; they are dropped after the last request."""

    def __init__(self, request_counts: Mapping[bytes, int]) -> None:
        self._request_counts = request_counts
        self._entries: dict[tuple[bytes, Target], tuple[Pixels, int]] = {}

    def get(self, node: Node, target: Target) -> Pixels | None:
        """Return the pixels of a node, if they were computed before."""
        if node.key not in self._request_counts:
            return None
        entry = self._entries.pop((node.key, target), None)
        if entry is None:
            return None
        pixels, count = entry
        if count > 1:
            self._entries[node.key, target] = pixels, count - 1
        return pixels

    def put(self, node: Node, target: Target, pixels: Pixels) -> None:
        """Store the pixels of a node for the requests that are still to come."""
        count = self._request_counts.get(node.key, 0)
        if count > 1:
            self._entries[node.key, target] = pixels, count - 1


def _pixels(node: Node, target: Target, read: Reader, cache: _Cache, budget: Budget) -> Pixels:
    stack: list[tuple[Node, Target, Computation]] = []
    answer: Pixels | None = None
    while True:
        budget.check()
        # down: begin the node that is requested
        if answer is None:
            answer = cache.get(node, target)
            if answer is None:
                answer = read(node, target)
                if answer is None:
                    stack.append((node, target, node.make(target)))
                else:
                    cache.put(node, target, answer)
        # up: send the answer to the node that requested it
        if not stack:
            assert answer is not None
            return answer
        parent, parent_target, computation = stack[-1]
        try:
            request = computation.send(answer)  # type: ignore[arg-type]  # None begins it
        except MemoryError:
            raise InvalidExpression("User memory limit exceeded.") from None
        except StopIteration as end:
            stack.pop()
            answer = end.value
            assert answer is not None
            cache.put(parent, parent_target, answer)
            node, target = parent, parent_target
            if not stack:
                return answer
            continue
        answer = None
        node, target = request.node, request.target
