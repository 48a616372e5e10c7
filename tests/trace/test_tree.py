"""Events to a tree: right after every one of them, and loud about events that can't be of one run."""

from dataclasses import replace

import pytest

from rlm.trace.events import (
    AnswerSet,
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    Event,
    LimitReached,
    NodeBegin,
    NodeEnd,
    Nudge,
    ReplyReceived,
    RequestSent,
    RunBegin,
    RunEnd,
    TurnBegin,
)
from rlm.trace.tree import RunTree, TreeError
from rlm.types import JSON, Usage


def usage(calls: int = 1, tokens: int = 10) -> dict[str, JSON]:
    return {"calls": calls, "input_tokens": tokens, "output_tokens": 1, "cached_tokens": 0, "reasoning_tokens": 0}


BEGIN = RunBegin(
    run_id="r",
    started="2026-11-21T00:00:00Z",
    question="Who?",
    context="str, 12 characters",
    model="m",
    sub_model="s",
    sandbox="local",
    enforces=[],
    seed=7,
    limits={"turns": 30},
    versions={},
)
END = RunEnd(t=9.0, response="Ann", status="done", reason="", route="rlm", usage=usage(5, 99), cost=0.5, seconds=9.0)


def node(span: int, parent: int = 0, depth: int = 0) -> NodeBegin:
    return NodeBegin(span=span, parent=parent, depth=depth, question="Who?", context="", model="m")


def reply(span: int, cost: float | None = 0.25) -> ReplyReceived:
    return ReplyReceived(span=span, text="x", finish="stop", usage=usage(), cost=cost, retries=0, seconds=0.1)


def call_end(span: int, error: str | None = None, calls: int = 1, cost: float | None = 0.25) -> CallEnd:
    text = None if error else "yes"
    return CallEnd(
        span=span, reply=text, error=error, finish=None, usage=usage(calls), cost=cost, retries=0, seconds=0.1
    )


def call(span: int, parent: int, name: str = "llm_query") -> CallBegin:
    return CallBegin(span=span, parent=parent, name=name, prompt="?", model="s")


def cell_end(span: int) -> CellEnd:
    return CellEnd(
        span=span, output="o", output_size=1, shown="o", error=None, interrupted=False, lost=None, seconds=0.1
    )


def test_nothing_yet() -> None:
    run = RunTree()
    assert (run.begin, run.root, run.end, run.answer, run.usage, run.cost) == (None, None, None, None, Usage(), 0.0)


def test_a_turn_holds_what_its_events_tell() -> None:
    request = RequestSent(span=2, messages=[], max_tokens=None)
    cell = CellBegin(span=2, code="FINAL(1)")
    answer = AnswerSet(span=2, value=1, is_repr=False, ready=True)
    nudge = Nudge(span=3, message="write a cell")
    begun, second = TurnBegin(span=2, parent=1, turn=1), TurnBegin(span=3, parent=1, turn=2)
    run = RunTree([BEGIN, node(1), begun, request, reply(2), cell, cell_end(2), answer, second, reply(3), nudge])
    assert run.root is not None
    turn, nudged = run.root.turns
    assert (turn.begin, turn.requests, turn.replies) == (begun, [request], [reply(2)])
    assert (turn.cell, turn.cell_end, turn.answer, turn.nudge) == (cell, cell_end(2), answer, None)
    assert (nudged.nudge, nudged.cell) == (nudge, None)
    assert run.answer is answer


def test_children_hang_below_their_calls_and_are_charged_once() -> None:
    run = RunTree([BEGIN, node(1), TurnBegin(span=2, parent=1, turn=1), reply(2)])
    for event in (call(3, 2, "rlm_query"), node(4, 3, depth=1), TurnBegin(span=5, parent=4, turn=1), reply(5)):
        run.add(event)
    run.add(AnswerSet(span=5, value="of the child", is_repr=False, ready=True))
    run.add(call_end(3, calls=1))
    assert run.root is not None
    (child_call,) = run.root.turns[0].calls
    assert child_call.child is not None
    assert len(child_call.child.turns) == 1
    assert run.usage.calls == 2
    assert run.cost == 0.5
    assert run.answer is None, "a child's answer is not the run's"


def test_costs_add_up_and_an_unknown_price_makes_the_sum_unknown() -> None:
    run = RunTree([BEGIN, node(1), TurnBegin(span=2, parent=1, turn=1), reply(2), call(3, 2), call(4, 2)])
    run.add(call_end(3))
    assert (run.usage.calls, run.cost) == (2, 0.5)
    run.add(call_end(4, error="down", calls=0, cost=None))
    assert (run.usage.calls, run.cost) == (2, 0.5), "a call that failed before it was answered costs nothing"
    run.add(reply(2, cost=None))
    assert run.cost is None


def test_the_end_has_the_last_word() -> None:
    run = RunTree([BEGIN, node(1), TurnBegin(span=2, parent=1, turn=1), reply(2, cost=None), END])
    assert (run.end, run.usage.calls, run.cost, run.now) == (END, 5, 0.5, 9.0)


def test_limits_stand_where_they_were_reached() -> None:
    limit = LimitReached(span=1, limit="turns", message="the limit of 1 turns is reached")
    run = RunTree([BEGIN, node(1), TurnBegin(span=2, parent=1, turn=1), limit, replace(limit, span=2)])
    run.add(replace(limit, span=0))
    assert run.root is not None
    assert (len(run.limits), len(run.root.limits), len(run.root.turns[0].limits)) == (1, 1, 1)
    ended = NodeEnd(span=1, status="partial", reason="", turns=1, usage=usage(), cost=0.0)
    run.add(ended)
    assert run.root.end is ended


@pytest.mark.parametrize(
    "event",
    [reply(7), TurnBegin(span=2, parent=7, turn=1), call(3, 7), call_end(7), node(4, 7, depth=1), cell_end(1)],
    ids=lambda event: event.type,
)
def test_an_event_of_a_span_that_never_began_is_an_error(event: Event) -> None:
    run = RunTree([BEGIN, node(1)])
    with pytest.raises(TreeError, match=r"span [17], and no (turn|node|call) of that number began"):
        run.add(event)
