"""Turns of what is planned and computed, beside the event loop."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from rasterwire.budget import Budget, spending
from rasterwire.download import Downloads, FairPool, FairSlots, Meter
from rasterwire.errors import InvalidExpression
from rasterwire.expression.answer import answer
from rasterwire.expression.language.graph import read_graph
from rasterwire.server.peer import caller

__all__ = ["Evaluations"]

_EVALUATIONS_A_RENDER = 16
"""Evaluations that may wait, for each render that may run."""

_PLANS = 4
"""Typed requests that are planned at once."""

_WAITING_A_PLAN = 12
"""Those that may wait, for each of them."""

T = TypeVar("T")


class Evaluations:
    """Plans and values on their way, each for as long as somebody waits for it."""

    def __init__(self, max_renders: int, meter: Meter) -> None:
        """Set how many there are at once.

        Args:
            max_renders: as many expressions are evaluated at once.
            meter: is told what waits.
        """
        # typed requests are planned within milliseconds: none waits for an expression of somebody
        self.planning = FairPool(_PLANS, "plan", meter=meter, room=FairSlots(_WAITING_A_PLAN * _PLANS))
        self._slots = FairSlots(_EVALUATIONS_A_RENDER * max_renders)
        self._computing = FairPool(max_renders, "value", meter=meter, room=self._slots)

    @property
    def taken(self) -> int:
        """How many expressions are evaluated, or wait."""
        return self._slots.taken

    async def planned_of(self, source: str | None, function: Callable[[], T], budget: Budget | None) -> T:
        """Run a planning when it is its turn.

        Args:
            source: of its image, as the schema calls it.
            function: plans.
            budget: see ``computed``.
        """
        match source:
            case "expression":
                return await self.computed(function, budget)
            case "mosaic":
                return await self.planned(function, budget)
            case _:
                return await self.planned_soon(function)

    async def planned_soon(self, function: Callable[[], T]) -> T:
        """Run a planning that evaluates nothing."""
        return await asyncio.wrap_future(self.planning.submit(caller(), function))

    async def planned(self, function: Callable[[], T], budget: Budget | None = None) -> T:
        """Run a planning that evaluates little; see ``computed``."""
        return await self._evaluated(function, self.planning, budget)

    async def computed(self, function: Callable[[], T], budget: Budget | None = None) -> T:
        """Evaluate something.

        Args:
            function: runs in a thread.
            budget: of it; None for a new one.

        Raises:
            Overloaded: as many evaluations as this server takes are waiting.
        """
        return await self._evaluated(function, self._computing, budget)

    async def _evaluated(self, function: Callable[[], T], turns: FairPool, budget: Budget | None) -> T:
        spent = budget or Budget()

        def work() -> T:
            with spending(spent):
                spent.check()
                return function()

        task = turns.submit(caller(), work)
        try:
            return await asyncio.wrap_future(task)  # which is dropped with the call, if it did not begin
        except asyncio.CancelledError:
            spent.stop()
            raise

    def close(self) -> None:
        """Wait for what runs."""
        self.planning.close()
        self._computing.close()


def value_json(
    downloads: Downloads, document: Callable[[], object], describe: Callable[[Any], Any] | None = None
) -> str:
    """Return the JSON of an expression's value; see ``Service.value``."""
    graph = read_graph(document())
    result = downloads.evaluate(graph)
    try:
        return json.dumps({"result": answer(result)} if describe is None else describe(result))
    except InvalidExpression as error:
        raise InvalidExpression(error.problem, error.function or graph.result_function) from None
