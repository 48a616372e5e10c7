"""Where a run gets what it asks for: from models and tools, or first from the record of the run that it was made from.

`Live` has nothing; `Playback` has the records of earlier runs. Both are asked at the same few places: the loop before a
request and around a cell, the asker and the broker before a call, approval before a decision. Each asks by the span of
an event that it has emitted already: what is looked up is what the trace says, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from rlm.differences import of_asked, of_code, of_messages, of_results, of_unasked
from rlm.errors import DivergedError, LMError, LMReplyError
from rlm.trace.events import (
    AnswerSet,
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    EstimateDecided,
    EstimateMade,
    Event,
    LimitReached,
    RecordLeft,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    ToolBegin,
    ToolEnd,
)
from rlm.trace.record import NOWHERE, Asked, Index, Node, Record, Requested, Turn
from rlm.trace.store import Trace
from rlm.types import JSON, Answer, Cell, CellResult, Message, Usage, usage_fields

# Seconds for a call to come that was answered earlier in the record: threads come in any order.
_ORDER = 0.25
# The most seconds between two answers that threads of one cell wait for.
_APART = 0.005
# Seconds for a cell to end of whose call the record has no answer, since the cell ended first.
_UNANSWERED = 10.0
# Seconds that an interrupted cell may take longer than it did.
_LATE = 1.0

_Place = tuple[Record, Turn]


class Left(Exception):  # noqa: N818 - not an error: how a run ends that leaves its record
    """Ends a run: it went another way than its record, or came to the end of one that it must not leave.

    It is no `RlmError`, which would reach the cell.

    Attributes:
        error: How it went another way; None at the end of the record.
    """

    def __init__(self, error: DivergedError | None) -> None:
        super().__init__(str(error or "the record ends here"))
        self.error = error


class Runner(Protocol):
    """What runs cells."""

    async def run(self, cell: Cell, *, deadline: float | None = None) -> CellResult: ...
    async def lose(self) -> None: ...


class Live:
    """Nothing is recorded.

    Attributes:
        seed: What `random` begins with in the workers; None: anything.
        digest: The digest that the input must have; None: any.
        origin: What the run was made from, as `RunBegin` has it.
    """

    seed: int | None = None
    digest: str | None = None
    origin: dict[str, JSON] | None = None

    def attach(self, trace: Trace, limit: float | None) -> None:
        """The run begins: with this trace and this limit of seconds."""

    def seconds(self) -> float | None:
        """The run's seconds, as its limit counts them; None: those of the clock."""
        return None

    def opening(self, span: int) -> list[Message] | None:
        """The messages that a node began with."""
        return None

    def reply(self, span: int) -> ReplyReceived | None:
        """The reply to the last request of a turn.

        Raises:
            LMError: The request failed.
            Left: The run ends here.
        """
        return None

    async def outcome(self, span: int, runner: Runner, cell: Cell, deadline: float | None) -> CellResult:
        """Runs a turn's cell, and compares what it did with what is recorded.

        Raises:
            SandboxError: No worker could be started.
            Left: The run ends here.
        """
        return await runner.run(cell, deadline=deadline)

    async def call(self, span: int) -> CallEnd | None:
        """How a sub-call ended.

        Raises:
            Left: The run ends here.
        """
        return None

    async def tool(self, span: int) -> ToolEnd | None:
        """How a tool ended.

        Raises:
            Left: The run ends here.
        """
        return None

    def skip(self, span: int) -> None:
        """A sub-call was answered with what a batch had left: so it was in the record."""

    def below(self, span: int) -> int:
        """The sub-calls that were made below a call which is served as a whole."""
        return 0

    def decision(self, span: int) -> tuple[EstimateMade, EstimateDecided] | None:
        """What was decided of an estimate."""
        return None


class Playback(Live):
    """A run that is served from records until they end.

    Args:
        records: Those of the runs that it was made from, the nearest first.
        origin: What it was made from, as `RunBegin` has it.
        live: Where it goes another way than recorded, it goes on, and does not end.
        replay: It ends where its record ends.
        names: Models of this run that have another name in the record.
        cell: A turn of the root's, and code for it in the place of its model's.
        redact: What the run redacts its trace with: what is compared are the strings of traces.
    """

    def __init__(
        self,
        records: Sequence[Record],
        origin: dict[str, JSON],
        *,
        live: bool = False,
        replay: bool = False,
        names: Mapping[str, str] | None = None,
        cell: tuple[int, str] | None = None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self.seed = records[0].begin.seed
        self.digest = records[0].begin.digest or None
        self.origin = origin
        self._records = records
        self._goes_on = live
        self._replay = replay
        self._cell = cell
        self._redact = redact
        self._index = Index(names)
        self._trace: Trace | None = None
        self._limit: float | None = None
        self._live_since: tuple[float, float] | None = None  # by the clock, and by the run's seconds
        self._new: dict[int, RequestSent | CallBegin | ToolBegin] = {}  # what is being asked, by its span
        self._nodes: dict[Node, list[tuple[Record, Node]]] = {}  # in the records
        self._orders: dict[Turn, _Order] = {}
        self._below: dict[int, int] = {}
        self._pool: dict[bytes, list[tuple[Record, Asked]]] | None = None  # once it went another way

    def attach(self, trace: Trace, limit: float | None) -> None:
        """The run begins."""
        self._trace, self._limit = trace, limit
        trace.subscribe(self._listen)

    def _listen(self, event: Event) -> None:
        self._index.add(event)
        match event:
            case RequestSent() | CallBegin() | ToolBegin():
                self._new[event.span] = event
            case CallEnd() | ToolEnd() | CellEnd():
                self._new.pop(event.span, None)
            case LimitReached():
                for record in self._records:
                    if record.line + 1 in record.limited:
                        record.line += 1

    def seconds(self) -> float | None:
        """While it is served, those of what comes next in the record: being served takes no time."""
        if self._live_since is not None:
            return self._live_since[1] + time.monotonic() - self._live_since[0]
        found = 0.0
        for record in self._records:
            line = min(record.line + 1, record.last)
            found = max(found, record.seconds(line))
            if line in record.limited:  # the clock was looked at between two events
                found = max(found, self._limit or 0.0)
        return found

    # The same place in the records ---------------------------------------------------------------------------------

    def _same_nodes(self, node: Node) -> list[tuple[Record, Node]]:
        if (found := self._nodes.get(node)) is None:
            if node.parent is None:
                roots = ((record, record.index.root) for record in self._records)
                found = [(record, root) for record, root in roots if root is not None]
            else:
                found = self._same_children(node.parent)
            self._nodes[node] = found
        return found

    def _same_children(self, asked: Asked) -> list[tuple[Record, Node]]:
        """The nodes that this call started: those that had not come to an answer, since else it has been served."""
        found = []
        for record, turn in self._same_turns(asked.turn):
            for one in turn.asked.get(asked.key, ()):
                if one.child is not None and not one.taken and (one.end == NOWHERE or one.failed):
                    one.taken = True
                    found.append((record, one.child))
                    break
        return found

    def _same_turns(self, turn: Turn) -> list[_Place]:
        found = [(record, node.turns[turn.place]) for record, node in self._same_nodes(turn.node) if _has(node, turn)]
        return [(record, same) for record, same in found if same.wrap_up == turn.wrap_up]

    def _differ(self, turn: Turn, what: str) -> None:
        """Here the run goes another way: it ends, or this node goes on without a record.

        Raises:
            Left: It ends.
        """
        if not self._goes_on:
            where = f"turn {turn.number}" + (" of a child" if turn.node.parent is not None else "")
            hint = "" if self._replay else "; live=True, or --live, goes on from there"
            raise Left(DivergedError(f"{where} went another way than recorded: {what}{hint}", turn.number, what))
        self._nodes[turn.node] = []
        if self._pool is None:
            self._pool = _untaken(self._records)
            self._go_live(turn, what)

    def _go_live(self, turn: Turn, difference: str | None = None) -> None:
        """From here on there is nothing in the record of this node, or of this turn.

        Raises:
            Left: The run must not go on without one.
        """
        if self._replay:
            raise Left(None)
        if self._live_since is not None and difference is None:
            return
        assert self._trace is not None
        seconds = self.seconds() or 0.0
        self._live_since = self._live_since or (time.monotonic(), seconds)
        self._trace.emit(
            RecordLeft(t=self._trace.now(), span=turn.span, difference=difference, seconds=round(seconds, 6))
        )

    # Requests ------------------------------------------------------------------------------------------------------

    def opening(self, span: int) -> list[Message] | None:
        """The recorded ones: wordings may have changed since, and other limits and models say other things."""
        for record, node in self._same_nodes(self._index.nodes[span]):
            if node.turns and node.turns[0].requests:
                first = cast(RequestSent, record.load(node.turns[0].requests[0].line))
                messages = cast("list[dict[str, str]]", first.messages)
                return [Message(one["role"], one["content"]) for one in messages]  # type: ignore[arg-type]
        return None

    def reply(self, span: int) -> ReplyReceived | None:
        """The reply to the last request of a turn, matched by its whole conversation."""
        turn = self._index.turns[span]
        request = turn.requests[-1]
        if len(turn.requests) == 1:
            self._align(turn)
        nth = sum(one.digest == request.digest for one in turn.requests) - 1
        for record, same in self._same_turns(turn):
            requests = [one for one in same.requests if one.digest == request.digest]
            if nth < len(requests) and (event := _reply(record, same, requests[nth])) is not None:
                return event
        self._go_live(turn)
        if self._cell is None or turn.node is not self._index.root or turn.number != self._cell[0]:
            return None
        return _edited(self._cell[1])

    def _align(self, turn: Turn) -> None:
        """From here on, leaves out the records where this node's conversation was another one."""
        places = [(record, same) for record, same in self._same_turns(turn) if same.requests]
        equal = [same for _, same in places if same.requests[0].digest == turn.requests[0].digest]
        if len(equal) == len(places):
            return
        if not equal:
            record, same = places[0]
            sent = cast(RequestSent, record.load(same.requests[0].line))
            self._differ(turn, of_messages(sent.messages, cast(RequestSent, self._new[turn.span]).messages))
            return
        others = {same.node for _, same in places if same not in equal}
        self._nodes[turn.node] = [one for one in self._nodes[turn.node] if one[1] not in others]

    # Cells ---------------------------------------------------------------------------------------------------------

    async def outcome(self, span: int, runner: Runner, cell: Cell, deadline: float | None) -> CellResult:
        """Runs a turn's cell; where it did what it did before, the result is the recorded one, its seconds too."""
        turn = self._index.turns[span]
        places = [(record, same) for record, same in self._same_turns(turn) if same.cell != NOWHERE]
        if places and places[0][1].code != turn.code:
            record, same = places[0]
            self._differ(turn, of_code(cast(CellBegin, record.load(same.cell)).code, cell.code))
            places = []
        if (place := _ended(places)) is None:
            self._go_live(turn)
            result = await runner.run(cell, deadline=deadline)
            return replace(result, resumed=bool(places))
        record, same = place
        before = _result(record, same)
        if before.lost is not None:  # as it left things: without a name
            await runner.lose()
            record.line = max(record.line, same.end)
            return before
        if before.interrupted:
            latest = time.monotonic() + before.seconds + _LATE
            deadline = latest if deadline is None else min(deadline, latest)
        result = await runner.run(cell, deadline=deadline)
        if not self._nodes.get(turn.node):  # it went another way while it ran
            return result
        what = of_results(before, self._shown(result, before)) or (None if same.interrupted else _unasked(record, same))
        if what is not None:
            self._differ(turn, what)
            return result
        record.line = max(record.line, same.end, same.answer)
        return before

    def _shown(self, result: CellResult, before: CellResult) -> CellResult:
        """A result as the trace has it, which tells the true size of an output that is redacted."""
        if self._redact is None:
            return result
        answer = result.answer
        if answer is not None and isinstance(answer.value, str):
            answer = replace(answer, value=self._redact(answer.value))
        error = None if result.error is None else self._redact(result.error)
        output, size = self._redact(result.output), before.output_size
        return replace(result, output=output, output_size=size, error=error, answer=answer)

    # Calls and tools -----------------------------------------------------------------------------------------------

    async def call(self, span: int) -> CallEnd | None:
        """How a sub-call ended, matched by its key and occurrence."""
        return cast("CallEnd | None", await self._end_of(span))

    async def tool(self, span: int) -> ToolEnd | None:
        """How a tool ended, matched by its key and occurrence."""
        return cast("ToolEnd | None", await self._end_of(span))

    async def _end_of(self, span: int) -> CallEnd | ToolEnd | None:
        asked = self._index.asked[span]
        turn = asked.turn
        places = self._same_turns(turn)
        ended = _ended(places)
        failures = ended is not None or asked.is_tool  # a call that failed in a cell which was cut off is made again
        taken = _take(asked.key, places, failures=failures) or self._take_any(asked.key)
        if taken is not None:
            record, one = taken
            if ended is not None and one.turn is ended[1]:
                if turn not in self._orders:
                    self._orders[turn] = _Order(*ended)
                await self._orders[turn].due(one)
            record.line = max(record.line, one.end)
            if one.child is not None:
                self._below[span] = one.child.calls()
            return cast("CallEnd | ToolEnd", record.load(one.end))
        if ended is None:
            self._go_live(turn)
            return None
        open_ = next((one for one in ended[1].asked.get(asked.key, ()) if not one.taken), None)
        if open_ is not None:
            open_.taken = True
            await asyncio.sleep(_UNANSWERED)
        if not ended[1].interrupted:
            self._differ(turn, of_asked(self._new[span], waits=open_ is not None))
        else:
            self._go_live(turn)
        return None

    def _take_any(self, key: bytes) -> tuple[Record, Asked] | None:
        """Once the run has gone another way: what any turn of the record has."""
        for record, one in (self._pool or {}).get(key, ()):
            if not one.taken:
                one.taken = True
                return record, one
        return None

    def skip(self, span: int) -> None:
        """A sub-call was answered with what a batch had left."""
        asked = self._index.asked[span]
        _take(asked.key, self._same_turns(asked.turn), failures=False)

    def below(self, span: int) -> int:
        """The sub-calls that were made below a call which is served as a whole."""
        return self._below.pop(span, 0)

    def decision(self, span: int) -> tuple[EstimateMade, EstimateDecided] | None:
        """What was decided of an estimate: the user is not asked twice."""
        asked = self._index.asked[span]
        taken = _take(asked.key, self._same_turns(asked.turn), failures=True)
        if taken is None:
            return None
        record, one = taken
        return cast(EstimateMade, record.load(one.line)), cast(EstimateDecided, record.load(one.end))


class _Order:
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
            await asyncio.wait([turn], timeout=_ORDER)
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


def _has(node: Node, turn: Turn) -> bool:
    return turn.place < len(node.turns)


def _ended(places: Sequence[_Place]) -> _Place | None:
    """Where the cell has an outcome."""
    return next((place for place in places if place[1].end != NOWHERE), None)


def _take(key: bytes, places: Sequence[_Place], *, failures: bool) -> tuple[Record, Asked] | None:
    """The next of those that have an end; its copies in earlier records are taken with it."""
    for number, (record, turn) in enumerate(places):
        same = turn.asked.get(key, [])
        while same and same[0].taken:
            del same[0]
        for one in same:
            if one.taken or one.end == NOWHERE or (one.failed and not failures):
                continue
            one.taken = True
            if one.copied and (copy := _take(key, places[number + 1 :], failures=failures)) is not None:
                one.child = one.child or copy[1].child
            return record, one
    return None


def _untaken(records: Sequence[Record]) -> dict[bytes, list[tuple[Record, Asked]]]:
    """All that the records have and was not served yet; failures of models are not worth having again."""
    pool: dict[bytes, list[tuple[Record, Asked]]] = {}
    for record in records:
        for one in record.index.all_asked():
            if not (one.taken or one.copied or one.end == NOWHERE or (one.failed and not one.is_tool)):
                pool.setdefault(one.key, []).append((record, one))
    return pool


def _unasked(record: Record, turn: Turn) -> str | None:
    """What the cell did not ask this time, in words."""
    left = [one for one in turn.each() if not one.taken and one.end != NOWHERE and not one.is_estimate]
    return of_unasked(record.load(min(left, key=lambda one: one.line).line), len(left)) if left else None


def _reply(record: Record, turn: Turn, request: Requested) -> ReplyReceived | None:
    """What is recorded of a request; None where nothing is, or a failure with which the record ends.

    Raises:
        LMError: The request failed.
    """
    reply = None if request.reply == NOWHERE else cast(ReplyReceived, record.load(request.reply))
    if request.failed == NOWHERE:
        if reply is not None:
            record.line = max(record.line, request.reply)
        return reply
    if reply is None and request.number == turn.node.requests:
        return None
    record.line = max(record.line, request.failed)
    failed = cast(RequestFailed, record.load(request.failed))
    if failed.fault is None:
        raise LMError(failed.error)
    usage = None if reply is None else Usage(**cast("dict[str, int]", reply.usage))
    raise LMReplyError(failed.error, usage, None if reply is None else reply.cost, failed.fault)


def _edited(code: str) -> ReplyReceived:
    """A reply of nobody's that holds `code`."""
    ticks = "```"
    while ticks in code:
        ticks += "`"
    usage = usage_fields(Usage())
    text = f"{ticks}repl\n{code.rstrip()}\n{ticks}"
    return ReplyReceived(text=text, finish="stop", usage=usage, cost=0.0, retries=0, seconds=0.0, model="edited")


def _result(record: Record, turn: Turn) -> CellResult:
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
