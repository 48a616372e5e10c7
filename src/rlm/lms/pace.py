"""How many requests an account takes at once, learnt as it goes: additive increase, multiplicative decrease.

An account is what shares a rate limit; the runs of a process share its `Pace`, since they share the event loop. It
begins without a limit: how many are in flight is then what the runs allow.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque

_LATELY_SECONDS = 60.0
_LONGEST_HOLD = 3600.0  # then one request asks again: a header may be wrong, and a process runs for weeks


class Pace:
    """The pace of one account.

    Each success adds 1/limit to `limit`, each refusal takes 1/2 off it: a round of successes adds one, a round of
    refusals halves it, and between them it settles where a share of 2/limit is refused. Refusals that come now and
    then whatever the pace (one in forty) thus cost little; TCP's halving at each of them would cost a half. After
    an outage, refusals with no success between them, it comes back by 1 for each success, to half of what it was.

    Attributes:
        limit: The most requests in flight.
        reason: Why it is held, in the provider's words.
    """

    def __init__(self) -> None:
        self.limit = math.inf
        self._answered_at = -math.inf
        self.reason = ""
        self._in_flight = 0
        self._waiting: deque[tuple[asyncio.Future[bool], float]] = deque()
        self._refused_at = -math.inf
        self._threshold = 1.0
        self._held_until = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> float:
        """Seconds until anything may be sent; 0 or less where nothing is held."""
        return self._held_until - time.monotonic()

    @property
    def is_answering(self) -> bool:
        """Whether a request was answered lately: one that is told to slow down only has to wait for its turn."""
        return time.monotonic() - self._answered_at < _LATELY_SECONDS

    def enter(self) -> bool:
        """Takes a place in flight if there is one and nobody waits for it."""
        if self._waiting or self._in_flight >= self.limit or self.held > 0.0:
            return False
        self._in_flight += 1
        return True

    async def wait(self, patience: float, *, first: bool) -> bool:
        """Waits for a place, and takes it.

        Args:
            patience: The most seconds that a hold may last.
            first: Before those that wait already: a request that was sent before, whose time is running.

        Returns:
            Whether there is a place: a hold may last longer than the patience.
        """
        if self.held > patience:
            return False
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if first:
            self._waiting.appendleft((place, patience))
        else:
            self._waiting.append((place, patience))
        self._fill()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():  # it was given the place in the same moment
                self.leave()
            raise

    def leave(self) -> None:
        """Gives a place back."""
        self._in_flight -= 1
        if self._waiting:
            self._fill()

    def succeeded(self) -> None:
        """Takes note of a request that was answered, before it leaves."""
        self._answered_at = time.monotonic()
        if self._in_flight >= self.limit - 1.0:  # a limit that is not reached was not tried
            self.limit += 1.0 if self.limit < self._threshold else 1.0 / self.limit

    def refused(self) -> None:
        """Takes note of a request that was refused for its rate or for overload, before it leaves."""
        before = float(self._in_flight) if self.limit == math.inf else self.limit
        if self._answered_at > self._refused_at:
            self._threshold = before / 2.0
        self._refused_at = time.monotonic()
        self.limit = max(1.0, before - 0.5)

    def hold(self, seconds: float | None, reason: str) -> None:
        """Sends nothing for so many seconds, or longer where that was said before; None holds nothing."""
        until = time.monotonic() + min(seconds or 0.0, _LONGEST_HOLD)
        if until > self._held_until:
            self._held_until, self.reason = until, reason
            for place, patience in self._waiting:
                if self.held > patience and not place.done():
                    place.set_result(False)

    def _fill(self) -> None:
        """Gives the free places to those that wait longest."""
        if (held := self.held) > 0.0:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(held, self._fill)
            return
        while self._waiting and self._in_flight < self.limit:
            place, _ = self._waiting.popleft()
            if not place.done():
                self._in_flight += 1
                place.set_result(True)
