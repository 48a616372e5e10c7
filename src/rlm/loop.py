"""One node of the call tree: ask the model, run its cell, show it the output, until a cell answers.

The conversation only ever grows at its end, so a request begins with the last one's bytes. An answer counts only if
executed code gave it. Where a limit is reached, the model gets one last turn, with the cells' names still there, to
answer with what it has; the node's result is then `partial`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from rlm.asking import check_fits, retries_told, usable, usual_output, with_room
from rlm.errors import LimitError, LMError, LMReplyError, RlmError, SandboxError
from rlm.ledger import Hold, Ledger
from rlm.lms.base import LEAST_OUTPUT, LM, estimate_tokens
from rlm.parse import parse
from rlm.playback import Live
from rlm.prompts.profiles import Profile
from rlm.trace.events import (
    AnswerSet,
    CellBegin,
    CellEnd,
    LimitReached,
    NodeEnd,
    Nudge,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    TurnBegin,
)
from rlm.trace.store import Trace
from rlm.types import JSON, Answer, Cell, CellResult, Message, Reply, Request, Status, Usage, usage_fields

# The wrap-up's cell only puts together what is there.
_WRAP_UP_SECONDS = 10.0
_CUT_OFF = "Your reply was cut off before its code block ended, so nothing ran. Write a shorter cell."
_ALL_THINKING = "Your thinking took all the room that a reply has, so nothing ran. Think less, and write a cell."
# Where the model can't be asked for an answer: what the cells' names hold is worth more than nothing.
_LEFT = Cell("answer['content'] = __variables__() or ''")


class CellRunner(Protocol):
    """What the loop needs of a session."""

    async def run(self, cell: Cell, *, deadline: float | None = None) -> CellResult: ...
    async def lose(self) -> None: ...


class CallGate(Protocol):
    """What the loop needs of the broker: which turn its calls belong to, and that they can be ended."""

    span: int
    closed: LimitError | None


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """A conversation with a model, and how far it has come.

    Attributes:
        conversation: The messages so far, the opening ones to begin with.
        best: The last answer that was given, final or not.
        turns: Turns so far.
        sent: How many messages the trace has already.
        outcome: How it ended, once it has.
        stop: Strings that end a reply, as its model's profile says.
        fields: More fields of each request, as its model's profile says.
        playback: What an earlier run was answered, and did.
    """

    span: int
    lm: LM
    ledger: Ledger
    trace: Trace
    conversation: list[Message]
    best: Answer | None = None
    turns: int = 0
    sent: int = 0
    outcome: Outcome | None = None
    stop: tuple[str, ...] = ()
    fields: Mapping[str, JSON] = field(default_factory=dict)
    playback: Live = field(default_factory=Live)


@dataclass(slots=True, kw_only=True)
class Node(Dialogue):
    """A node of the call tree, as the engine puts it together: a dialogue whose model runs cells."""

    profile: Profile
    session: CellRunner
    calls: CallGate


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a node ended."""

    answer: Answer | None
    status: Status
    reason: str
    turns: int


async def run_node(node: Node) -> Outcome:
    """Runs a node to its end.

    Raises:
        LMError, SandboxError: Its model or its sandbox failed before anything was paid for; later on that is a
            `partial` or `failed` outcome.
    """
    try:
        try:
            await _turns(node)
            outcome = Outcome(node.best, "done", "", node.turns)
        except LimitError as error:
            outcome = cut_short(node, await _wrap_up(node, error))
    except LMError as error:
        if node.ledger.usage.calls == 0:
            raise
        outcome = cut_short(node, await _without_model(node, str(error)))
    except SandboxError as error:
        outcome = _failed(node, error)
    return finish(node, outcome)


async def run_direct(dialogue: Dialogue) -> Outcome:
    """A plain call: the model's reply is the answer.

    Raises:
        LMError: The model failed before anything was paid for.
    """
    try:
        span = _begin_turn(dialogue, 1)
        reply = await _ask(dialogue, span)
        dialogue.turns = 1
        dialogue.best = Answer(reply.text) if reply.text else None
        whole = reply.finish == "stop"
        outcome = Outcome(dialogue.best, "done", "", 1) if whole else cut_short(dialogue, "the reply was cut off")
        _tell_answer(dialogue, span)
    except LimitError as error:
        _tell_limit(dialogue, error)
        outcome = cut_short(dialogue, str(error))
    except LMError as error:
        outcome = _failed(dialogue, error)
    return finish(dialogue, outcome)


def _failed(dialogue: Dialogue, error: RlmError) -> Outcome:
    """The outcome where a provider or a sandbox failed; raises `error` if nothing was paid for yet."""
    if dialogue.ledger.usage.calls == 0:
        raise error
    return cut_short(dialogue, str(error))


def cut_short(node: Dialogue, reason: str) -> Outcome:
    """The outcome of a node that did not come to its own end: the best answer that it has, if any."""
    return Outcome(node.best, "partial" if node.best else "failed", reason, node.turns)


def finish(node: Dialogue, outcome: Outcome) -> Outcome:
    """Tells the trace how a node ended: once."""
    node.outcome = outcome
    node.trace.emit(
        NodeEnd(
            t=node.trace.now(),
            span=node.span,
            status=outcome.status,
            reason=outcome.reason,
            turns=outcome.turns,
            usage=usage_fields(node.ledger.usage),
            cost=node.ledger.cost,
        )
    )
    return outcome


async def _turns(node: Node) -> None:
    """Turn after turn, until a cell has answered."""
    nudges = 0
    limits = node.ledger.limits
    while node.turns < limits.turns:
        span = _begin_turn(node, node.turns + 1)
        try:
            cell, nudge = await _next_cell(node, span)
            why = ""
        except LMReplyError as error:
            if error.usage is None:  # no reply of a model's at all, but a wrong URL, say
                raise
            node.conversation.append(Message("assistant", "(no reply)"))
            nudge = _ALL_THINKING if error.fault == "thinking" else node.profile.nudge()
            cell, why = None, f"; the last: {error}"
        if cell is None:
            nudges += 1
            if nudges > limits.nudges:
                raise LimitError("nudges", f"the model wrote no cell in {nudges} replies{why}")
            node.trace.emit(Nudge(t=node.trace.now(), span=span, message=nudge))
            node.conversation.append(Message("user", nudge))
            continue
        node.turns += 1
        left = node.ledger.seconds_left()
        result = await _run_cell(node, span, cell, left)
        if node.best and node.best.ready:
            return
        node.conversation.append(Message("user", node.profile.output(result, limits)))
        node.ledger.check_seconds()
    raise LimitError("turns", f"the limit of {limits.turns} turns is reached")


async def _next_cell(node: Node, span: int) -> tuple[Cell | None, str]:
    """Asks the model; its cell, or what to answer a reply that has none."""
    reply = await _ask(node, span)
    parsed = parse(reply.text, bare_final=node.profile.bare_final, fences=node.profile.fences)
    node.conversation.append(Message("assistant", parsed.text or "(no reply)"))
    if reply.finish == "length" and parsed.dropped == 0:
        # The code may end anywhere: half a cell can do the opposite of the whole one.
        return None, _CUT_OFF
    return parsed.cell, node.profile.nudge()


async def _ask(node: Dialogue, span: int, *, wrap_up: bool = False) -> Reply:
    """One reply of the node's model; one that was cut off is asked again once, with more room."""
    size = sum(estimate_tokens(message.content) for message in node.conversation)
    check_fits(node.lm, size, "the conversation", "ask a shorter question, or show less of outputs (output_chars)")

    async def request(max_tokens: int | None, least: int) -> Reply:
        return await _request(node, span, size, max_tokens, least, wrap_up)

    reply = await request(None, LEAST_OUTPUT) if wrap_up else await with_room(request, node.lm, size)
    return replace(reply, text=usable(reply, node.lm))


async def _request(node: Dialogue, span: int, size: int, max_tokens: int | None, least: int, wrap_up: bool) -> Reply:
    held: Hold | None = None
    began = time.monotonic()
    usual = usual_output(node.lm, size)
    wrap_up = wrap_up and node.ledger.parent is None  # the reserve is the root's
    try:
        async with (
            node.ledger.in_time(wrap_up=wrap_up),
            node.ledger.hold(size, max_tokens, node.lm.price, wrap_up=wrap_up, least=least, usual=usual) as held,
        ):
            new: list[JSON] = [{"role": m.role, "content": m.content} for m in node.conversation[node.sent :]]
            node.sent = len(node.conversation)
            node.trace.emit(RequestSent(t=node.trace.now(), span=span, messages=new, max_tokens=held.max_tokens))
            began = time.monotonic()
            if (before := node.playback.reply(span)) is not None:
                return _again(node, span, before)
            asked = Request(tuple(node.conversation), held.max_tokens, stop=node.stop, fields=node.fields)
            with retries_told(node.trace, span):
                reply = await node.lm.complete(asked)
            cost = node.ledger.charge(reply, node.lm.price)
    except LMError as error:
        if isinstance(error, LMReplyError) and held is not None and held.booked is not None:
            usage, cost = held.booked
            _tell_reply(node, span, Reply("", usage, cost), began)
        _tell_failure(node, span, error, began)
        raise
    reply = replace(reply, text=reply.text or "", cost=cost)  # a caller's own client may say None
    _tell_reply(node, span, reply, began)
    return reply


def _again(node: Dialogue, span: int, before: ReplyReceived) -> Reply:
    """The reply that an earlier run had; it is charged as it was then."""
    usage = Usage(**cast("dict[str, int]", before.usage))
    node.ledger.book(usage, before.cost)
    node.trace.emit(replace(before, t=node.trace.now(), span=span, source="recorded"))
    return Reply(before.text, usage, before.cost, before.finish, before.model, before.retries)


def _tell_reply(node: Dialogue, span: int, reply: Reply, began: float) -> None:
    node.trace.emit(
        ReplyReceived(
            t=node.trace.now(),
            span=span,
            text=reply.text,
            finish=reply.finish,
            usage=usage_fields(reply.usage),
            cost=reply.cost,
            retries=reply.retries,
            seconds=round(time.monotonic() - began, 6),
            model=reply.model,
        )
    )


def _tell_failure(node: Dialogue, span: int, error: LMError, began: float) -> None:
    now, seconds = node.trace.now(), round(time.monotonic() - began, 6)
    fault = error.fault if isinstance(error, LMReplyError) else None
    node.trace.emit(RequestFailed(t=now, span=span, error=str(error), fault=fault, seconds=seconds))


async def _run_cell(node: Node, span: int, cell: Cell, seconds: float | None) -> CellResult:
    node.trace.emit(CellBegin(t=node.trace.now(), span=span, code=cell.code))
    node.calls.span = span
    deadline = None if seconds is None else time.monotonic() + seconds
    result = await node.playback.outcome(span, node.session, cell, deadline)
    node.trace.emit(
        CellEnd(
            t=node.trace.now(),
            span=span,
            output=result.output,
            output_size=result.output_size,
            shown=node.profile.shown(result, node.ledger.limits),
            error=result.error,
            interrupted=result.interrupted,
            lost=result.lost,
            seconds=round(result.seconds, 6),
            resumed=result.resumed,
        )
    )
    if result.answer is not None:
        node.best = result.answer
        _tell_answer(node, span)
    return result


def _tell_answer(node: Dialogue, span: int) -> None:
    if (answer := node.best) is not None:
        node.trace.emit(
            AnswerSet(t=node.trace.now(), span=span, value=answer.value, is_repr=answer.is_repr, ready=answer.ready)
        )


def _tell_limit(node: Dialogue, error: LimitError) -> None:
    node.trace.emit(LimitReached(t=node.trace.now(), span=node.span, limit=error.limit, message=str(error)))


async def _wrap_up(node: Node, error: LimitError) -> str:
    """One last turn on the reserve: the model may still answer with what its variables hold.

    Returns:
        Why the node did not come to its own end.
    """
    _tell_limit(node, error)
    node.calls.closed = LimitError(error.limit, f"the run is ending, no more sub-calls: {error}")
    if error.limit == "nudges":
        return str(error)  # one more request would go the same way
    if node.ledger.parent is not None and error.limit != "turns":
        return str(error)  # the reserve is the root's
    span = _begin_turn(node, node.turns + 1, wrap_up=True)
    node.conversation.append(Message("user", node.profile.wrap_up(str(error))))
    try:
        reply = await _ask(node, span, wrap_up=True)
    except LimitError:  # there is no room for it: what the cells gave so far has to do
        return str(error) if node.best else await _without_model(node, str(error), span)
    except LMError as failure:
        return await _without_model(node, f"{error}, and the model gave no last answer: {failure}", span)
    parsed = parse(reply.text, bare_final=node.profile.bare_final, fences=node.profile.fences)
    if parsed.cell is not None:
        node.turns += 1
        await _run_last(node, span, parsed.cell)
    return str(error)


async def _without_model(node: Node, why: str, span: int | None = None) -> str:
    """The last answer where the model can't be asked for one: what the cells had set, or what their variables hold.

    Returns:
        `why`, and that it is such an answer.
    """
    if node.best is not None:
        return f"{why}; the answer is what the cells had set so far"
    if node.ledger.parent is not None or node.turns == 0:
        return why  # a parent asked for an answer, and can't tell one from a list of variables
    node.calls.closed = LimitError("turns", f"the run is ending, no more sub-calls: {why}")
    try:
        await _run_last(node, span or _begin_turn(node, node.turns + 1, wrap_up=True), _LEFT)
    except SandboxError:
        return why
    return f"{why}; no cell had set an answer, so it is what their variables held" if node.best else why


async def _run_last(node: Node, span: int, cell: Cell) -> None:
    left = node.ledger.seconds_left(wrap_up=node.ledger.parent is None)
    await _run_cell(node, span, cell, _WRAP_UP_SECONDS if left is None else min(left, _WRAP_UP_SECONDS))


def _begin_turn(node: Dialogue, turn: int, *, wrap_up: bool = False) -> int:
    if not wrap_up:
        node.ledger.check_seconds()
    span = node.trace.new_span()
    node.trace.emit(TurnBegin(t=node.trace.now(), span=span, parent=node.span, turn=turn, wrap_up=wrap_up))
    return span
