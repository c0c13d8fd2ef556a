"""Runs nodes for a block: each once, however many others want it."""

from collections.abc import Callable, Sequence

from rasterwire.expression.nodes import Making, Node, Place
from rasterwire.pixels import Pixels

Reader = Callable[[Node, Place], Pixels | None]


def shared_keys(nodes: Sequence[Node]) -> frozenset[bytes]:
    """Return the keys of the nodes that more than one node below ``nodes``, or the caller, asks for."""
    seen: set[bytes] = set()
    shared: set[bytes] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if node.key in seen:
            shared.add(node.key)
            continue
        seen.add(node.key)
        pending.extend(node.inputs)
    return frozenset(shared)


def evaluate(nodes: Sequence[Node], at: Place, read: Reader, shared: frozenset[bytes]) -> list[Pixels]:
    """Return the pixels of nodes at a place.

    Args:
        nodes: to compute.
        at: where.
        read: makes the pixels of nodes that are made of files, and returns None for all others.
        shared: see ``shared_keys``.

    Raises:
        SourceUnavailable: of ``read``.
    """
    known: dict[tuple[bytes, Place], Pixels] = {}
    return [_made(node, at, read, (shared, known)) for node in nodes]


def _made(
    node: Node, at: Place, read: Reader, memory: tuple[frozenset[bytes], dict[tuple[bytes, Place], Pixels]]
) -> Pixels:
    shared, known = memory
    stack: list[tuple[Node, Place, Making]] = []
    answer: Pixels | None = None
    while True:
        # down: begin the node that is wanted
        if answer is None:
            answer = known.get((node.key, at)) if node.key in shared else None
            if answer is None:
                answer = read(node, at)
                if answer is None:
                    stack.append((node, at, node.make(at)))
                elif node.key in shared:
                    known[node.key, at] = answer
        # up: hand the answer to who asked
        if not stack:
            assert answer is not None
            return answer
        asking, place, making = stack[-1]
        try:
            wanted = making.send(answer)  # type: ignore[arg-type]  # None begins it
        except StopIteration as end:
            stack.pop()
            answer = end.value
            assert answer is not None
            if asking.key in shared:
                known[asking.key, place] = answer
            node, at = asking, place
            if not stack:
                return answer
            continue
        answer = None
        node, at = wanted.node, wanted.at
