"""Before a batch is sent: what it is likely to take, told to the trace and to the caller's policy, which may refuse it.

The rates that an estimate rests on are learnt from the run's own sub-calls, by listening to its trace.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from rlm.errors import LimitError
from rlm.lms.base import LM, Price, estimate_tokens
from rlm.playback import Live
from rlm.trace.events import CallBegin, CallEnd, EstimateDecided, EstimateMade, Event, NodeBegin
from rlm.trace.store import Trace
from rlm.types import Usage

# Output tokens of a sub-call of which none is known yet: a few paragraphs.
TYPICAL_OUTPUT = 512
# Smaller batches are not worth an event where there is no policy to ask.
_TOLD_FROM = 8
# The present rate is that of about so many replies.
_RECENT = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a batch of sub-calls is likely to take, before it is sent; None where that is not known.

    Attributes:
        function: What the cell called: `llm_query`, `llm_query_batched`, `llm_map`, `rlm_query`, `rlm_query_batched`.
        model: Who would be asked.
        calls: How many requests, or child nodes; one for a single call.
        input_tokens: Of all prompts together.
        output_tokens: Of all replies: as many each as the run's sub-calls to this model had on average, or
            `TYPICAL_OUTPUT` before there was one.
        usd: US dollars at today's price, nothing cached; None where the price is unknown, which is not 0.
        seconds: At the rate of the run's latest sub-calls to this model.
    """

    function: str
    model: str
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    seconds: float | None

    def __str__(self) -> str:
        times = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        parts = [f"{self.function}: {times} to {self.model}"]
        if self.input_tokens is not None and self.output_tokens is not None:
            parts.append(f"about {self.input_tokens:,} tokens in and {self.output_tokens:,} out")
        parts.append("price unknown" if self.usd is None else f"about ${self.usd:.{2 if self.usd >= 1 else 4}f}")
        if self.seconds is not None:
            parts.append(f"about {self.seconds:,.0f} s" if self.seconds >= 1 else "under a second")
        return ", ".join(parts)


Decision: TypeAlias = Literal["allow", "deny", "ask"]
# The caller's policy. It runs on the run's event loop, so a plain function must answer at once.
Approve: TypeAlias = Callable[[Estimate], Decision | Awaitable[Decision]]
# Asks a person. A plain function runs in a thread and may wait as long as it likes.
Confirm: TypeAlias = Callable[[Estimate], bool | Awaitable[bool]]


class Screen(Protocol):
    """What is drawn on a terminal and can rest: both calls come in pairs."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


@dataclass(slots=True)
class _Seen:
    """What the sub-calls so far took on average; `usd` is None where the price of one was unknown."""

    calls: int = 0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float | None = 0.0
    seconds: float = 0.0

    def add(self, usage: Usage, usd: float | None, seconds: float) -> None:
        self.calls += 1
        self.input_tokens += (usage.input_tokens - self.input_tokens) / self.calls
        self.output_tokens += (usage.output_tokens - self.output_tokens) / self.calls
        self.usd = None if self.usd is None or usd is None else self.usd + (usd - self.usd) / self.calls
        self.seconds += (seconds - self.seconds) / min(self.calls, _RECENT)


class Approval:
    """One run's estimates, and whether what they are of may be sent.

    Args:
        trace: The run's trace.
        concurrency: Model calls in flight at once.
        approve: The caller's policy; None allows everything.
        confirm: Who is asked where the policy says `ask`; None is a no.
        playback: What an earlier run was allowed: nobody is asked about that again.

    Attributes:
        screen: What is drawn on the terminal, and rests while `confirm` may use that.
    """

    def __init__(
        self,
        trace: Trace,
        concurrency: int,
        approve: Approve | None = None,
        confirm: Confirm | None = None,
        playback: Live | None = None,
    ) -> None:
        self._trace = trace
        self._concurrency = concurrency
        self._approve = approve
        self._confirm = confirm
        self._playback = playback or Live()
        self.screen: Screen | None = None
        self._asking = asyncio.Lock()
        self._refusals = 0
        self._open: dict[int, str] = {}  # sub-call -> its model
        self._children: set[int] = set()  # sub-calls that are child nodes
        self._seen: defaultdict[tuple[str, bool], _Seen] = defaultdict(_Seen)  # (model, as a child node)
        trace.subscribe(self._listen)

    async def __call__(
        self, span: int, function: str, lm: LM, prompts: Sequence[str], *, children: bool = False
    ) -> None:
        """Returns if the calls may be made.

        Args:
            span: The turn whose cell makes them.
            function: What the cell called.
            lm: Who would be asked.
            prompts: What would be asked.
            children: Whether each starts a child node.

        Raises:
            LimitError: They may not: its `limit` is `approval`, and it says what the estimate was.
        """
        if not prompts or (self._approve is None and len(prompts) < _TOLD_FROM):
            return
        estimate = self.estimate(function, lm, prompts, children=children)
        number = self._trace.new_span()
        self._trace.emit(
            EstimateMade(
                t=self._trace.now(),
                span=number,
                parent=span,
                function=function,
                model=estimate.model,
                calls=estimate.calls,
                input_tokens=estimate.input_tokens,
                output_tokens=estimate.output_tokens,
                usd=estimate.usd,
                seconds=estimate.seconds,
            )
        )
        if (before := self._playback.decision(number)) is not None:
            estimate, allowed, asked = _as_estimate(before[0]), before[1].allowed, before[1].asked
        else:
            decision = await self._decision(estimate)
            allowed = decision == "allow" or (decision == "ask" and await self._confirmed(estimate))
            asked = decision == "ask"
        self._trace.emit(EstimateDecided(t=self._trace.now(), span=number, allowed=allowed, asked=asked))
        if not allowed:
            raise LimitError("approval", _refusal(estimate))

    def estimate(self, function: str, lm: LM, prompts: Sequence[str], *, children: bool = False) -> Estimate:
        """What asking `prompts` is likely to take."""
        seen = self._seen.get((lm.name, children))
        count = len(prompts)
        seconds = None if seen is None else seen.seconds * max(1.0, count / self._concurrency)
        if not children:
            sizes = [estimate_tokens(prompt) for prompt in prompts]
            each = TYPICAL_OUTPUT if seen is None else seen.output_tokens
            usd = _price(lm.price, sizes, each)
            return Estimate(function, lm.name, count, sum(sizes), round(count * each), usd, seconds)
        if seen is None:  # a child may take one turn or thirty
            return Estimate(function, lm.name, count, None, None, None, None)
        usd = None if seen.usd is None else count * seen.usd
        tokens_in, tokens_out = round(count * seen.input_tokens), round(count * seen.output_tokens)
        return Estimate(function, lm.name, count, tokens_in, tokens_out, usd, seconds)

    async def _decision(self, estimate: Estimate) -> Decision:
        if self._approve is None:
            return "allow"
        said = self._approve(estimate)
        decision = await said if inspect.isawaitable(said) else said
        if decision not in ("allow", "deny", "ask"):
            raise TypeError(f"approve must return 'allow', 'deny' or 'ask', not {decision!r}")
        return decision

    async def _confirmed(self, estimate: Estimate) -> bool:
        """Asks the person, one question at a time; a no also answers the questions that were waiting behind it."""
        if self._confirm is None:
            return False
        refusals = self._refusals
        async with self._asking:
            if self._refusals > refusals:
                return False
            if self.screen is not None:
                await asyncio.to_thread(self.screen.pause)
            try:
                said = await _in_thread(self._confirm, estimate)
                confirmed = (await said if inspect.isawaitable(said) else said) is True
            finally:
                if self.screen is not None:
                    self.screen.resume()
            self._refusals += not confirmed
            return confirmed

    def _listen(self, event: Event) -> None:
        match event:
            case CallBegin():
                self._open[event.span] = event.model
            case NodeBegin(parent=parent) if parent in self._open:
                self._children.add(parent)
            case CallEnd():
                model, child = self._open.pop(event.span), event.span in self._children
                self._children.discard(event.span)
                # What was answered without a request has no calls, and says nothing of the next one.
                if event.error is None and event.usage.get("calls"):
                    usage = Usage(**{name: value for name, value in event.usage.items() if isinstance(value, int)})
                    self._seen[model, child].add(usage, event.cost, event.seconds)


async def _in_thread(confirm: Confirm, estimate: Estimate) -> bool | Awaitable[bool]:
    """What `confirm` answers, in a thread of its own: one of a pool would keep the process from ending until it did."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bool | Awaitable[bool]] = loop.create_future()

    def tell(answer: bool | Awaitable[bool], error: BaseException | None) -> None:
        if answered.done():  # the run was stopped meanwhile
            return
        if error is not None:
            answered.set_exception(error)
        else:
            answered.set_result(answer)

    def ask() -> None:
        try:
            answer, error = confirm(estimate), None
        except BaseException as raised:  # noqa: BLE001 - the caller's own: it is raised where that is waited for
            answer, error = False, raised
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(tell, answer, error)

    threading.Thread(target=ask, name="rlm confirm", daemon=True).start()
    return await answered


def _price(price: Price | None, sizes: Sequence[int], output_tokens: float) -> float | None:
    """US dollars for prompts of these sizes: each in the tier of its own size."""
    if price is None:
        return None
    if price.over is None:
        return price.cost(Usage(len(sizes), sum(sizes), round(output_tokens * len(sizes))))
    return math.fsum(price.cost(Usage(1, size, round(output_tokens))) for size in sizes)


def _as_estimate(event: EstimateMade) -> Estimate:
    return Estimate(
        event.function,
        event.model,
        event.calls,
        event.input_tokens,
        event.output_tokens,
        event.usd,
        event.seconds,
    )


def _refusal(estimate: Estimate) -> str:
    return (
        f"not approved, and none of it was asked or charged: {estimate}. Choose a cheaper plan: fewer or shorter "
        "prompts (narrow the input down with code first, or put several questions into one prompt), or answer with "
        "what you have"
    )
