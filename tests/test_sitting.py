"""Sessions: several questions over one input and one REPL, in real workers."""

import asyncio
import concurrent.futures
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from rlm import (
    RLM,
    ConfigError,
    ContextError,
    LimitError,
    Limits,
    LMRefusedError,
    Price,
    Run,
    kept,
    replay,
)
from rlm.lms.scripted import Scripted
from rlm.sandbox import cell_run
from rlm.sandbox import session as sandbox_session
from rlm.sitting import Sitting
from rlm.trace.events import CellBegin, RunBegin
from rlm.trace.store import read
from rlm.types import JSON, Request


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def engine(*cells: str, **options: Any) -> RLM:
    """An engine whose root writes these cells; its sub-model answers in capitals."""
    sub = Scripted(lambda request: request.messages[-1].content.upper(), name="sub")
    return RLM(model=Scripted([block(cell) for cell in cells]), sub_model=sub, **options)


def first_messages(rlm: RLM) -> list[str]:
    """The last opening message of each conversation that began."""
    model = rlm.setup.model
    assert isinstance(model, Scripted)
    return [request.messages[-1].content for request in model.requests if len(request.messages) == 2]


def begins(*runs: Path | None) -> list[RunBegin]:
    found = [next(iter(read(path))) for path in runs if path is not None]
    assert all(isinstance(begin, RunBegin) for begin in found)
    return [begin for begin in found if isinstance(begin, RunBegin)]


def test_names_stay_and_history_has_the_answers() -> None:
    rlm = engine(
        "n = len(context)\ndef twice():\n    return 2 * n\nFINAL(n)",
        "FINAL([twice(), question, history, answer['ready'], len(outputs)])",
    )
    with rlm.session("x" * 500) as session:
        first, second = session.ask("How long?"), session.ask("And twice?")
        assert session.history == [
            {"question": "How long?", "answer": 500},
            {"question": "And twice?", "answer": second.answer},
        ]
    assert (first.answer, first.status, first.turns, first.usage.calls) == (500, "done", 1, 1)
    assert second.answer == [1000, "And twice?", [{"question": "How long?", "answer": 500}], False, 0]
    assert (second.status, second.turns, second.usage.calls) == ("done", 1, 1)
    assert second.run_id != first.run_id
    assert second.route_reason == "there are names that later questions go on with, which a plain call has not"


def test_the_root_is_told_what_there_is() -> None:
    rlm = engine("total = 42\ndef f(): pass\nFINAL(1)", "FINAL(2)")
    with rlm.session("x" * 500) as session:
        session.ask("One?")
        assert session.add("y" * 70) == "context_1"
        session.ask("Two?")
    one, two = first_messages(rlm)
    assert one == "Question: One?\n\n`context` is: str, 500 characters, 1 line\n\nBegin with a cell that looks at it."
    assert two == (
        "Question: Two?\n\n`context` is: str, 500 characters, 1 line\n\nBegin with a cell that looks at it.\n\n"
        "Questions were asked about this before, in this same REPL: 1. `history` has them in order, each "
        '`{"question": ..., "answer": ...}`. Answer this question.\n\n'
        "Beside `context` there is:\n\n- `context_1`: str, 70 characters, 1 line\n\n"
        "`grep`, `search` and `chunks` look into all of them, `chunks(of=...)` into one.\n\n"
        "Names that earlier cells made, and that you can use:\n\n- f: function\n- total: int 42"
    )


def test_the_root_is_told_of_the_last_names_alone() -> None:
    rlm = engine("for n in range(140):\n    globals()[f'v{n}'] = n\nFINAL(1)", "FINAL(2)")
    with rlm.session("x" * 500) as session:
        session.ask("One?")
        session.ask("Two?")
    told = first_messages(rlm)[1].partition("that you can use:\n\n")[2].splitlines()
    assert told[:30] == [f"- v{n}: int {n}" for n in range(139, 109, -1)]
    assert told[30:] == ["- and at least 70 more, which `SHOW_VARS()` lists"]


def test_the_answer_begins_anew_with_each_question() -> None:
    rlm = engine("answer['content'] = 'old'\nFINAL('old')", "1 + 1", "FINAL(answer['content'])")
    with rlm.session("x" * 500) as session:
        assert session.ask("One?").answer == "old"
        assert session.ask("Two?").answer == ""


def test_contexts_can_be_added(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_text("beta = 1\n")
    (tmp_path / "folder" / "b.txt").write_text("gamma\n")
    cells = (
        "FINAL([context_1['a.py'], context_2, context, [hit.name for hit in grep('beta')]])",
        "context_1 = None\nFINAL([context_3['k'][0], [[p.name, p.start, p.end] for p in chunks(of=context_2)]])",
        "FINAL([context_1.names, [p.name for p in chunks()], [p.name for p in chunks(of=context)]])",
    )
    with engine(*cells).session("alpha beta") as session:
        assert session.add(tmp_path / "folder") == "context_1"
        assert session.add("beta, again") == "context_2"
        assert session.ask("?").answer == [
            "beta = 1\n",
            "beta, again",
            "alpha beta",
            ["", "context_1/a.py", "context_2"],
        ]
        assert session.add({"k": ["beta in JSON"]}) == "context_3"
        assert session.ask("?").answer == ["beta in JSON", [["context_2", 0, 11]]]
        names = ["", "context_1/a.py", "context_1/b.txt", "context_2", "context_3['k'][0]"]
        assert session.ask("?").answer == [["a.py", "b.txt"], names, [""]]


def test_a_long_context_comes_whole() -> None:
    text = "".join(f"line {n} \N{SNOWMAN}\n" for n in range(200_000)) + "\udc80 end"
    with engine("FINAL([len(context_1), context_1[-5:] == '\\udc80 end'])").session("x") as session:
        session.add(text)
        assert session.ask("?").answer == [len(text), True]


def test_a_context_that_does_not_fit_is_told_and_left_out() -> None:
    rlm = engine(
        "kept = 1\nFINAL(0)", "FINAL([kept, 'context_1' in globals(), context_2])", limits=Limits(memory_mb=40)
    )
    with rlm.session("x") as session:
        session.ask("?")
        session.add("y" * 12_000_000 + "\N{SNOWMAN}\N{GRINNING FACE}")
        with pytest.raises(
            ContextError, match=r"^context_1 can't be loaded in the sandbox: MemoryError: ; it may need"
        ):
            session.ask("?")
        assert session.add("small") == "context_2"
        assert session.ask("?").answer == [1, False, "small"]


def test_a_lost_worker_is_told_and_contexts_come_back() -> None:
    rlm = engine(
        "x = 1\nFINAL(1)",
        "import os\nos._exit(3)",
        "FINAL([context_1, len(history)])",
        "import threading, os\nthreading.Timer(0.05, os._exit, (1,)).start()\nFINAL('dies after it')",
        "FINAL(['x' in globals(), context_1, len(history)])",
    )
    with rlm.session("x" * 500) as session:
        session.add("more")
        session.ask("One?")
        assert session.ask("Two?").answer == ["more", 1]
        session.ask("Three?")
        threading.Event().wait(0.2)
        assert session.ask("Four?").answer == [False, "more", 3]
    told = first_messages(rlm)
    gone = "Names that earlier cells made are gone: their REPL was lost, and this is a new one."
    assert [gone in message for message in told] == [False, False, False, True]


def test_what_is_asked_of_a_closed_or_busy_session_is_refused() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: Request) -> str:
        asked.set()
        go_on.wait(5)
        return block("FINAL(1)")

    session = RLM(model=Scripted(slow)).session("x" * 500)
    busy = "the session is answering a question: wait for its end, or stop it, before the next one"
    with session:
        run = session.stream("One?")
        asked.wait(5)
        for refused in (lambda: session.ask("Two?"), lambda: session.add("y")):
            with pytest.raises(ConfigError, match=f"^{busy}$"):
                refused()
        go_on.set()
        assert run.result().answer == 1
    with pytest.raises(ConfigError, match=r"^the session is closed: open another one with RLM.session\(\.\.\.\)$"):
        session.ask("Three?")
    session.close()


def test_async() -> None:
    async def main() -> None:
        async with engine("x = 1\nFINAL(x)", "FINAL(x + len(context_1))").session("x" * 500) as session:
            assert (await session.aask("One?")).answer == 1
            assert await session.aadd("yy") == "context_1"
            assert (await session.aask("Two?")).answer == 3
        with pytest.raises(ConfigError, match="closed"):
            await session.aask("Three?")

    asyncio.run(main())


def test_traces_say_which_question_of_which_session(tmp_path: Path) -> None:
    rlm = engine("FINAL(1)", "FINAL(2)", "FINAL(3)")
    with rlm.session("x" * 500) as session:
        first = session.ask("One?")
        session.add("more")
        second, third = session.ask("Two?"), session.ask("Three?")
    one, two, three = begins(first.trace, second.trace, third.trace)
    digest = two.sitting["added"][0]["digest"] if two.sitting else None  # type: ignore[index, call-overload]
    more: JSON = [{"name": "context_1", "digest": digest, "run": second.run_id}]
    known: dict[str, JSON] = {"run": first.run_id, "input": first.run_id, "lost": None}
    assert one.sitting == {**known, "number": 1, "added": [], "before": None}
    assert two.sitting == {**known, "number": 2, "added": more, "before": first.run_id}
    assert three.sitting == {**known, "number": 3, "added": more, "before": second.run_id}
    assert [begin.source for begin in (one, two, three)] == [
        {"kind": "text", "text": "x" * 500},
        {"kind": "earlier"},
        {"kind": "earlier"},
    ]
    assert [begin.added for begin in (one, two, three)] == [{}, {"context_1": {"kind": "text", "text": "more"}}, {}]
    assert one.digest == two.digest == three.digest


def after_cell(run: Run) -> None:
    """Waits until a cell of the run has begun."""
    for event in run:
        if isinstance(event, CellBegin):
            threading.Event().wait(0.1)  # until it is in its loop
            return


def test_a_question_that_is_stopped_keeps_the_names() -> None:
    rlm = engine(
        "x = 1\nFINAL(x)", "y = 2\nanswer['content'] = 'some'\nwhile True: pass", "FINAL([x, y, len(history)])"
    )
    with rlm.session("x" * 500) as session:
        session.ask("One?")
        run = session.stream("Two?")
        after_cell(run)
        run.stop()
        assert (run.result().status, run.result().reason) == ("failed", "stopped")
        assert session.ask("Three?").answer == [1, 2, 1]


def test_a_question_that_is_cancelled_in_a_sub_call_keeps_the_names() -> None:
    calls = threading.Event()

    async def waits(request: Request) -> str:
        calls.set()
        await asyncio.sleep(60)
        return ""

    async def main() -> None:
        model = Scripted([block("y = 2\nllm_query('?')"), block("FINAL([y, history, answer])")])
        async with RLM(model=model, sub_model=Scripted(waits, name="sub")).session("x" * 500) as session:
            asking = asyncio.create_task(session.aask("One?"))
            await asyncio.to_thread(calls.wait, 5)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert (await session.aask("Two?")).answer == [2, [], {"content": "", "ready": False}]

    asyncio.run(main())


def test_a_cell_that_does_not_stop_loses_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_run, "_GRACE", 0.1)
    stubborn = (
        "x = 1\nimport time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
    )
    rlm = engine(stubborn, "FINAL('x' in globals())")
    with rlm.session("x" * 500) as session:
        run = session.stream("One?")
        after_cell(run)
        run.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            run.result()
        assert session.ask("Two?").answer is False


def test_a_worker_that_does_not_rest_between_questions_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_REST", 0.02)
    monkeypatch.setattr(sandbox_session, "_IDLE", 0.1)
    spins = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin).start()\nFINAL(1)"
    with engine(spins, "FINAL('spin' in globals())", limits=Limits(cell_seconds=0.1)).session("x" * 500) as session:
        session.ask("One?")
        held = session._kept.session
        assert held is not None
        for _ in range(100):
            if held._worker is None:
                break
            threading.Event().wait(0.05)
        assert held._worker is None
        assert session.ask("Two?").answer is False


def test_a_failed_question_leaves_the_session_usable() -> None:
    model = Scripted([block("x = 1\nFINAL(1)"), LMRefusedError("no such model"), block("FINAL([x, len(history)])")])
    with RLM(model=model).session("x" * 500) as session:
        session.ask("One?")
        with pytest.raises(LMRefusedError, match=r"^no such model$"):
            session.ask("Two?")
        assert session.ask("Three?").answer == [1, 1]


def test_a_lost_sandbox_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_text("as it was")
    rlm = engine("x = 1\nFINAL(1)", "FINAL(['x' in globals(), context, len(history)])")
    with rlm.session(path) as session:
        first = session.ask("One?")
        lose_sandbox(session)
        second = session.ask("Two?")
        assert second.answer == [False, "as it was", 1]
        lose_sandbox(session)
        path.write_text("as it is")
        with pytest.raises(ContextError, match=r"^the input has changed since: its SHA-256 was "):
            session.ask("Three?")
    (begin,) = begins(second.trace)
    assert begin.source == {"kind": "earlier"}
    known: dict[str, JSON] = {"run": first.run_id, "number": 2, "input": first.run_id, "added": []}
    assert begin.sitting == {**known, "before": first.run_id, "lost": "sandbox"}
    path.write_text("as it was")
    assert replay(second.run_id).result().answer == second.answer
    assert "are gone: their REPL was lost, and this is a new one." in first_messages(rlm)[1]


def test_a_sandbox_that_is_lost_in_a_question_ends_it() -> None:
    def model(request: Request) -> str:
        if len(model_.requests) == 2:
            lose_sandbox(session)
        return block("FINAL('x' in globals())" if len(model_.requests) == 4 else "x = 1\nFINAL(x)")

    model_ = Scripted(model)
    with RLM(model=model_).session("x" * 500) as session:
        session.ask("One?")
        lost = session.ask("Two?")
        assert (lost.status, lost.turns) == ("failed", 2)  # the model was told of the first cell's loss
        assert lost.reason.startswith("the run's zygote has ended")
        assert session.ask("Three?").answer is False


def lose_sandbox(session: Sitting) -> None:
    """Kills the zygote that starts the session's workers, and them with it."""
    place = session._kept.place
    assert place is not None
    run = place.environment._run  # type: ignore[attr-defined]
    signal.pidfd_send_signal(run._pidfd, signal.SIGKILL)
    threading.Event().wait(0.1)


def test_the_limits_of_a_session_hold_over_its_questions() -> None:
    price = Price(1.0, 1.0)
    model = Scripted([block("llm_query('a')\nFINAL(1)"), block("FINAL(2)")], price=price)
    rlm = RLM(model=model, sub_model=Scripted(lambda request: "A", name="sub", price=price))
    with rlm.session("x" * 500, limits=Limits(sub_calls=1, usd=5.0)) as session:
        first = session.ask("One?")
        assert first.answer == 1
        assert session._kept.spent.sub_calls == 1
        assert session._kept.spent.usd == first.cost
        with pytest.raises(LimitError, match=r"^the session's limit of 1 sub_calls is reached: open another session$"):
            session.ask("Two?")
    with pytest.raises(ConfigError, match=r"^the limit usd must be at least 0, not -1$"):
        rlm.session("x", limits=Limits(usd=-1))
    own = (
        r"^all questions of a session together may have limits of usd, tokens, seconds, sub_calls: turns, depth is "
        r"each question's own, RLM\(limits=...\)$"
    )
    with pytest.raises(ConfigError, match=own):
        rlm.session("x", limits=Limits(turns=5, depth=2))
    with pytest.raises(
        ConfigError, match=r"^the route 'always' is a plain call, and the questions of a session are answered"
    ):
        RLM(model=model, route="always").session("x")


def test_a_call_that_is_stopped_in_flight_counts_for_what_it_may_have_cost() -> None:
    asked = threading.Event()

    async def never(request: Request) -> str:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    rlm = RLM(model=Scripted(never, price=Price(0.0, 100.0)))
    with rlm.session("x" * 500, limits=Limits(usd=1.0)) as session:
        run = session.stream("One?")
        assert asked.wait(10)
        run.stop()
        assert run.result().cost is None
        assert session._kept.spent.usd == 8192 * 100 / 1e6
