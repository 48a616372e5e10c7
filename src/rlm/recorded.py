"""What records have at one place of a run: found, taken once, and made into what a run goes on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

from rlm.differences import of_unasked
from rlm.errors import LMError, LMReplyError
from rlm.trace.events import AnswerSet, CellEnd, ReplyReceived, RequestFailed
from rlm.trace.record import NOWHERE, Asked, Record, Requested, Turn
from rlm.types import Answer, CellResult, Usage, usage_fields

# A turn in a record.
Place: TypeAlias = tuple[Record, Turn]


def ended(places: Sequence[Place]) -> Place | None:
    """Where the cell has an outcome."""
    return next((place for place in places if place[1].end != NOWHERE), None)


def take(key: bytes, places: Sequence[Place], *, failures: bool) -> tuple[Record, Asked] | None:
    """The next of those that have an end; its copies in earlier records are taken with it."""
    for number, (record, turn) in enumerate(places):
        same = turn.asked.get(key, [])
        while same and same[0].taken:
            del same[0]
        for one in same:
            if one.taken or one.end == NOWHERE or (one.failed and not failures):
                continue
            one.taken = True
            if one.copied and (copy := take(key, places[number + 1 :], failures=failures)) is not None:
                one.child = one.child or copy[1].child
            return record, one
    return None


def untaken(records: Sequence[Record]) -> dict[bytes, list[tuple[Record, Asked]]]:
    """All that the records have and was not served yet; failures of models are not worth having again."""
    pool: dict[bytes, list[tuple[Record, Asked]]] = {}
    for record in records:
        for one in record.index.all_asked():
            if not (one.taken or one.copied or one.end == NOWHERE or (one.failed and not one.is_tool)):
                pool.setdefault(one.key, []).append((record, one))
    return pool


def unasked(record: Record, turn: Turn) -> str | None:
    """What the cell did not ask this time, in words."""
    left = [one for one in turn.each() if not one.taken and one.end != NOWHERE and not one.is_estimate]
    return of_unasked(record.load(min(left, key=lambda one: one.line).line), len(left)) if left else None


def reply_of(record: Record, turn: Turn, request: Requested, *, last: bool) -> ReplyReceived | None:
    """What is recorded of a request; None where nothing is, or, but with `last`, a failure with which the record ends.

    Raises:
        LMError: The request failed.
    """
    reply = None if request.reply == NOWHERE else cast(ReplyReceived, record.load(request.reply))
    if request.failed == NOWHERE:
        if reply is not None:
            record.line = max(record.line, request.reply)
        return reply
    if reply is None and request.number == turn.node.requests and not last:
        return None
    record.line = max(record.line, request.failed)
    failed = cast(RequestFailed, record.load(request.failed))
    if failed.fault is None:
        raise LMError(failed.error)
    usage = None if reply is None else Usage(**cast("dict[str, int]", reply.usage))
    raise LMReplyError(failed.error, usage, None if reply is None else reply.cost, failed.fault)


def edited(code: str) -> ReplyReceived:
    """A reply of nobody's that holds `code`."""
    ticks = "```"
    while ticks in code:
        ticks += "`"
    usage = usage_fields(Usage())
    text = f"{ticks}repl\n{code.rstrip()}\n{ticks}"
    return ReplyReceived(text=text, finish="stop", usage=usage, cost=0.0, retries=0, seconds=0.0, model="edited")


def result_of(record: Record, turn: Turn) -> CellResult:
    """The recorded outcome of a turn's cell."""
    end = cast(CellEnd, record.load(turn.end))
    answer = None if turn.answer == NOWHERE else cast(AnswerSet, record.load(turn.answer))
    return CellResult(
        output=end.output,
        output_size=end.output_size,
        error=end.error,
        answer=None if answer is None else Answer(answer.value, answer.is_repr, answer.ready),
        seconds=end.seconds,
        interrupted=end.interrupted,
        lost=end.lost,
        resumed=end.resumed,
    )
