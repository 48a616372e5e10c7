"""Answers that are recorded come in the order in which they came, so that a cell's threads go on in that order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from rlm.trace.record import NOWHERE, Asked, Record, Turn

# Seconds for a call to come that was answered earlier in the record: threads come in any order.
_WAIT = 0.25
# The most seconds between two answers that threads of one cell wait for.
_APART = 0.005


class Order:
    """Lets what a cell asked be answered in the order in which it was, so that its threads go on in that order.

    Answers that threads of the cell wait for at the same time come a moment apart, as they did then: each thread has
    gone on before the next one may.
    """

    def __init__(self, record: Record, turn: Turn) -> None:
        answered = sorted((one for one in turn.each() if one.end != NOWHERE), key=lambda one: one.end)
        self._place = {one.end: place for place, one in enumerate(answered)}
        self._delay = _delays(record, answered)
        self._passed: set[int] = set()
        self._next = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._last = 0.0

    async def due(self, one: Asked) -> None:
        """Waits for those before; not for long, since a cell may ask them only after this one."""
        place = self._place[one.end]
        began = time.monotonic()
        if place > self._next:
            turn = self._waiting[place] = asyncio.get_running_loop().create_future()
            await asyncio.wait([turn], timeout=_WAIT)
            del self._waiting[place]
            if not turn.done():  # the order is another one this time
                self._next = len(self._place)
                for waiting in self._waiting.values():
                    _wake(waiting)
        if (gap := self._delay.get(place)) is not None:
            await asyncio.sleep(max(self._last + gap[0], began + gap[1]) - time.monotonic())
            self._last = time.monotonic()
        self._pass(place)

    def _pass(self, place: int) -> None:
        self._passed.add(place)
        while self._next in self._passed:
            self._passed.remove(self._next)
            self._next += 1
        if (following := self._waiting.get(self._next)) is not None:
            _wake(following)


def _delays(record: Record, answered: Sequence[Asked]) -> dict[int, tuple[float, float]]:
    """Of each that threads waited for together, by its place: seconds since the last answer, and since it was asked."""
    begun = sorted((one.line, place) for place, one in enumerate(answered) if one.alone)
    together: set[int] = set()
    open_, latest = 0, NOWHERE  # the one that ends last of those so far
    for line, place in begun:
        if line < latest:
            together |= {place, open_}
        if answered[place].end > latest:
            open_, latest = place, answered[place].end
    times = [record.time(one.end) for one in answered]
    return {
        place: (
            min(_APART, times[place] - times[place - 1]) if place else 0.0,
            min(_APART, times[place] - record.time(answered[place].line)),
        )
        for place in together
    }


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
