"""A cell's clock: it stops while the cell waits for a call, and the CPU's never does. And what has it looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class CellClock:
    """Counts what a cell may use.

    Args:
        limit: Seconds, of its own time and of CPU time each.
        cpu: CPU seconds of the worker so far; None where that can't be known.
        deadline: When its time is up whatever it waits for, as `now` tells it; None if never.
        now: The time in seconds.
    """

    def __init__(
        self,
        limit: float,
        cpu: Callable[[], float | None],
        deadline: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._cpu = cpu
        self._cpu_before = cpu() or 0.0
        self._deadline = deadline
        self._now = now
        self._since = now()
        self._spent = 0.0
        self._open = 0

    def opened(self) -> None:
        """A call is waited for."""
        if not self._open:
            self._spent += self._now() - self._since
        self._open += 1

    def closed(self) -> None:
        """A call was answered."""
        self._open -= 1
        if not self._open:
            self._since = self._now()

    def seconds(self) -> float:
        """The cell's own seconds so far."""
        return self._spent + (0.0 if self._open else self._now() - self._since)

    def left(self) -> float:
        """Seconds until it can be over at the earliest."""
        left = self._limit if self._open else self._limit - self.seconds()
        return left if self._deadline is None else min(left, self._deadline - self._now())

    def over(self) -> str | None:
        """Why the cell's time is up, in words; None while it is not."""
        if self._deadline is not None and self._now() >= self._deadline:
            return "the run's time was up"
        if self.seconds() >= self._limit:
            return f"it ran for more than {self._limit:g} s"
        if (self._cpu() or 0.0) - self._cpu_before >= self._limit:
            return f"it used more than {self._limit:g} s of CPU time"
        return None


class Alarm:
    """Has something called after a while: one timer of the loop for many cells, which end long before it rings. One for
    each took a tenth of its time.
    """

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._call: Callable[[], None] | None = None

    def set(self, seconds: float, call: Callable[[], None]) -> None:
        """Has `call` called, and nothing that was set before; at the latest in so many seconds, but maybe earlier."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        self._call = call
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(at, self._ring)

    def clear(self) -> None:
        """Has nothing called."""
        self._call = None

    def _ring(self) -> None:
        call, self._timer, self._call = self._call, None, None
        if call is not None:
            call()
