"""What works in a run works in each question of a session: sub-calls, children, tools, files, pools. Nothing stays."""

import asyncio
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, ContextError, Limits, Sandbox, Tool, WarmPool, replay
from rlm.background import event_loop
from rlm.coverage import coverage
from rlm.kept import Kept
from rlm.lms.scripted import Scripted
from rlm.sandbox.launchers.base import Environment, Ready
from rlm.sandbox.launchers.local import LocalLauncher
from rlm.trace.events import CallBegin, Event, RunBegin
from rlm.trace.store import read
from rlm.types import JSON, Request
from sandbox.support import descendants, open_fds


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def upper(request: Request) -> str:
    return request.messages[-1].content.upper()


def engine(*cells: str, **options: Any) -> RLM:
    """An engine whose root writes these cells; its sub-model answers in capitals."""
    return RLM(model=Scripted([block(cell) for cell in cells]), sub_model=Scripted(upper, name="sub"), **options)


def calls(path: Path | None) -> list[CallBegin]:
    assert path is not None
    return [event for event in read(path) if isinstance(event, CallBegin)]


def test_sub_calls_and_their_places() -> None:
    cells = ("FINAL(llm_query('a'))", "FINAL(llm_query_batched([*chunks(of=context), *chunks(of=context_1)]))")
    with engine(*cells).session("one") as session:
        assert session.ask("?").answer == "A"
        session.add("two")
        second = session.ask("?")
    assert second.answer == ["ONE", "TWO"]
    assert second.usage.calls == 3
    assert [call.origins for call in calls(second.trace)] == [[[0, 3, ""]], [[0, 3, "context_1"]]]


def test_children_get_pieces_of_any_context() -> None:
    cells = {
        "One?": "x = 1\nFINAL(1)",
        "Two?": "pieces = [chunks(of=context)[0], chunks(of=context_1)[0]]\n"
        "FINAL(rlm_query_batched(['child', 'child'], pieces) + [rlm_query('child', context=context_1)])",
        "child": "FINAL([context, 'x' in globals(), len(grep('o'))])",
    }

    def model(request: Request) -> str:
        return block(cells[request.messages[1].content.partition("\n")[0].removeprefix("Question: ")])

    with RLM(model=Scripted(model), limits=Limits(depth=2)).session("one") as session:
        session.ask("One?")
        session.add("two")
        answer = session.ask("Two?").answer
    assert answer == ['["one", false, 1]', '["two", false, 1]', '["two", false, 1]']


def test_tools_are_open_as_long_as_the_session() -> None:
    opened: list[str] = []

    class Source:
        """Tools that say when they are opened and closed."""

        @asynccontextmanager
        async def opened(self) -> AsyncIterator[list[Tool]]:
            opened.append("opened")
            yield [Tool(lambda: len(opened), "count", "How many.")]
            opened.append("closed")

    def twice(x: int) -> int:
        """Twice that."""
        return 2 * x

    cells = ("FINAL([twice(4), limit])", "FINAL([twice(5), limit, count()])")
    with engine(*cells, tools=[twice, Source()], values={"limit": 3}).session("one") as session:
        assert session.ask("?").answer == [8, 3]
        assert session.ask("?").answer == [10, 3, 1]
        assert opened == ["opened"]
    assert opened == ["opened", "closed"]


def test_the_output_folder_comes_back_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write = "open(output_folder + '/{0}', 'w').write('{0}')\nFINAL(sorted(__import__('os').listdir(output_folder)))"
    rlm = engine(write.format("a"), write.format("b"), sandbox=Sandbox("local", output=out))
    with rlm.session("one") as session:
        assert session.ask("?").answer == ["a"]
        assert session.ask("?").answer == ["a", "b"]
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a": "a", "b": "b"}


def test_nothing_is_left_of_a_session(tmp_path: Path) -> None:
    async def tasks() -> set[str]:
        return {str(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    def state() -> tuple[object, ...]:
        running = asyncio.run_coroutine_threadsafe(tasks(), event_loop()).result()
        return len(descendants()), open_fds(), running, sorted(Path(tempfile.gettempdir()).glob("rlm-*"))

    engine("FINAL(1)").completion("?", context="x" * 500)  # the process's zygote and the like
    before = state()
    session = engine("FINAL(1)", "import time\ntime.sleep(60)").session("one")
    session.add("two")
    session.ask("?")
    run = session.stream("?")
    for event in run:
        if event.type == "cell_begin":
            break
    session.close()
    assert run.ended
    assert state() == before
    engine().session("never asked").close()
    assert state() == before


def test_a_session_keeps_the_place_that_a_pool_gave_it() -> None:
    class Counting(LocalLauncher):
        """`local`, whose places are counted."""

        def __init__(self) -> None:
            super().__init__()
            self.used = 0

        async def ready(self, limits: Limits) -> Ready:
            async def opened(context: Any, limits: Limits) -> Environment:
                self.used += 1
                return await self.open(context, limits)

            async def closed() -> None:
                pass

            return Ready(opened, closed, lambda: True)

    launcher = Counting()
    cells = ("x = 1\nFINAL(1)", "FINAL(x)", "FINAL('x' in globals())")
    with WarmPool(launcher, size=1) as pool:
        rlm = engine(*cells, sandbox=pool)
        with rlm.session("one") as session:
            assert [session.ask("?").answer, session.ask("?").answer, launcher.used] == [1, 1, 1]
        assert rlm.completion("?", context="y" * 500).answer is False
        assert launcher.used == 2


def test_nano_goes_on_with_its_own_prompt() -> None:
    model = Scripted([block("x = 1\nFINAL(1)"), block("FINAL([x, len(history)])")], name="nano")
    with RLM(model=model).session("one") as session:
        session.ask("One?")
        assert session.ask("Two?").answer == [1, 1]
    assert [[message.content for message in request.messages] for request in model.requests] == [["One?"], ["Two?"]]


def test_redaction_sees_what_is_added() -> None:
    rlm = engine("FINAL(1)", "FINAL(context_1)", redact=lambda text: text.replace("secret", "[gone]"))
    with rlm.session("one secret") as session:
        session.ask("?")
        session.add("another secret")
        second = session.ask("?")
    assert second.answer == "another secret"
    assert second.trace is not None
    begin = next(iter(read(second.trace)))
    assert isinstance(begin, RunBegin)
    assert begin.added == {"context_1": {"kind": "text", "text": "another [gone]"}}


def test_a_history_that_is_too_long_forgets_the_oldest() -> None:
    kept = Kept()
    for number in range(3):
        kept.remember(f"{number}?", "x" * 2_000_000)
    assert [entry["question"] for entry in kept.history if isinstance(entry, dict)] == ["1?", "2?"]
    assert kept.forgotten == 1
    kept = Kept()
    many: JSON = [0] * 200_000
    kept.remember("many?", many)
    kept.remember("again?", many)
    assert (len(kept.history), kept.forgotten) == (1, 1)


def test_what_is_forgotten_is_told() -> None:
    rlm = engine("FINAL('x' * 3_000_000)", "FINAL('y' * 3_000_000)", "FINAL([len(history), history[0]['question']])")
    with rlm.session("one") as session:
        session.ask("One?")
        session.ask("Two?")
        assert session.ask("Three?").answer == [1, "Two?"]
    model = rlm.setup.model
    assert isinstance(model, Scripted)
    assert "asked about this before, in this same REPL: 2." in model.requests[2].messages[-1].content
    assert "The oldest 1 of them are not in `history`." in model.requests[2].messages[-1].content


def test_events_of_a_question_are_streamed() -> None:
    with engine("FINAL(1)", "FINAL(2)").session("one") as session:
        for _ in range(2):
            seen: list[Event] = list(session.stream("?"))
            assert [event.type for event in seen][:2] == ["run_begin", "node_begin"]
            assert seen[-1].type == "run_end"


def test_limits_are_each_questions_own() -> None:
    rlm = engine("1", "FINAL(1)", "1", "FINAL(2)", limits=Limits(turns=2))
    with rlm.session("one") as session:
        assert [session.ask("?").status, session.ask("?").status] == ["done", "done"]


def test_the_first_question_can_be_replayed_without_the_others() -> None:
    rlm = engine("answer['content'] = len(history)", "FINAL(len(context))")
    with rlm.session("one") as session:
        first = session.ask("One?")
    again = replay(first.run_id).result()
    assert (again.answer, again.status, again.route) == (3, "done", "rlm")


def test_an_interrupt_leaves_the_session_usable() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

    def model(request: Request) -> str:
        question = request.messages[1].content.partition("\n")[0]
        if question == "Question: Two?":
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return block("import time\ntime.sleep(60)")
        return block("x = 1\nFINAL(x)" if question == "Question: One?" else "FINAL(x)")

    with RLM(model=Scripted(model)).session("one") as session:
        session.ask("One?")
        with pytest.raises(KeyboardInterrupt):
            session.ask("Two?")
        signal.signal(signal.SIGINT, before)
        assert session.ask("Three?").answer == 1


def test_coverage_and_citations_know_which_input(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The third sentence stands in a file of a folder.\n")
    cells = (
        "FINAL(1)",
        "FINAL(['\"' + text + '\"' for text in (context, context_1, context_2['a.txt'])])",
        "llm_query(chunks(of=context_1)[0])\nFINAL('\"The second sentence is an added one, and long\"')",
    )
    with engine(*cells).session("The first sentence is in the input itself.") as session:
        session.ask("One?")
        session.add("The second sentence is an added one, and long.")
        session.add(tmp_path / "docs")
        session.ask("Two?")
        third = session.ask("Three?")
    (citation,) = third.citations
    assert [(place.name, place.start, place.end) for place in citation.places] == [("context_1", 0, 45)]
    covered = coverage(third)
    assert covered.input.names() == ["", "context_1", "context_2/a.txt"]
    assert [(stretch.span.text, stretch.span.start, stretch.span.end) for stretch in covered.stretches] == [(1, 0, 46)]
    assert third.trace is not None
    shutil.rmtree(third.trace.parent / str(session._kept.first))
    with pytest.raises(ContextError, match=f"^the input of the run {third.run_id} is in the trace of "):
        coverage(third)
