"""The flat events of a run as the tree that they describe: nodes, their turns, and the calls of each turn's cell.

Pure: it is fed one event after the other, from a file or while the run goes on, and is right after each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

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
    NodeEnd,
    Nudge,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    Retry,
    RunBegin,
    RunEnd,
    ToolBegin,
    ToolEnd,
    TurnBegin,
)
from rlm.trace.reader import Reader, TraceError
from rlm.types import JSON, Usage


class TreeError(TraceError):
    """Events that can't be of one run: one belongs to a span that was never begun."""


@dataclass(slots=True)
class Call:
    """One sub-call, and the child node where it started one."""

    begin: CallBegin
    end: CallEnd | None = None
    child: Node | None = None
    retries: list[Retry] = field(default_factory=list)


@dataclass(slots=True)
class ToolCall:
    """One call of a tool of the user's."""

    begin: ToolBegin
    end: ToolEnd | None = None


@dataclass(slots=True)
class Approval:
    """What a cell was about to ask, and whether it may; `decided` is None while that is waited for."""

    estimate: EstimateMade
    decided: EstimateDecided | None = None


@dataclass(slots=True)
class Turn:
    """One turn: what was new in the request, the reply, and what its cell did."""

    begin: TurnBegin
    requests: list[RequestSent] = field(default_factory=list)
    replies: list[ReplyReceived] = field(default_factory=list)
    failures: list[RequestFailed] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    cell: CellBegin | None = None
    cell_end: CellEnd | None = None
    approvals: list[Approval] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    tools: list[ToolCall] = field(default_factory=list)
    nudge: Nudge | None = None
    answer: AnswerSet | None = None
    limits: list[LimitReached] = field(default_factory=list)


@dataclass(slots=True)
class Node:
    """One node of the call tree."""

    begin: NodeBegin
    turns: list[Turn] = field(default_factory=list)
    limits: list[LimitReached] = field(default_factory=list)
    end: NodeEnd | None = None


_Span = TypeVar("_Span", Node, Turn, Approval, Call, ToolCall)


class RunTree:
    """A run as far as its events tell.

    Attributes:
        begin: What was asked; None before the first event.
        root: The root node; None before it starts.
        limits: The limits that were reached and belong to no node.
        end: How it ended; None while it runs, and for good if it was killed.
        answer: The last answer that a cell of the root gave.
        usage: What all calls consumed so far.
        usd: US dollars so far, as far as prices are known.
        unpriced: Whether the price of any call was unknown.
        reused: Sub-calls that were answered without asking, since an equal one was.
        now: The time of the last event, in seconds since the run began.
        path: The run's folder, where it was read from there.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.path = events.path if isinstance(events, Reader) else None
        self.begin: RunBegin | None = None
        self.root: Node | None = None
        self.limits: list[LimitReached] = []
        self.end: RunEnd | None = None
        self.answer: AnswerSet | None = None
        self.usage = Usage()
        self.usd = 0.0
        self.unpriced = False
        self.reused = 0
        self.now = 0.0
        self._spans: dict[int, Node | Turn | Approval | Call | ToolCall] = {}
        for event in events:
            self.add(event)

    @property
    def cost(self) -> float | None:
        """US dollars so far; None if the price of any call was unknown."""
        return None if self.unpriced else self.usd

    def add(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            TreeError: It belongs to a span that was never begun.
        """
        self.now = max(self.now, event.t)
        match event:
            case RunBegin():
                self.begin = event
            case RunEnd():
                self.end = event
                # The ledger's totals also hold calls that were charged and gave no usable reply.
                self.usage, self.usd, self.unpriced = _usage(event.usage), event.cost or 0.0, event.cost is None
            case NodeBegin():
                self._add_node(event)
            case TurnBegin(parent=parent):
                turn = Turn(event)
                self._spans[event.span] = turn
                self._span(parent, Node).turns.append(turn)
            case EstimateMade(parent=parent):
                approval = Approval(event)
                self._spans[event.span] = approval
                self._span(parent, Turn).approvals.append(approval)
            case EstimateDecided():
                self._span(event.span, Approval).decided = event
            case CallBegin(parent=parent):
                call = Call(event)
                self._spans[event.span] = call
                self._span(parent, Turn).calls.append(call)
            case CallEnd():
                self._end_call(event)
            case ToolBegin(parent=parent):
                tool = ToolCall(event)
                self._spans[event.span] = tool
                self._span(parent, Turn).tools.append(tool)
            case ToolEnd():
                self._span(event.span, ToolCall).end = event
            case Retry() if isinstance(self._spans.get(event.span), Call):
                self._span(event.span, Call).retries.append(event)
            case NodeEnd():
                self._span(event.span, Node).end = event
            case LimitReached():
                owner = self._spans.get(event.span)
                (owner.limits if isinstance(owner, Turn | Node) else self.limits).append(event)
            case _:
                self._add_to_turn(event)

    def _add_node(self, event: NodeBegin) -> None:
        node = Node(event)
        self._spans[event.span] = node
        if event.depth == 0:
            self.root = node
        else:
            self._span(event.parent, Call).child = node

    def _end_call(self, event: CallEnd) -> None:
        call = self._span(event.span, Call)
        call.end = event
        self.reused += event.source in ("joined", "kept")
        # A child node's replies have been counted as they came; what its call reports is their sum.
        if call.child is None and event.usage.get("calls"):
            self._charge(event.usage, event.cost)

    def _add_to_turn(self, event: Event) -> None:
        turn = self._span(event.span, Turn)
        match event:
            case RequestSent():
                turn.requests.append(event)
            case ReplyReceived():
                turn.replies.append(event)
                self._charge(event.usage, event.cost)
            case RequestFailed():
                turn.failures.append(event)
            case Retry():
                turn.retries.append(event)
            case Nudge():
                turn.nudge = event
            case CellBegin():
                turn.cell = event
            case CellEnd():
                turn.cell_end = event
            case AnswerSet():
                turn.answer = event
                if self.root is not None and turn.begin.parent == self.root.begin.span:
                    self.answer = event

    def _charge(self, usage: dict[str, JSON], cost: float | None) -> None:
        self.usage += _usage(usage)
        self.usd += cost or 0.0
        self.unpriced |= cost is None

    def _span(self, span: int, kind: type[_Span]) -> _Span:
        found = self._spans.get(span)
        if not isinstance(found, kind):
            raise TreeError(f"an event belongs to span {span}, and no {kind.__name__.lower()} of that number began")
        return found


def _usage(fields: dict[str, JSON]) -> Usage:
    return Usage(**{name: value for name in Usage.__slots__ if isinstance(value := fields.get(name), int)})
