"""One plain LM call, as cells and maps ask it: traced, answered once where it may be, held, sent, charged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

from rlm import errors
from rlm.errors import Fault, LimitError, LMError, LMReplyError, RlmError
from rlm.ledger import OUTPUT_TOKENS, Hold, Ledger
from rlm.lms import watch
from rlm.lms.base import LEAST_OUTPUT, LM, estimate_tokens, output_room
from rlm.playback import Left, Live
from rlm.replies import Key, Replies, key
from rlm.trace.events import CallBegin, CallEnd, Retry
from rlm.trace.store import Trace
from rlm.types import JSON, Finish, Message, Reply, Request, Source, Usage, usage_fields

# A reply that its token limit cut off is asked again with this many times the output tokens.
_MORE_ROOM = 4
_SHOWN = 200  # characters of an answer that can't be used, in the error that says so

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """A plain LM call.

    Attributes:
        name: The function that the cell called.
        prompt: What is asked.
        lm: Whom.
        span: The turn whose cell asks.
        temperature: Sampling temperature; None leaves it to the client.
        once: Whether an equal call's answer may stand for it, whatever the temperature.
        fresh: Whether it has to be asked.
        keeps: Whether an answer may be given to equal calls later.
        origins: The pieces of the input in the prompt, as the worker claims: each `[start, end, name]`.
    """

    name: str
    prompt: str
    lm: LM
    span: int
    temperature: float | None = None
    once: bool = False
    fresh: bool = False
    keeps: Callable[[str], bool] = bool
    origins: tuple[JSON, ...] = ()


@dataclass(slots=True)
class Record:
    """What is known of a call when it ends.

    Attributes:
        span: Its own.
        reply: Its answer, once it has one.
        source: Where that is from.
        usage: What it consumed, all that was asked for it together.
        cost: US dollars; None if unknown.
        seconds: How long it took, where that is not how long it takes now.
    """

    span: int
    reply: str | None = None
    source: Source = "model"
    finish: Finish | None = None
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    retries: int = 0
    seconds: float | None = None

    def add(self, usage: Usage, cost: float | None) -> None:
        """Takes what one request consumed."""
        self.usage += usage
        self.cost = None if cost is None or self.cost is None else self.cost + cost


@contextmanager
def recorded(trace: Trace, begin: CallBegin) -> Iterator[Record]:
    """Tells the trace that a call begins, and when it has ended, how."""
    trace.emit(begin)
    began = time.monotonic()
    record = Record(begin.span)
    error: str | None = None
    raised: str | None = None
    fault: Fault | None = None
    try:
        yield record
    except RlmError as failure:
        error, raised, fault = str(failure), type(failure).__name__, getattr(failure, "fault", None)
        raise
    except asyncio.CancelledError:
        error = "cancelled"
        raise
    except Left:
        error = "cancelled"
        raise
    except BaseException as bug:
        error = f"a bug: {type(bug).__name__}"
        raise
    finally:
        seconds = time.monotonic() - began if record.seconds is None else record.seconds
        trace.emit(
            CallEnd(
                t=trace.now(),
                span=record.span,
                reply=record.reply if error is None else None,
                error=error,
                fault=fault,
                source=record.source,
                finish=record.finish,
                usage=usage_fields(record.usage),
                cost=record.cost,
                retries=record.retries,
                seconds=round(seconds, 6),
                raised=raised,
            )
        )


@contextmanager
def retries_told(trace: Trace, span: int) -> Iterator[None]:
    """Tells the trace of the attempts that fail inside and are made again."""

    def tell(reason: str, wait: float) -> None:
        trace.emit(Retry(t=trace.now(), span=span, reason=reason, wait=round(wait, 6)))

    with watch.retries(tell):
        yield


class Asker:
    """Asks the plain calls of one node's cells.

    Args:
        ledger: The node's ledger.
        trace: The run's trace.
        replies: The run's answers.
        playback: What an earlier run was answered; None: nothing.
    """

    def __init__(self, ledger: Ledger, trace: Trace, replies: Replies, playback: Live | None = None) -> None:
        self._ledger = ledger
        self._trace = trace
        self._replies = replies
        self._playback = playback or Live()

    async def ask(self, call: Call) -> str:
        """The answer.

        Raises:
            LMError: There is none; an `LMReplyError` says by its `fault` what is wrong with what came.
            LimitError: The run's limits have no room for it.
        """
        with recorded(self._trace, self._begin(call)) as record:
            asked = self._key(call)
            if (before := await self._playback.call(record.span)) is not None:
                text = self.again(before, record)
                if asked is not None and before.finish == "stop" and call.keeps(text):
                    self._replies.keep(asked, text)
                return text
            if asked is None:
                record.reply = await self._answer(call, record)
            else:
                record.reply, record.source = await self._replies.answer(
                    asked, lambda: self._answer(call, record), lambda text: record.finish == "stop" and call.keeps(text)
                )
            return record.reply

    def again(self, before: CallEnd, record: Record, sub_calls: int = 0) -> str:
        """The answer that a call had in an earlier run; it is charged as it was then.

        Args:
            before: How it ended.
            record: Of the call now.
            sub_calls: How many were made below it.

        Raises:
            RlmError: It had failed, and so.
        """
        record.source, record.finish, record.retries = "recorded", before.finish, before.retries
        record.usage, record.cost = Usage(**cast("dict[str, int]", before.usage)), before.cost
        record.seconds = before.seconds
        self._ledger.book(record.usage, record.cost, sub_calls)
        if before.error is not None:
            raise errors.again(before.raised, before.error, before.fault)
        record.reply = before.reply or ""
        self._replies.reused += record.usage.calls == 0
        return record.reply

    def to_send(self, calls: Sequence[Call]) -> list[str]:
        """The prompts of those calls that would be sent now: not answered by what is kept, on its way, or equal."""
        sent: dict[object, str] = {}
        for number, call in enumerate(calls):
            asked = self._key(call)
            if asked is None or not self._replies.has(asked):
                sent.setdefault(number if asked is None else asked, call.prompt)
        return list(sent.values())

    def kept(self, call: Call, answer: str) -> str:
        """Tells the trace that a call was answered with what an earlier cell had been answered."""
        with recorded(self._trace, self._begin(call)) as record:
            self._playback.skip(record.span)
            record.reply, record.source = answer, "kept"
            self._replies.reused += 1
            return answer

    def _begin(self, call: Call) -> CallBegin:
        return CallBegin(
            t=self._trace.now(),
            span=self._trace.new_span(),
            parent=call.span,
            name=call.name,
            prompt=call.prompt,
            model=call.lm.name,
            temperature=call.temperature,
            fresh=call.fresh,
            origins=list(call.origins),
        )

    def _key(self, call: Call) -> Key | None:
        """What the call's answer depends on; None where it has to be asked."""
        if call.fresh or not self._replies.once:
            return None
        settings: Mapping[str, JSON] | None = getattr(call.lm, "settings", None)
        temperature = call.temperature if call.temperature is not None else (settings or {}).get("temperature")
        if not call.once and temperature != 0:
            return None
        client: JSON = dict(settings) if settings is not None else id(call.lm)  # which lives as long as the run
        asked: JSON = [call.lm.name, client, [["user", call.prompt]], call.temperature]
        return key(asked, lasts=settings is not None)

    async def _answer(self, call: Call, record: Record) -> str:
        size = estimate_tokens(call.prompt)
        check_fits(call.lm, size, "the prompt", f"ask about pieces of at most {_half(call.lm)}, such as chunks() gives")

        async def request(max_tokens: int | None, least: int) -> Reply:
            held: Hold | None = None
            try:
                usual = usual_output(call.lm, size)
                async with self._ledger.hold(size, max_tokens, call.lm.price, least=least, usual=usual) as held:
                    asked = Request((Message("user", call.prompt),), held.max_tokens, call.temperature)
                    with retries_told(self._trace, record.span):
                        reply = await call.lm.complete(asked)
                    cost = self._ledger.charge(reply, call.lm.price)
            except BaseException:
                if held is not None:
                    record.add(*(held.booked or (Usage(), 0.0)))
                raise
            record.add(reply.usage, cost)
            record.retries += reply.retries
            return reply

        reply = await with_room(request, call.lm, size)
        record.finish = reply.finish
        return usable(reply, call.lm)


async def each(call: Callable[[Item], Awaitable[None]], items: Sequence[Item], at_once: int) -> list[RlmError | None]:
    """Makes a call for each item; the `RlmError`s that calls failed with, in order, None where one did not.

    One failure does not stop the others: their answers are paid for. A task for each that can be in flight, and not for
    each item: a cell can ask for a million.
    """
    failures: list[RlmError | None] = [None] * len(items)
    waiting = iter(enumerate(items))

    async def take() -> None:
        for index, item in waiting:
            try:
                await call(item)
            except RlmError as error:
                failures[index] = error

    tasks = (take() for _ in range(min(len(items), at_once)))
    for bug in await asyncio.gather(*tasks, return_exceptions=True):
        if bug is not None:
            raise bug
    return failures


def check_fits(lm: LM, size: int, what: str, advice: str) -> None:
    """Refuses, before it is sent, what can't fit.

    Args:
        lm: The model.
        size: The tokens of what is to be sent, estimated.
        what: What that is, in words.
        advice: What to do about it.

    Raises:
        LMReplyError: It is longer than the model's window; the fault is `too_long`.
    """
    window = lm.window  # looked up each time
    if window is not None and size > window:
        raise LMReplyError(
            f"{what} has about {size:,} tokens and the window of {lm.name} is {window:,}, answer included; it was "
            f"not sent: {advice}",
            fault="too_long",
        )


def usual_output(lm: LM, size: int) -> int:
    """The output tokens to hold for a reply where a run has limits and nobody asked for so many.

    They are sent, too: endpoints refuse a request whose prompt and output together pass the window.

    Args:
        lm: The model; one that tells the `max_tokens` of its `settings` is taken at that.
        size: The prompt's tokens, estimated.
    """
    settings: Mapping[str, JSON] = getattr(lm, "settings", None) or {}
    own = settings.get("max_tokens")
    usual = own if isinstance(own, int) and own > 0 else OUTPUT_TOKENS
    window = lm.window
    return usual if window is None else min(usual, output_room(window, size))


def _half(lm: LM) -> str:
    return f"{(lm.window or 0) // 2:,} tokens"


async def with_room(ask: Callable[[int | None, int], Awaitable[Reply]], lm: LM, size: int) -> Reply:
    """What is answered; where that was cut by its length, or was all thinking, what is answered with more room.

    Where more room can't be had, or the answer is cut again, what there is is returned.

    Args:
        ask: Asks, given the most output tokens (None leaves them to the client) and how many are the least of use.
        lm: The model.
        size: The prompt's tokens, estimated.

    Raises:
        LMReplyError: The fault `thinking`: it never came to an answer. Or any other fault.
        LMError, LimitError: As `ask`, for its first reply.
    """
    first: Reply | LMReplyError
    try:
        first = await ask(None, LEAST_OUTPUT)
        if first.finish != "length":
            return first
    except LMReplyError as error:
        if error.fault != "thinking":
            raise
        first = error
    used = first.usage.output_tokens if first.usage is not None else OUTPUT_TOKENS
    more = max(used, 1) * _MORE_ROOM
    if lm.window is not None:
        more = min(more, lm.window - size)
    if more > used:
        try:
            second = await ask(more, used + 1)
            if second.text or isinstance(first, LMReplyError):
                return second
        except LMReplyError:
            if isinstance(first, LMReplyError):
                raise
        except (LMError, LimitError):  # providers refuse more than a model gives; limits, what they can't pay
            pass
    if isinstance(first, LMReplyError):
        raise first
    return first


def usable(reply: Reply, lm: LM) -> str:
    """The text of a reply that is one.

    Raises:
        LMReplyError: It is empty, all thinking, or a content filter stopped it. It has been charged already.
    """
    fault: Fault = "empty"
    why = "the reply is empty"
    if reply.finish == "filter":
        fault = "filtered"
        why = "its content filter stopped the answer" + (f" after {reply.text[:_SHOWN]!r}" if reply.text else "")
    elif (reply.text or "").strip():  # a caller's own client may say None
        return reply.text
    elif reply.finish == "length":
        fault = "thinking"
        why = f"it was cut off before it answered: its {reply.usage.output_tokens:,} output tokens went into thinking"
    raise LMReplyError(f"{lm.name}: {why}", reply.usage, reply.cost, fault)
