"""What a run's trace has for another run to be served: replies, sub-calls, results of tools, outcomes of cells.

`Index` is fed events and keeps what they are known by: digests, and the lines where they stand. It keeps no string of
a trace, so the record of a large run is small: some 500 bytes a sub-call. A run that is served from a record feeds an
index of its own with its own events, and the two are compared.

Nodes are the same if they have the same place: the root, or the child that the same call started. Turns are counted in
their node. What a turn's cell asked is known by its key (what it depends on) and, where a cell asks the same thing more
than once, by its occurrence in that turn: sub-calls come from threads in any order.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from rlm.errors import ConfigError
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
    NodeBegin,
    RecordLeft,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    RunBegin,
    RunEnd,
    ToolBegin,
    ToolEnd,
    TurnBegin,
)
from rlm.trace.reader import Reader, TraceError, one_event
from rlm.types import JSON

NOWHERE = -1


@dataclass(slots=True, eq=False)
class Asked:
    """Something that a turn's cell asked: a sub-call, a tool, or whether a batch may be sent.

    Attributes:
        key: What it depends on, as a digest.
        turn: The turn.
        alone: Whether a cell waits for it alone, and not for a batch or a map.
        line: Where it begins.
        end: Where it ends; `NOWHERE` if it has no end, or was cancelled.
        failed: Whether it ended in an error.
        copied: Whether it was served from an earlier record.
        child: The node that it started.
        taken: Whether it has been served.
    """

    key: bytes
    turn: Turn
    line: int
    alone: bool
    end: int = NOWHERE
    failed: bool = False
    copied: bool = False
    child: Node | None = None
    taken: bool = False

    @property
    def is_tool(self) -> bool:
        """Whether it called a tool."""
        return self.key[:1] == _TOOL

    @property
    def is_estimate(self) -> bool:
        """Whether it asked to send a batch."""
        return self.key[:1] == _ESTIMATE


@dataclass(slots=True, eq=False)
class Requested:
    """A request, the `number`th of its node: the digest of its conversation; where it, its reply, its failure stand."""

    digest: bytes
    number: int
    line: int
    reply: int = NOWHERE
    failed: int = NOWHERE


@dataclass(slots=True, eq=False)
class Turn:
    """One turn, the `place`th of its node: its requests, and where its cell, the end of that and its answer stand."""

    node: Node
    span: int
    place: int
    number: int
    wrap_up: bool
    requests: list[Requested] = field(default_factory=list)
    code: bytes = b""
    cell: int = NOWHERE
    end: int = NOWHERE
    interrupted: bool = False
    answer: int = NOWHERE
    asked: dict[bytes, list[Asked]] = field(default_factory=dict)

    def each(self) -> Iterator[Asked]:
        """All that its cell asked."""
        for same in self.asked.values():
            yield from same


@dataclass(slots=True, eq=False)
class Node:
    """A node: its turns, the digest of its conversation so far, and what started it (None: the run)."""

    parent: Asked | None
    turns: list[Turn] = field(default_factory=list)
    digest: bytes = b""
    requests: int = 0

    def calls(self) -> int:
        """The sub-calls of its cells and of those of the nodes below it."""
        asked = [one for turn in self.turns for one in turn.each()]
        below = sum(one.child.calls() for one in asked if one.child is not None)
        return below + sum(one.key[:1] == _CALL for one in asked)


_CALL, _TOOL, _ESTIMATE = b"c", b"t", b"e"


class Index:
    """The nodes, turns and calls that a run's events tell of."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.nodes: dict[int, Node] = {}
        self.turns: dict[int, Turn] = {}
        self.asked: dict[int, Asked] = {}
        self._sub_model = ""

    def add(self, event: Event, line: int = NOWHERE) -> None:
        """Takes the next event, which stands at `line`."""
        match event:
            case RunBegin():
                self._sub_model = event.sub_model
            case NodeBegin():
                self._add_node(event)
            case TurnBegin():
                node = self.nodes[event.parent]
                turn = Turn(node, event.span, len(node.turns), event.turn, event.wrap_up)
                self.turns[event.span] = turn
                node.turns.append(turn)
            case RequestSent():
                turn = self.turns[event.span]
                if event.messages:
                    turn.node.digest = _digest([turn.node.digest.hex(), event.messages])
                turn.node.requests += 1
                turn.requests.append(Requested(turn.node.digest, turn.node.requests, line))
            case ReplyReceived():
                self.turns[event.span].requests[-1].reply = line
            case RequestFailed():
                self.turns[event.span].requests[-1].failed = line
            case CellBegin():
                turn = self.turns[event.span]
                turn.cell, turn.code = line, _digest(event.code)
            case CellEnd():
                turn = self.turns[event.span]
                turn.end, turn.interrupted = line, event.interrupted
            case AnswerSet() if event.span in self.turns:
                self.turns[event.span].answer = line
            case CallBegin() | ToolBegin() | EstimateMade():
                self._begin(event, line)
            case CallEnd() | ToolEnd() | EstimateDecided():
                self._end(event, line)

    def all_asked(self) -> Iterator[Asked]:
        """All that any cell asked, in order of their turns."""
        for turn in self.turns.values():
            yield from turn.each()

    def _add_node(self, event: NodeBegin) -> None:
        parent = self.asked.get(event.parent)
        node = self.nodes[event.span] = Node(parent)
        if parent is None:
            self.root = node
        else:
            parent.child = node

    def _begin(self, event: CallBegin | ToolBegin | EstimateMade, line: int) -> None:
        turn = self.turns[event.parent]
        alone = not isinstance(event, EstimateMade) and not event.name.endswith(("_batched", "_map"))
        asked = self.asked[event.span] = Asked(self._key(event), turn, line, alone)
        turn.asked.setdefault(asked.key, []).append(asked)

    def _key(self, event: CallBegin | ToolBegin | EstimateMade) -> bytes:
        if isinstance(event, ToolBegin):
            return _TOOL + _digest([event.name, event.args, event.kwargs])
        # A fork may have another sub-model: what it was asked is the same.
        model = "" if event.model == self._sub_model else event.model
        if isinstance(event, EstimateMade):
            return _ESTIMATE + _digest([event.function, model, event.calls])
        return _CALL + _digest([model, event.prompt, event.temperature, event.given])

    def _end(self, event: CallEnd | ToolEnd | EstimateDecided, line: int) -> None:
        asked = self.asked.pop(event.span)  # its turn has it: a run of a million calls needs no more
        if isinstance(event, EstimateDecided):
            asked.end = line
        elif event.error is None or not _is_cut(event.error):
            asked.end, asked.failed = line, event.error is not None
            asked.copied = event.source == "recorded"


class Record:
    """A run's folder, indexed.

    Args:
        path: The run's folder.
        before: The root's turn at which it is cut; None takes all.

    Attributes:
        begin: How the run began, without its input and added contexts.
        end: How it ended, if it did.
        index: What it has.
        line: How far it has been served: the last line that was.
        turns: Turns of the root that it has.
        limited: The lines where the limit of seconds was reached.
        cut_off: Whether its log stops before the run's end, as a kill leaves it.

    Raises:
        TraceError: It can't be read.
        ConfigError: It has nothing.
    """

    def __init__(self, path: Path, before: int | None = None) -> None:
        self.path = path
        self.index = Index()
        self.line = NOWHERE
        self.turns = 0
        self.limited: set[int] = set()
        self.cut_off = False
        self.end: RunEnd | None = None
        self._at = array("q")
        self._t = array("d")
        self._left: tuple[int, float] | None = None  # where it went live, and its seconds there
        begin: RunBegin | None = None
        for event in self._read(before):
            if isinstance(event, RunBegin):
                begin = replace(event, source={"kind": event.source.get("kind")}, added={})
        if begin is None:
            raise ConfigError(f"the run in {path} was killed before its first event: there is nothing to go on from")
        self.begin = begin

    def _read(self, before: int | None) -> Iterator[Event]:
        reader = Reader(self.path)
        while True:
            at = reader.ends_at
            if (event := next(reader, None)) is None:
                self.cut_off = self.end is None
                break
            if isinstance(event, TurnBegin) and self.index.nodes.get(event.parent) is self.index.root:
                if before is not None and event.turn >= before:
                    reader.close()
                    return
                self.turns = event.turn
            line = len(self._at)
            self._at.append(at)
            self._t.append(event.t)
            try:
                self.index.add(event, line)
            except (KeyError, IndexError) as error:
                raise TraceError(f"{self.path}: event {line + 1} belongs to something that never began") from error
            if isinstance(event, LimitReached) and event.limit == "seconds":
                self.limited.add(line)
            elif isinstance(event, RecordLeft) and self._left is None:
                self._left = line, event.seconds
            elif isinstance(event, RunEnd):
                self.end = event
            yield event

    @property
    def last(self) -> int:
        """Its last line."""
        return len(self._at) - 1

    def time(self, line: int) -> float:
        """When an event was written, in seconds since the run began."""
        return self._t[line]

    def load(self, line: int) -> Event:
        """The event at a line, read from the disk.

        Raises:
            TraceError: It can't be read any more.
        """
        if (event := one_event(self.path, at=self._at[line])) is None:
            raise TraceError(f"{self.path}: event {line + 1} is not there any more")
        return event

    def seconds(self, line: int) -> float:
        """The run's seconds at a line, as its limit counts them; 0 where it was served from an earlier record."""
        if self.begin.origin is None:
            return self._t[line]
        if self._left is None or line < self._left[0]:
            return 0.0
        return self._left[1] + self._t[line] - self._t[self._left[0]]


def given(context: JSON) -> str:
    """The digest of what a child is given, as `CallBegin.given` has it."""
    return _digest(context).hex()[:16]


def _is_cut(error: str) -> bool:
    """Whether that is no outcome: the call was ended from outside, or by a bug."""
    return error == "cancelled" or error.startswith("a bug:")


def _digest(parts: object) -> bytes:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).digest()


def chain(path: Path, before: int | None = None) -> list[Record]:
    """The record of a run, and then of those that it was made from, nearest first, each cut where it was left.

    Args:
        path: The run's folder.
        before: The root's turn at which all are cut.

    Raises:
        TraceError: One can't be read.
        ConfigError: The run has nothing.
    """
    records = [Record(path, before)]
    seen = {path.resolve()}
    while (origin := records[-1].begin.origin) is not None:
        earlier = records[-1].path.parent / Path(str(origin.get("run"))).name
        if earlier.resolve() in seen or not earlier.is_dir():
            break  # it was pruned: what it had and this one was not served is asked again
        seen.add(earlier.resolve())
        cut = cast("int | None", origin.get("turn"))
        before = min((turn for turn in (before, cut) if turn is not None), default=None)
        records.append(Record(earlier, before))
    return records
