"""Limits and spending of a whole call tree.

One ledger a node, each below its parent's; every amount is checked and charged on the way up to the root, so a
child can't overspend its parent and the roll-up is exact. All of it happens on one event loop, between awaits:
there is nothing to lock.

Before a call, the most it can cost is held, so that calls in flight together can't pass a limit that each alone
would respect; its reply is charged when it arrives, whatever it holds. The root keeps `RESERVE` of its money, tokens
and seconds back, for one wrap-up turn.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import cast

from rlm.errors import CallCancelled, ConfigError, LimitError, LMReplyError
from rlm.lms.base import LEAST_OUTPUT, Price
from rlm.types import Limits, Reply, Usage

RESERVE = 0.1
# What a call is taken to answer at most where nobody said; providers' own defaults are lower or of this size.
OUTPUT_TOKENS = 8192
_AT_LEAST_ONE = ("turns", "concurrency", "memory_mb", "output_chars")


def check_limits(limits: Limits) -> None:
    """Refuses limits that can't be meant.

    Raises:
        ConfigError: They are no `Limits`; one is below 0 or not a number, or leaves no turn, no call, no memory, no
            output or no time to a cell.
    """
    if not isinstance(limits, Limits):
        raise ConfigError(f"limits is a Limits(...), not {type(limits).__name__}")
    for field in fields(limits):
        given, least = getattr(limits, field.name), int(field.name in _AT_LEAST_ONE)
        if given is None and field.default is None:
            continue
        whole = str(field.type).startswith("int")
        if isinstance(given, bool) or not isinstance(given, Integral if whole else Real):
            raise ConfigError(f"the limit {field.name} is a {'whole ' if whole else ''}number, not {given!r}")
        if not cast(float, given) >= least:
            raise ConfigError(f"the limit {field.name} must be at least {least}, not {given!r}")
    if not limits.cell_seconds > 0:
        raise ConfigError("the limit cell_seconds must be more than 0")


@dataclass(slots=True)
class Hold:
    """What one call in flight may use at most.

    Attributes:
        max_tokens: The output tokens that the limits leave for it; None where no limit bears on it.
        tokens: Held input and output tokens.
        usd: Held dollars.
        booked: What was charged for it where it gave no reply: its usage, and US dollars or None if unknown.
    """

    max_tokens: int | None
    tokens: int = 0
    usd: float = 0.0
    booked: tuple[Usage, float | None] | None = None


class Ledger:
    """What a node and all below it may use, hold and have used.

    Args:
        limits: The limits of the run.
        parent: The ledger of the node that started this one.
        clock: The run's seconds so far, where they are not those since now: None where they are.

    Attributes:
        usage: What all calls consumed, as far as it is known.
        usd: US dollars, as far as they are known.
        unpriced: Whether what any call cost is unknown.
        sub_calls: LM and RLM calls that cells made.
        lost: Calls that were cancelled in flight, and nobody knows what they had spent.
    """

    def __init__(
        self, limits: Limits, parent: Ledger | None = None, clock: Callable[[], float | None] = lambda: None
    ) -> None:
        self.limits = limits
        self.parent = parent
        self.usage = Usage()
        self.usd = 0.0
        self.unpriced = False
        self.sub_calls = 0
        self.lost = 0
        self._held = Hold(None)
        self._in_flight = 0
        self._root: Ledger = parent._root if parent else self
        self._began = time.monotonic()
        self._clock = clock
        self._child_slots: dict[int, asyncio.Semaphore] = {}
        if parent is None:  # all that is in flight waits at the root's
            self._slots = asyncio.Semaphore(limits.concurrency)
            self._released = asyncio.Event()

    @property
    def cost(self) -> float | None:
        """US dollars spent, or None if the price of any call was unknown."""
        return None if self.unpriced else self.usd

    @property
    def most_usd(self) -> float:
        """US dollars spent at most: with what is held for calls in flight, and for those that were lost."""
        return self.usd + self._root._held.usd

    @property
    def most_tokens(self) -> int:
        """Tokens used at most, likewise."""
        return self.usage.tokens + self._root._held.tokens

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the run began; of one that was made from another, those of its record too."""
        told = self._root._clock()
        return time.monotonic() - self._root._began if told is None else told

    def seconds_left(self, *, wrap_up: bool = False) -> float | None:
        """Seconds until the run must stop; the reserve is left out unless this is the wrap-up."""
        limit = self._root.limits.seconds
        if limit is None:
            return None
        return limit * (1.0 if wrap_up else 1.0 - RESERVE) - self.seconds

    def check_seconds(self) -> None:
        """Refuses to begin anything once the run's time is up.

        Raises:
            LimitError: It is.
        """
        left = self.seconds_left()
        if left is not None and left <= 0:
            raise self._out_of_time()

    @asynccontextmanager
    async def in_time(self, *, wrap_up: bool = False) -> AsyncIterator[None]:
        """Ends what runs inside when the run's time is up.

        Raises:
            LimitError: It was.
        """
        timeout = asyncio.timeout(self.seconds_left(wrap_up=wrap_up))
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():  # it is a client's own
                raise
            raise self._out_of_time() from error

    def _out_of_time(self) -> LimitError:
        return LimitError("seconds", f"the limit of {self.limits.seconds:g} s is reached")

    def check_sub_calls(self, count: int) -> None:
        """Refuses sub-calls that would pass the limit.

        Raises:
            LimitError: They would.
        """
        limit, used = self._root.limits.sub_calls, self._root.sub_calls
        if limit is not None and used + count > limit:
            raise LimitError(
                "sub_calls",
                f"{count} more sub-calls would pass the limit of {limit}: {used} are used, none of these was made",
            )

    def take_sub_calls(self, count: int) -> None:
        """Counts sub-calls that are about to be made: all of them, or none.

        Raises:
            LimitError: They would pass the limit.
        """
        self.check_sub_calls(count)
        for ledger in self._line():
            ledger.sub_calls += count

    @asynccontextmanager
    async def hold(
        self,
        input_tokens: int,
        max_tokens: int | None,
        price: Price | None,
        *,
        wrap_up: bool = False,
        least: int = LEAST_OUTPUT,
        usual: int = OUTPUT_TOKENS,
    ) -> AsyncIterator[Hold]:
        """Waits for a free slot and for room in the limits, and keeps both while a call is in flight.

        A call that gives no usable reply is charged here too: the `LMReplyError` that stands for it has its usage, as
        has `CallCancelled`. Of one that is cancelled and says nothing, what it had spent is unknown, and so is the cost
        from then on; against the limits it stays held, for what it could cost at most.

        Args:
            input_tokens: The size of the prompt, estimated.
            max_tokens: The output asked for, or None.
            price: What the model costs.
            wrap_up: May use the reserve.
            least: The fewest output tokens that are of use.
            usual: What it is taken to answer at most where no output was asked for.

        Raises:
            LimitError: There is no room, and nothing in flight that could make room.
        """
        root = self._root
        async with root._slots:
            while (held := root._fit(input_tokens, max_tokens, price, wrap_up, least, usual)) is None:
                root._released.clear()
                await root._released.wait()
            root._held.tokens += held.tokens
            root._held.usd += held.usd
            root._in_flight += 1
            try:
                yield held
            except LMReplyError as error:
                if error.usage is not None:
                    held.booked = error.usage, self._book(error.usage, error.cost, price)
                raise
            except CallCancelled as error:
                held.booked = error.usage, self._book(error.usage, error.cost, price)
                raise asyncio.CancelledError from error  # `asyncio.timeout` knows that class alone
            except asyncio.CancelledError:
                held.booked = self._lose(held, price)
                raise
            finally:
                root._held.tokens -= held.tokens
                root._held.usd -= held.usd
                root._in_flight -= 1
                root._released.set()

    def child_slot(self) -> asyncio.Semaphore:
        """What a child node of this one has to acquire: the run has at most `concurrency` nodes at each depth.

        One semaphore for all depths could be held by nodes that wait for their own children.
        """
        return self._root._child_slots.setdefault(len(self._line()), asyncio.Semaphore(self.limits.concurrency))

    def charge(self, reply: Reply, price: Price | None = None) -> float | None:
        """Books one reply, here and in every ledger above; where it has no cost, at the model's `price`, if known.

        Returns:
            US dollars; None if unknown.
        """
        return self._book(reply.usage, reply.cost, price)

    def book(self, usage: Usage, cost: float | None, sub_calls: int = 0) -> None:
        """Books what was paid for in an earlier run, and the sub-calls that were made there; limits count them too."""
        self._book(usage, cost, None)
        for ledger in self._line():
            ledger.sub_calls += sub_calls

    def _book(self, usage: Usage, cost: float | None, price: Price | None) -> float | None:
        if cost is None and price is not None:
            cost = price.cost(usage)
        for ledger in self._line():
            ledger.usage += usage
            ledger.usd += cost or 0.0
            ledger.unpriced |= cost is None
        return cost

    def _lose(self, held: Hold, price: Price | None) -> tuple[Usage, float | None]:
        """Books a call that was cancelled without a word on what it had spent; its hold is not given back."""
        usage, cost = Usage(calls=1), None
        if price is not None and price.worst().cost(Usage(1, 1, 1)) == 0:
            cost = 0.0
        self._book(usage, cost, None)
        for ledger in self._line():
            ledger.lost += cost is None
        self._root._held.tokens += held.tokens
        self._root._held.usd += held.usd
        return usage, cost

    def _line(self) -> list[Ledger]:
        """This ledger and those above it."""
        line = [self]
        while (parent := line[-1].parent) is not None:
            line.append(parent)
        return line

    def _fit(
        self, input_tokens: int, max_tokens: int | None, price: Price | None, wrap_up: bool, least: int, usual: int
    ) -> Hold | None:
        """The hold for a call; None if it has to wait for one in flight to end."""
        limits, share = self.limits, 1.0 if wrap_up else 1.0 - RESERVE
        output = max_tokens or usual
        room: float = math.inf
        reached = ""
        if limits.tokens is not None:
            room = limits.tokens * share - self.usage.tokens - self._held.tokens - input_tokens
            reached = "tokens"
        # The size is an estimate, and a prompt that it puts just below a dearer tier may be in it.
        worst = None if price is None else price.worst(2 * input_tokens)
        if limits.usd is not None and worst is not None and worst.cost(Usage(1, 1, 1)) > 0:
            free = limits.usd * share - self.usd - self._held.usd - worst.cost(Usage(1, input_tokens))
            affordable = free * 1e6 / worst.output_mtok if worst.output_mtok else (math.inf if free >= 0 else -1.0)
            if affordable <= room:
                room, reached = affordable, "usd"
        if not reached:
            return Hold(max_tokens)
        if room < output and self._in_flight:
            return None
        if room < min(output, least):
            raise LimitError(reached, self._spent(reached))
        granted = int(min(output, room))
        usd = worst.cost(Usage(1, input_tokens, granted)) if worst else 0.0
        return Hold(max_tokens if room == math.inf else granted, input_tokens + granted, usd)

    def _spent(self, limit: str) -> str:
        if limit == "usd":
            return f"the limit of ${self.limits.usd:g} is reached: ${self.usd:.4f} is spent"
        return f"the limit of {self.limits.tokens:,} tokens is reached: {self.usage.tokens:,} are used"
