"""Direct calls of the doctor: held, charged and timed, within what it may spend."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rlm.errors import LimitError, LMReplyError
from rlm.ledger import Ledger
from rlm.lms.base import LM, estimate_tokens
from rlm.types import Limits, Message, Reply, Request, Usage


@dataclass(slots=True)
class Asked:
    """One model, and what was spent on it.

    Attributes:
        answers: Status and headers of each HTTP answer, as they came.
        thinking_cut: Calls whose output went into thinking.
    """

    lm: LM
    ledger: Ledger
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    thinking_cut: int = 0

    async def ask(
        self, text: str, max_tokens: int, *, temperature: float | None = None, stop: tuple[str, ...] = ()
    ) -> tuple[Reply, float]:
        """The reply, and the seconds that it took; where the output went into thinking, an empty one cut by its length.

        Raises:
            LimitError: The examination's budget, tokens or time are used up.
            LMError: The model failed.
        """
        size = estimate_tokens(text)
        left = self.ledger.seconds_left(wrap_up=True)
        timeout = asyncio.timeout(left)
        began = time.monotonic()
        try:
            async with (
                timeout,
                self.ledger.hold(size, max_tokens, self.lm.price, wrap_up=True, least=max_tokens) as held,
            ):
                began = time.monotonic()
                request = Request((Message("user", text),), held.max_tokens or max_tokens, temperature, stop)
                reply = await self.lm.complete(request)
                self.ledger.charge(reply, self.lm.price)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise self._out_of_time() from error
        except LMReplyError as error:
            if error.fault != "thinking":
                raise
            self.thinking_cut += 1
            reply = Reply("", error.usage or Usage(1), error.cost, "length")
        return reply, time.monotonic() - began

    def left(self, runs: int) -> Limits:
        """The limits of one of so many runs: its share of what is left, and never more than half of the time.

        Raises:
            LimitError: No time is left.
        """
        limits, ledger = self.ledger.limits, self.ledger
        seconds = ledger.seconds_left(wrap_up=True)
        assert seconds is not None
        assert limits.tokens is not None
        if seconds <= 0:
            raise self._out_of_time()
        return Limits(
            usd=None if limits.usd is None else max(limits.usd - ledger.usd, 0.0) / runs,
            tokens=max(limits.tokens - ledger.usage.tokens, 0) // runs,
            seconds=seconds / (runs + 1),
            turns=6,
            sub_calls=8,
            concurrency=4,
            cell_seconds=20.0,
            nudges=2,
        )

    def _out_of_time(self) -> LimitError:
        return LimitError("seconds", f"the limit of {self.ledger.limits.seconds:g} s is reached")

    def note(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes an HTTP answer."""
        self.answers.append((status, {name.lower(): value for name, value in headers.items()}))
