"""A run that is served from the records of earlier runs, until they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from rlm.differences import of_asked, of_code, of_messages, of_results
from rlm.errors import DivergedError
from rlm.order import Order
from rlm.playback import Left, Live, Runner
from rlm.recorded import Place, edited, ended, reply_of, result_of, take, unasked, untaken
from rlm.trace.events import (
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
    RequestSent,
    ToolBegin,
    ToolEnd,
)
from rlm.trace.record import NOWHERE, Asked, Index, Node, Record, Turn
from rlm.trace.store import Trace
from rlm.types import JSON, Cell, CellResult, Message

# Seconds for a cell to end of whose call the record has no answer, since the cell ended first.
_UNANSWERED = 10.0
# Seconds that an interrupted cell may take longer than it did.
_LATE = 1.0


class Playback(Live):
    """A run that is served from records until they end.

    Args:
        records: Those of the runs that it was made from, the nearest first.
        origin: What it was made from, as `RunBegin` has it.
        live: Where it goes another way than recorded, it goes on, and does not end.
        replay: It ends where its record ends.
        earlier: It is a question before the one that is asked, for what its cells leave: it ends where its record ends,
            children that had their answer are not run again, and with `live` a cell that did something else is passed
            over: the recorded result stays.
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
        earlier: bool = False,
        cell: tuple[int, str] | None = None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self.seed = records[0].begin.seed
        self.digest = records[0].begin.digest or None
        self.files = records[0].begin.files
        self.origin = origin
        self.passed_over: str | None = None  # how a cell went another way, and the run did not
        self._records = records
        self._goes_on = live and not earlier
        self._passes_over = live and earlier
        self._replay = replay
        self._earlier = earlier
        self._cell = cell
        self._redact = redact
        self._index = Index()
        self._trace: Trace | None = None
        self._limit: float | None = None
        self._live_since: tuple[float, float] | None = None  # by the clock, and by the run's seconds
        self._new: dict[int, RequestSent | CallBegin | ToolBegin] = {}  # what is being asked, by its span
        self._nodes: dict[Node, list[tuple[Record, Node]]] = {}  # in the records
        self._children: dict[Asked, list[tuple[Record, Node]]] = {}  # that are run again though they had ended
        self._orders: dict[Turn, Order] = {}
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
                found = self._children.pop(node.parent, None) or self._same_children(node.parent)
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

    def _same_turns(self, turn: Turn) -> list[Place]:
        found = [(record, node.turns[turn.place]) for record, node in self._same_nodes(turn.node) if _has(node, turn)]
        return [(record, same) for record, same in found if same.wrap_up == turn.wrap_up]

    def _differ(self, turn: Turn, what: str, *, harmless: bool = False) -> None:
        """Here the run goes another way: it ends, or this node goes on without a record.

        Args:
            turn: The turn.
            what: How, in words.
            harmless: Whether that could be passed over in an earlier question.

        Raises:
            Left: It ends.
        """
        if not self._goes_on:
            hint = "; live=True, or --live, goes on from there" if self._may_be_live(harmless) else ""
            told = f"{_where(turn)} went another way than recorded: {what}{hint}"
            raise Left(DivergedError(told, turn.number, what))
        self._nodes[turn.node] = []
        if self._pool is None:
            self._pool = untaken(self._records)
            self._go_live(turn, what)

    def _may_be_live(self, harmless: bool) -> bool:
        """Whether the run would go on from here, had `live` been asked for."""
        if self.origin is None or self.origin["way"] == "replay":
            return False
        return (harmless and not self._passes_over) if self._earlier else True

    def _go_live(self, turn: Turn, difference: str | None = None) -> None:
        """From here on there is nothing in the record of this node, or of this turn.

        Raises:
            Left: The run must not go on without one.
        """
        if self._replay or self._earlier:
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
            last = self._earlier  # its failure is how it ended
            if nth < len(requests) and (event := reply_of(record, same, requests[nth], last=last)) is not None:
                return event
        self._go_live(turn)
        if self._cell is None or turn.node is not self._index.root or turn.number != self._cell[0]:
            return None
        return edited(self._cell[1])

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
        if (place := ended(places)) is None:
            self._go_live(turn)
            result = await runner.run(cell, deadline=deadline)
            return replace(result, resumed=bool(places))
        record, same = place
        before = result_of(record, same)
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
        self._orders.pop(turn, None)
        if record.cut_off and same.end == record.last:  # before its answer was told, which is the next line
            before = replace(before, answer=result.answer)
        what = of_results(before, self._shown(result, before)) or (None if same.interrupted else unasked(record, same))
        if what is not None and not self._pass_over(turn, result, what):
            self._differ(turn, what, harmless=result.lost is None and not result.interrupted)
            return result
        record.line = max(record.line, same.end, same.answer)
        return before

    def _pass_over(self, turn: Turn, result: CellResult, what: str) -> bool:
        """Whether what a cell did is of no matter, since it came to its end: what was answered then stays."""
        if not self._passes_over or result.lost is not None or result.interrupted:
            return False
        self.passed_over = self.passed_over or f"{_where(turn)}: {what}"
        self._pool = self._pool or untaken(self._records)
        return True

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
        outcome = ended(places)
        failures = outcome is not None or asked.is_tool  # a call that failed in a cell which was cut off is made again
        taken = take(asked.key, places, failures=failures) or self._take_any(asked.key)
        if taken is not None:
            record, one = taken
            if self._replay and one.child is not None and not one.copied:  # its cells are run again too
                self._children[asked] = [(record, one.child)]
                return None
            if outcome is not None and one.turn is outcome[1]:
                if turn not in self._orders:
                    self._orders[turn] = Order(*outcome)
                await self._orders[turn].due(one)
            record.line = max(record.line, one.end)
            if one.child is not None:
                self._below[span] = one.child.calls()
            return cast("CallEnd | ToolEnd", record.load(one.end))
        if outcome is None:
            self._go_live(turn)
            return None
        if outcome[1].interrupted:  # which it will be again: what it asks in between would be paid for nothing
            await asyncio.Event().wait()
        open_ = next((one for one in outcome[1].asked.get(asked.key, ()) if not one.taken), None)
        if open_ is not None:
            open_.taken = True
            await asyncio.sleep(_UNANSWERED)
        self._differ(turn, of_asked(self._new[span], waits=open_ is not None))
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
        take(asked.key, self._same_turns(asked.turn), failures=False)

    def below(self, span: int) -> int:
        """The sub-calls that were made below a call which is served as a whole."""
        return self._below.pop(span, 0)

    def decision(self, span: int) -> tuple[EstimateMade, EstimateDecided] | None:
        """What was decided of an estimate: the user is not asked twice."""
        asked = self._index.asked[span]
        taken = take(asked.key, self._same_turns(asked.turn), failures=True)
        if taken is None:
            return None
        record, one = taken
        return cast(EstimateMade, record.load(one.line)), cast(EstimateDecided, record.load(one.end))


def _where(turn: Turn) -> str:
    return f"turn {turn.number}" + (" of a child" if turn.node.parent is not None else "")


def _has(node: Node, turn: Turn) -> bool:
    return turn.place < len(node.turns)
