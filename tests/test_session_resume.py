"""Later questions of a session are resumed, replayed and forked: real workers, a scripted model, a tool that counts."""

import asyncio
import concurrent.futures
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rlm import (
    RLM,
    Completion,
    ConfigError,
    ContextError,
    DivergedError,
    Limits,
    LMUnavailableError,
    RlmError,
    fork,
    replay,
    resume,
)
from rlm.coverage import coverage
from rlm.lms.scripted import Line, Scripted
from rlm.run import Run
from rlm.sandbox.session import Session
from rlm.sitting import Sitting
from rlm.trace.events import CallEnd, CellBegin, CellEnd, RecordLeft, ReplyReceived, RunBegin, ToolEnd
from rlm.types import JSON, Reply, Request, Usage
from sandbox.support import descendants, open_fds
from worlds import World, block, cut, cut_at_turn, cut_before, events


class Sessions(World):
    """A world whose root has a script for each question, by the question."""

    def __init__(self, scripts: dict[str, tuple[Line, ...]], **more: Any) -> None:
        super().__init__(**more)
        self.scripts = scripts

    def _cell(self, request: Request) -> Line:
        question = request.messages[1].content.partition("\n")[0].removeprefix("Question: ")
        turn = sum(message.role == "assistant" for message in request.messages)
        self.asked[f"{question} {turn + 1}"] += 1
        cell = self.scripts[question][turn]
        return Reply(block(cell), Usage(1, 100, 10), 0.01) if isinstance(cell, str) else cell

    def session(self, context: object = "the input " * 60, **more: Any) -> Sitting:
        return RLM(**self.options(**more)).session(context)

    def again(self, way: Callable[..., Run], run: Path | Completion, **more: Any) -> Run:
        return way(run if isinstance(run, Path) else run.run_id, **self.options(**more))


SCRIPTS: dict[str, tuple[Line, ...]] = {
    "One?": (
        "import random\nn = len(context)\nluck = random.random()\nprint(n, tool('first'))",
        "def twice(x):\n    return 2 * x\nfirst = llm_query('one')\nFINAL([n, first])",
    ),
    "Two?": (
        "found = [hit.name for hit in grep('more')]\nmany = llm_query_batched(['a', 'b', context_1])\nprint(many)",
        "luck2 = random.random()\nFINAL(many)",
    ),
    "Three?": (
        "print(twice(n), history, question, random.random())\ngot = llm_query('three')",
        "print(got, tool('side'), sorted(context_2))",
        "FINAL([twice(n), luck, luck2, first, many, got, found, context_2, len(history), tool('last')])",
    ),
}


def asked(world: Sessions) -> Completion:
    """Three questions; contexts are added before the second and the third. The third's run."""
    with world.session() as session:
        session.ask("One?")
        session.add("one more")
        session.ask("Two?")
        session.add({"k": 1, "l": [2]})
        return session.ask("Three?")


def check_cut(whole: Completion, at: int, extra: int = 0) -> None:
    world = Sessions(SCRIPTS)
    path = cut(whole, at, extra)
    had = events(Completion("", None, False, "done", "", Usage(), 0.0, 0, path.name, path))
    done = world.again(resume, path).result()
    assert (done.answer, done.status, done.usage) == (whole.answer, "done", whole.usage)
    assert done.cost == pytest.approx(whole.cost)
    replies = sum(isinstance(event, ReplyReceived) for event in had)
    calls = sum(isinstance(event, CallEnd) for event in had)
    turns = sum(count for name, count in world.asked.items() if name.startswith("Three?"))
    assert turns == 3 - replies
    assert world.asked.total() - turns == 1 - calls
    assert world.ran.total() == 2 - sum(isinstance(event, ToolEnd) for event in had)


def test_a_later_question_that_was_cut_off_finds_what_was_there_and_asks_only_what_is_missing() -> None:
    whole = asked(Sessions(SCRIPTS))
    assert isinstance(whole.answer, list)
    assert whole.answer[5:9] == ["THREE", ["context_1"], {"k": 1, "l": [2]}, 2]
    for at, extra in ((1, 0), (5, 30), (len(events(whole)) - 3, 3)):
        check_cut(whole, at, extra)


@pytest.mark.slow
def test_wherever_it_was_cut_off() -> None:
    whole = asked(Sessions(SCRIPTS))
    for at in range(1, len(events(whole)) + 1):
        check_cut(whole, at, extra=at % 5)


def test_the_resumed_run_is_that_question_of_that_session() -> None:
    whole = asked(Sessions(SCRIPTS))
    done = Sessions(SCRIPTS).again(resume, cut_at_turn(whole, 3)).result()
    begin, was = events(done)[0], events(whole)[0]
    assert isinstance(begin, RunBegin)
    assert isinstance(was, RunBegin)
    assert (begin.sitting, begin.seed, begin.digest) == (was.sitting, was.seed, was.digest)
    assert (begin.source, begin.added) == ({"kind": "earlier"}, {})
    assert begin.origin == {"run": f"cut-{whole.run_id}-{_turn(whole, 3)}-0", "turn": None, "way": "resume"}
    assert coverage(done).input.names() == ["", "context_1"]  # the other one has no text
    assert [event.source for event in events(done) if isinstance(event, ReplyReceived)] == ["recorded"] * 2 + ["model"]


def _turn(whole: Completion, turn: int) -> int:
    """The lines before a turn."""
    return [number for number, event in enumerate(events(whole)) if event.type == "turn_begin"][turn - 1]


def test_it_is_resumed_in_turn() -> None:
    whole = asked(Sessions(SCRIPTS))
    second = Sessions(SCRIPTS).again(resume, cut_at_turn(whole, 2)).result()
    world = Sessions(SCRIPTS)
    assert world.again(resume, cut_at_turn(second, 3)).result().answer == whole.answer
    assert (world.asked, world.ran) == ({"Three? 3": 1}, {"last": 1})


def test_replay_asks_nobody_and_fork_asks_from_its_turn_on() -> None:
    whole = asked(Sessions(SCRIPTS))
    world = Sessions(SCRIPTS)
    again = world.again(replay, whole).result()
    assert (again.answer, again.status, again.usage, again.trace) == (whole.answer, "done", whole.usage, None)
    assert (world.asked, world.ran) == ({}, {})
    world = Sessions({**SCRIPTS, "Three?": (*SCRIPTS["Three?"][:2], "FINAL([got, many, len(history)])")})
    other = world.again(partial(fork, at=3), whole).result()
    assert (other.answer, world.asked, world.ran) == (["THREE", ["A", "B", "ONE MORE"], 2], {"Three? 3": 1}, {})
    world = Sessions({**SCRIPTS, "Three?": ("FINAL([twice(n), history[0]['answer']])",)})
    live = world.again(partial(fork, at=1), whole)
    sent = [event for event in live if event.type == "request"]
    assert live.result().answer == [1200, [600, "ONE"]]
    opening = sent[0].messages[-1]["content"]  # type: ignore[attr-defined]
    assert "in this same REPL: 2. `history` has them" in opening
    assert "- `context_2`: dict" in opening
    assert re.search(r"\n- luck2: float [\d.]+\n", opening)


def test_a_first_question_with_added_contexts() -> None:
    world = Sessions({"One?": ("print(context_1)", "FINAL(llm_query(context_1))")})
    with world.session("one") as session:
        session.add("two")
        whole = session.ask("One?")
    again = Sessions(world.scripts)
    assert again.again(resume, cut_at_turn(whole, 2)).result().answer == "TWO"
    assert again.asked == {"One? 2": 1, "two": 1}


def test_files_that_were_added(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some words\n")
    (tmp_path / "b.txt").write_text("more words\n")
    world = Sessions({"One?": ("x = context\nFINAL(1)",), "Two?": ("FINAL([x, context_1])",)})
    with world.session(tmp_path / "a.txt") as session:
        session.ask("One?")
        session.add(tmp_path / "b.txt")
        second = session.ask("Two?")
    assert world.again(replay, second).result().answer == ["some words\n", "more words\n"]
    (tmp_path / "b.txt").write_text("other words\n")
    changed = r"^context_1, which was added to the session, has changed since: its SHA-256 was \w{64} and is \w{64};"
    with pytest.raises(ContextError, match=changed):
        world.again(replay, second).result()
    (tmp_path / "b.txt").unlink()
    with pytest.raises(ContextError, match=r"^the run's context_1 is not there any more: .*b\.txt; put it back$"):
        world.again(replay, second).result()
    (tmp_path / "b.txt").write_text("more words\n")
    (tmp_path / "a.txt").write_text("other words\n")
    with pytest.raises(ContextError, match=r"^the input has changed since: its SHA-256 was"):
        world.again(replay, second).result()


# How questions before it had ended -----------------------------------------------------------------------------------


def test_questions_before_it_that_did_not_end_well() -> None:
    scripts: dict[str, tuple[Line, ...]] = {
        "Refused?": (LMUnavailableError("503 at once"),),
        "Failed?": ("x = 1\nprint(tool('one'))", LMUnavailableError("503")),
        "Limited?": ("k = 0\nwhile True: k += 1", "y = x + (k > 9)\nk = 0", "FINAL([y, len(history)])"),
        "Silent?": ("z = 3", "llm_query('why?')", LMUnavailableError("503")),
        "Last?": ("FINAL([x, y, z, history])",),
    }
    world = Sessions(scripts)
    with world.session(limits=Limits(turns=2, cell_seconds=0.3)) as session:
        with pytest.raises(LMUnavailableError):
            session.ask("Refused?")
        ended = [session.ask(question).status for question in ("Failed?", "Limited?", "Silent?")]
        whole = session.ask("Last?")
        history = session.history[:-1]
    assert ended == ["partial", "partial", "partial"]
    assert [entry["question"] for entry in history if isinstance(entry, dict)] == ["Failed?", "Limited?", "Silent?"]
    assert whole.answer == [1, 2, 3, history]
    world = Sessions(scripts)
    assert world.again(replay, whole).result().answer == whole.answer
    assert (world.asked, world.ran) == ({}, {})


def test_a_question_before_it_that_was_stopped_while_its_model_was_asked() -> None:
    scripts: dict[str, tuple[Line, ...]] = {
        "One?": ("x = 1\nanswer['content'] = 'so far'", "never = 1"),
        "Two?": ("FINAL([x, 'never' in globals(), history])",),
    }
    asked = threading.Event()

    class Waits(Sessions):
        """A world whose root never answers the second time."""

        async def _late(self, request: Request) -> Line:
            if request.messages[-1].content.startswith("Output"):
                asked.set()
                await asyncio.sleep(60)
            return self._cell(request)

    world = Waits(scripts)
    world.root = Scripted(world._late, name="root")
    with world.session() as session:
        run = session.stream("One?")
        asked.wait(5)
        run.stop()
        assert (run.result().status, run.result().reason) == ("partial", "stopped")
        whole = session.ask("Two?")
    assert whole.answer == [1, False, [{"question": "One?", "answer": "so far"}]]
    assert world.again(replay, whole).result().answer == whole.answer


def test_a_question_before_it_that_lost_its_worker() -> None:
    scripts: dict[str, tuple[Line, ...]] = {
        "One?": ("x = 1", "import os\nos._exit(3)", "y = 2\nFINAL(y)"),
        "Two?": ("import threading, os\nthreading.Timer(0.05, os._exit, (1,)).start()\nFINAL(y)",),
        "Three?": ("FINAL(['x' in globals(), 'y' in globals(), len(history), context_1])",),
    }
    world = Sessions(scripts)
    with world.session() as session:
        session.add("more")
        session.ask("One?")
        two = session.ask("Two?")
        _wait_for_loss(session)
        third = session.ask("Three?")
    assert (two.answer, third.answer) == (2, [False, False, 2, "more"])
    begin = events(third)[0]
    assert isinstance(begin, RunBegin)
    assert begin.sitting is not None
    assert (begin.sitting["before"], begin.sitting["lost"]) == (two.run_id, "worker")
    world = Sessions(scripts)
    assert world.again(replay, third).result().answer == third.answer


def _wait_for_loss(session: Sitting) -> None:
    for _ in range(100):
        if session._kept.session is not None and session._kept.session.is_gone:
            return
        time.sleep(0.02)
    raise AssertionError("the worker is still there")


def test_a_question_before_it_that_was_broken_off_in_a_cell_and_one_whose_trace_is_gone() -> None:
    scripts: dict[str, tuple[Line, ...]] = {
        "One?": ("x = 1\nFINAL(x)",),
        "Two?": ("y = 1\nwhile True: pass",),
        "Three?": ("FINAL(x)",),
    }
    world = Sessions(scripts)
    with world.session() as session:
        one = session.ask("One?")
        run = session.stream("Two?")
        next(event for event in run if isinstance(event, CellBegin))
        run.stop()
        two, three = run.result(), session.ask("Three?")
    refused = (
        f"^the run {three.run_id} is question 3 of the session that began with {one.run_id}: question 2 of it, the "
        f"run {two.run_id}, was broken off while a cell ran, so what its cells had made by then is not known; ask "
        "again, in a new session$"
    )
    for way in (resume, replay, partial(fork, at=1)):
        with pytest.raises(ConfigError, match=refused):
            world.again(way, three)
    assert one.trace is not None
    log = one.trace / "events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=f"question 1 of it, the run {one.run_id}, has no end in its trace, so what"):
        world.again(replay, two)
    shutil.rmtree(one.trace)
    gone = f"with {one.run_id}: the trace of the run {one.run_id}, a question before it, is not there any more, so what"
    with pytest.raises(ConfigError, match=gone):
        world.again(replay, two)
    shutil.rmtree(two.trace or "")
    gone = f"with {one.run_id}: the trace of the run {two.run_id}, a question before it, is not there any more, so what"
    with pytest.raises(ConfigError, match=gone):
        world.again(replay, three)


# Other ways than recorded --------------------------------------------------------------------------------------------

CLOCK: dict[str, tuple[Line, ...]] = {
    "One?": ("import time\nprint(time.time())\nx = time.time()", "FINAL(tool('one'))"),
    "Two?": ("print(history)", "FINAL([llm_query('two'), x > 0])"),
}


def _two(world: Sessions) -> Completion:
    with world.session() as session:
        session.ask("One?")
        return session.ask("Two?")


def test_a_cell_before_it_that_goes_another_way_stops_it_and_live_passes_over() -> None:
    whole = _two(Sessions(CLOCK))
    first = events(whole)[0]
    assert isinstance(first, RunBegin)
    assert first.sitting is not None
    world = Sessions(CLOCK)
    path = cut_at_turn(whole, 2)
    with pytest.raises(DivergedError) as caught:
        world.again(resume, path).result()
    assert re.fullmatch(
        rf"question 1 of the session, the run {first.sitting['run']}: turn 1 went another way than recorded: line 1 of "
        r"its output was '[\d.]+' and is '[\d.]+'; live=True, or --live, goes on from there",
        str(caught.value),
    )
    done = world.again(resume, path, live=True).result()
    assert done.answer == ["TWO", True]
    assert (world.asked, world.ran) == ({"Two? 2": 1, "two": 1}, {})
    begin, *rest = events(done)
    assert isinstance(begin, RunBegin)
    passed_over = str((begin.origin or {})["passed_over"])
    assert passed_over.startswith(f'["question 1 of the session, the run {first.sitting["run"]}, turn 1: line 1 of its')
    assert [event.difference for event in rest if isinstance(event, RecordLeft)] == [None]
    runs = sorted(done.trace.parent.iterdir()) if done.trace is not None else []
    assert len(runs) == 4  # of what ran again before it nothing is kept: two questions, one cut, one resumed


@pytest.mark.parametrize("call", ["llm_query", "tool"])
def test_what_a_question_before_it_had_not_asked_is_not_asked_now(call: str) -> None:
    cell = f"import time, os\nprint({call}(f'x{{os.getpid()}}') != 0)\nFINAL(1)"
    scripts: dict[str, tuple[Line, ...]] = {"One?": (cell,), "Two?": ("FINAL(2)",)}
    whole = _two(Sessions(scripts))
    for live in (False, True):
        world = Sessions(scripts)
        told = rf"^question 1 .*: turn 1 went another way than recorded: it called {call}\('x\d+'\), and had not$"
        with pytest.raises(DivergedError, match=told):
            world.again(resume, whole, live=live).result()
        assert (world.asked, world.ran) == ({}, {})


def test_a_worker_that_is_lost_this_time_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "mark"
    cell = f"import os\nif os.path.exists({str(mark)!r}): os._exit(3)\nFINAL(1)"
    scripts: dict[str, tuple[Line, ...]] = {"One?": (cell,), "Two?": ("FINAL(2)",)}
    world = Sessions(scripts)
    with world.session(sandbox="unconfined") as session:
        session.ask("One?")
        whole = session.ask("Two?")
    assert world.again(replay, whole).result().answer == 2
    with monkeypatch.context() as patched:
        patched.setattr(Session, "is_gone", True)
        between = "^question 2 .* can't be asked again as it was: the worker of the questions before it was lost this"
        with pytest.raises(DivergedError, match=between):
            world.again(replay, whole).result()
    mark.touch()
    for live in (False, True):
        in_it = "^question 1 .*: turn 1 went another way than recorded: its worker was lost this time: "
        with pytest.raises(DivergedError, match=in_it):
            world.again(resume, whole, live=live).result()


def test_redaction_and_limits_of_a_question_before_it() -> None:
    scripts: dict[str, tuple[Line, ...]] = {
        "One?": ("print('secret')\nx = 1\nFINAL('a secret')",),
        "Two?": ("FINAL([x, len(context_1)])",),
    }

    def redact(text: str) -> str:
        return text.replace("secret", "[gone]")

    world = Sessions(scripts)
    with world.session(redact=redact) as session:
        session.ask("One?")
        session.add("plain")
        whole = session.ask("Two?")
    assert world.again(replay, whole, redact=redact).result().answer == [1, 5]
    with world.session(redact=redact) as session:
        session.ask("One?")
        session.add("a secret context")
        whole = session.ask("Two?")
    refused = r"^the run's context_1 was redacted in its trace: ask again, in a new session$"
    with pytest.raises(ConfigError, match=refused):
        world.again(replay, whole, redact=redact).result()


def test_children_and_confirmed_batches_before_it() -> None:
    estimates: list[object] = []

    def approve(estimate: object) -> str:
        estimates.append(estimate)
        return "deny" if len(estimates) == 1 else "allow"

    scripts: dict[str, tuple[Line, ...]] = {
        "One?": (
            "try:\n    llm_query('no')\nexcept LimitError as error:\n    print('refused')",
            "child = rlm_query('sum up', context='some text ' * 50)\nFINAL(child)",
        ),
        "Two?": ("FINAL(child + llm_query('two'))",),
    }
    child = ("FINAL(llm_query('in child') + context[:4])",)
    world = Sessions(scripts, child=child)
    with world.session(limits=Limits(depth=2), approve=approve) as session:
        session.ask("One?")
        whole = session.ask("Two?")
    assert whole.answer == "IN CHILDsomeTWO"
    had = len(estimates)
    world = Sessions(scripts, child=child)
    done = world.again(resume, cut_before(whole, lambda event: isinstance(event, CellEnd)), approve=approve).result()
    assert (done.answer, world.asked, len(estimates)) == (whole.answer, {}, had)


def test_nothing_is_left_of_it() -> None:
    whole = _two(Sessions(CLOCK))
    Sessions(CLOCK).again(resume, whole, live=True).result()  # what a process keeps is there then
    before = len(descendants()), open_fds()
    Sessions(CLOCK).again(resume, whole, live=True).result()
    with pytest.raises(DivergedError):
        Sessions(CLOCK).again(resume, whole).result()
    assert (len(descendants()), open_fds()) == before


def test_it_is_stopped_while_questions_before_it_run_again() -> None:
    scripts: dict[str, tuple[Line, ...]] = {"One?": ("import time\ntime.sleep(0.8)\nFINAL(1)",), "Two?": ("FINAL(2)",)}
    whole = _two(Sessions(scripts))
    run = Sessions(scripts).again(resume, whole)
    time.sleep(0.2)
    run.stop()
    done = run.result()
    assert (done.status, done.reason) == ("failed", "stopped")
    run = Sessions(scripts).again(resume, whole)
    time.sleep(0.2)
    run.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        run.result()


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"added": [3]}, ContextError, r"^the trace of \S+ names no context$"),
        ({"added": [{"name": "open", "digest": "", "run": ""}]}, ContextError, r"^the trace of \S+ names no context$"),
        ({"before": "../elsewhere"}, ConfigError, r"the trace of the run \.\./elsewhere, a question before it, is not"),
        ({"run": "another"}, ConfigError, r": the run \S+ is no question before it, though its trace says so$"),
        ({"number": "2"}, ConfigError, r": the run \S+ is no question before it, though its trace says so$"),
        ({"input": 7}, ContextError, r"^the trace of \S+ does not say where its input is$"),
    ],
)
def test_a_trace_that_is_not_as_it_should_be(change: dict[str, JSON], error: type[RlmError], told: str) -> None:
    world = Sessions({"One?": ("FINAL(1)",), "Two?": ("FINAL(2)",)})
    whole = _two(world)
    assert whole.trace is not None
    log = whole.trace / "events.jsonl"
    first, rest = log.read_bytes().split(b"\n", 1)
    row = json.loads(first)
    row["sitting"] |= change
    log.write_bytes(json.dumps(row).encode() + b"\n" + rest)
    with pytest.raises(error, match=told):
        world.again(replay, whole).result()
