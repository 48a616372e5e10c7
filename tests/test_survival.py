"""Whole runs, real workers: what is left when a provider fails, when a run is cancelled, when a call is made twice."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, Completion, ConfigError, Limits, LMReplyError, LMUnavailableError, Price
from rlm.lms.scripted import Line, Scripted
from rlm.trace.events import CallEnd, CellBegin, RunEnd
from rlm.trace.store import read
from rlm.types import Request


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


class Sub(Scripted):
    """A sub-model that says what its answers depend on."""

    def __init__(self, script: Callable[[Request], Any], **options: Any) -> None:
        super().__init__(script, name="sub", **options)
        self.settings = {"url": "here", "temperature": None}


def upper(request: Request) -> str:
    return request.messages[-1].content.upper()


def run(*script: Line, sub: Scripted | None = None, context: object = "x" * 500, **options: Any) -> Completion:
    lines = [block(line) if isinstance(line, str) else line for line in script]
    return RLM(model=Scripted(lines), sub_model=sub or Sub(upper), **options).completion("q", context=context)


def ends(completion: Completion) -> list[CallEnd]:
    assert completion.trace is not None
    return [event for event in read(completion.trace) if isinstance(event, CallEnd)]


# The provider is down


def test_a_provider_that_goes_down_leaves_the_answer_so_far() -> None:
    done = run("answer['content'] = {'half': llm_query('a')}", LMUnavailableError("down"))
    assert (done.status, done.answer, done.turns) == ("partial", {"half": "A"}, 1)
    assert done.reason == "down; the answer is what the cells had set so far"


def test_without_an_answer_the_variables_are_the_answer_and_it_says_so() -> None:
    code = """
import json
results = llm_query_batched(['a', 'b'])
def helper(): pass
class Thing: pass
big, odd, _private = 'x' * 5_000_000, {1, 2}, 1.5
text = context[:3]
"""
    done = run(code, LMUnavailableError("down"))
    assert done.status == "partial"
    assert done.reason == "down; no cell had set an answer, so it is what their variables held"
    assert done.answer == {
        "results": ["A", "B"],
        "big": "<str of 5000000>",
        "odd": "<set of 2>",
        "_private": 1.5,
        "text": "xxx",
    }
    assert done.trace is not None
    cells = [event.code for event in read(done.trace) if isinstance(event, CellBegin)]
    assert len(cells) == 2, "what was run for it is in the trace"


def test_without_anything_to_show_it_failed() -> None:
    done = run("print(1)", LMUnavailableError("down"))
    assert (done.status, done.answer, done.reason) == ("failed", None, "down")


def test_out_of_turns_with_the_provider_down_both_are_told() -> None:
    done = run("n = 7", LMUnavailableError("down"), limits=Limits(turns=1))
    assert (done.status, done.answer) == ("partial", {"n": 7})
    assert done.reason.startswith("the limit of 1 turns is reached, and the model gave no last answer: down; no cell")


# What a cell can read


def test_a_cell_reads_what_is_wrong_with_a_call() -> None:
    code = """
faults = []
for prompt in ('x' * 4000, 'filtered', 'fine'):
    try:
        faults.append(llm_query(prompt))
    except LMError as error:
        faults.append((error.fault, str(error)[:35]))
FINAL(faults)
"""

    def answer(request: Request) -> Line:
        if request.messages[0].content == "filtered":
            return LMReplyError("no", fault="filtered")
        return "ok"

    done = run(code, sub=Sub(answer, window=1000))
    assert done.answer_is_repr
    assert done.response == ("[('too_long', 'the prompt has about 1,143 tokens a'), ('filtered', 'no'), 'ok']")
    assert [end.fault for end in ends(done)] == ["too_long", "filtered", None]


def test_chunks_fit_the_sub_models_window_for_children_too() -> None:
    code = "FINAL([len(c) for c in chunks()] + [llm_query(chunks()[0])[:3]])"
    assert run(code, sub=Sub(upper, window=200)).answer == [300, 200, "XXX"]
    child = "FINAL(rlm_query('q', context=context))"
    model = Scripted([block(child)])
    sub = Scripted([block("FINAL(len(chunks()[0]))")], name="sub", window=6000)
    done = RLM(model=model, sub_model=sub, limits=Limits(depth=2)).completion("q", context="x" * 20_000)
    assert done.answer == "9000"


def test_cells_say_how_hot_and_how_fresh_and_are_told_what_can_not_be() -> None:
    code = """
errors = []
wrong = [{'temperature': value} for value in ('hot', -1, 10**400, True)]
for options in (*wrong, {'fresh': 1}, {'model': 'none'}):
    try:
        llm_query('a', **options)
    except ToolError as error:
        errors.append(str(error))
a = llm_query_batched(['p'] * 3, temperature=0)
b = llm_query('p', temperature=0, fresh=True)
c = llm_map(['i'], 'do', temperature=0.3)
FINAL(errors)
"""
    done = run(code, sub=Sub(lambda request: '{"0": 1}' if "[0]" in request.messages[0].content else upper(request)))
    assert done.answer == [
        "temperature must be a number, not str",
        "temperature must be from 0 to 100",
        "temperature must be from 0 to 100",
        "temperature must be a number, not bool",
        "fresh must be True or False, not int",
        "no model 'none' in this run; there is: 'scripted', 'sub'",
    ]
    assert sorted(end.source for end in ends(done)) == ["kept", "kept", "model", "model", "model"]
    assert (done.reused, done.usage.calls) == (2, 4), "of the wrong ones none was asked"


# Once


def test_a_map_that_is_run_again_is_not_asked_again_and_the_bill_says_so() -> None:
    def answer(request: Request) -> str:
        return '{"0": "blue", "1": "green"}'

    code = "r = [llm_map(['sky', 'grass'], 'Colour?') for _ in range(3)]\nFINAL(r[0] == r[1] == r[2])"
    done = run(code, sub=Sub(answer, price=Price(1.0, 1.0)))
    assert [end.source for end in ends(done)] == ["model", "kept", "kept"]
    assert (done.answer, done.reused, done.usage.calls) == (True, 2, 2)
    assert sum(end.cost or 0.0 for end in ends(done)) == done.cost
    assert done.trace is not None
    assert isinstance(last := list(read(done.trace))[-1], RunEnd)
    assert last.reused == 2
    every = run(code, sub=Sub(answer), once=False)
    assert (every.answer, every.reused, every.usage.calls) == (True, 0, 4)


def test_answers_are_kept_across_runs_where_asked_for(tmp_path: Path) -> None:
    lm = Sub(upper)
    code = "FINAL(llm_query('a', temperature=0) + llm_query('a'))"
    first, second = (run(code, sub=lm, cache=tmp_path) for _ in range(2))
    assert (first.answer, second.answer) == ("AA", "AA")
    assert ([end.source for end in ends(first)], [end.source for end in ends(second)]) == (
        ["model", "model"],
        ["kept", "model"],
    )
    assert len(lm.requests) == 3
    lm.settings = {"url": "elsewhere"}
    assert run(code, sub=lm, cache=tmp_path).reused == 0, "another endpoint is another model"
    assert run(code, sub=lm).reused == 0


def test_a_cache_that_could_keep_nothing_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't keep answers of scripted: it has no `settings`"):
        RLM(model=Scripted([]), cache=tmp_path)
    with pytest.raises(ConfigError, match="once=False asks all"):
        RLM(model=Sub(upper), cache=True, once=False)


# Cancelling


class Slow:
    """Answers after a minute, and notes when it was cancelled."""

    name, window, price = "slow", None, Price(1.0, 1.0)

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled: list[float] = []

    async def complete(self, request: Request) -> Any:
        self.begun += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.append(time.monotonic())
            raise


def started(slow: Slow, **options: Any) -> Any:
    cells = ["answer['content'] = 'half'; kept = 'x' * 50_000_000", "llm_query_batched([str(i) for i in range(64)])"]
    stream = RLM(model=Scripted([block(cell) for cell in cells]), sub_model=slow, **options).stream("q", context="x")
    while slow.begun < 64:
        time.sleep(0.005)
    return stream


def test_cancelling_a_run_cancels_its_requests_within_a_tenth_of_a_second() -> None:
    slow = Slow()
    stream = started(slow)
    asked = time.monotonic()
    stream.cancel()
    for event in stream:
        last = event
    assert len(slow.cancelled) == 64
    assert max(slow.cancelled) - asked < 0.1
    assert isinstance(last, RunEnd)
    assert (last.status, last.cost, last.usage["calls"]) == ("failed", None, 66)


def test_what_a_stopped_runs_requests_had_spent_is_said_to_be_unknown() -> None:
    slow = Slow()
    stream = started(slow)
    stream.stop()
    done = stream.result()
    assert (done.status, done.answer, done.cost) == ("partial", "half", None)
    assert done.reason == (
        "stopped; 64 calls were cancelled in flight, and what that cost is not known; what is known comes to $0.0000"
    )


def test_a_batch_that_is_interrupted_keeps_what_it_was_answered() -> None:
    asked: list[str] = []

    async def answer(request: Request) -> str:
        asked.append(request.messages[0].content)
        if asked.count("late") == 1 and asked[-1] == "late":
            await asyncio.sleep(60)
        return upper(request)

    code = """
import threading, time
def ask():
    global r
    r = llm_query_batched(['a', 'late', 'b'])
thread = threading.Thread(target=ask); thread.start()
time.sleep(0.2)
"""
    done = run(code, "FINAL(llm_query_batched(['a', 'late', 'b']))", sub=Sub(answer))
    assert done.answer == ["A", "LATE", "B"]
    assert sorted(asked) == ["a", "b", "late", "late"]
    assert done.reused == 2
