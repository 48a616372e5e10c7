"""Runs that are cut off at any line of their trace and resumed: real workers, a scripted model, nothing asked twice."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm import RLM, Completion, ConfigError, ContextError, DivergedError, Limits, LMUnavailableError
from rlm.lms.scripted import Scripted
from rlm.resuming import resume
from rlm.trace.events import CallEnd, CellEnd, Event, RecordLeft, ReplyReceived, RequestSent, RunBegin, ToolEnd
from rlm.trace.reader import LOG
from rlm.trace.store import read
from rlm.types import Reply, Request, Usage


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


class World:
    """What a run meets outside: a model with a script, a sub-model and a tool, which count how often they are asked.

    A conversation that holds n replies gets the nth cell, so that a run which is resumed gets what is next.
    """

    def __init__(self, *cells: str, sub: Callable[[str], str] | None = None) -> None:
        self.cells = cells
        self.asked: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()
        self.root = Scripted(self._cell, name="root")
        self.sub = Scripted(self._answer, name="sub")
        self._sub = sub or str.upper

    def _cell(self, request: Request) -> Reply:
        turn = sum(message.role == "assistant" for message in request.messages)
        self.asked[f"turn {turn + 1}"] += 1
        return Reply(block(self.cells[turn]), Usage(1, 100, 10), 0.01)

    def _answer(self, request: Request) -> str:
        prompt = request.messages[-1].content
        self.asked[prompt] += 1
        return self._sub(prompt)

    def tool(self, name: str) -> int:
        """Counts."""
        self.ran[name] += 1
        return len(name)

    def options(self, **more: Any) -> dict[str, Any]:
        return {"model": self.root, "sub_model": self.sub, "tools": [self.tool], **more}

    def run(self, context: object = "the input " * 60, **more: Any) -> Completion:
        return RLM(**self.options(**more)).completion("What is it?", context=context)

    def resume(self, run: Path, **more: Any) -> Completion:
        return resume(run, **self.options(**more)).result()


def events(completion: Completion) -> list[Event]:
    assert completion.trace is not None
    return list(read(completion.trace))


def cut(completion: Completion, at: int, extra: int = 0) -> Path:
    """A copy of the run's trace as a kill would have left it: its first lines, and some bytes of the next."""
    assert completion.trace is not None
    lines = (completion.trace / LOG).read_bytes().splitlines(keepends=True)
    path = completion.trace.parent / f"cut-{at}-{extra}"
    shutil.copytree(completion.trace, path)
    (path / LOG).write_bytes(b"".join(lines[:at]) + b"".join(lines[at:])[:extra])
    return path


CELLS = (
    "import random\nkept = [random.random() for _ in range(3)]\nprint(kept, sorted({'a', 'b', 'c'}), {'x', 'y', 'z'})",
    "one = llm_query('first')\nprint(one, tool('side'))",
    "many = llm_query_batched([f'piece {n}' for n in range(5)])\nprint(many)",
    "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as pool:\n    got = list(pool.map(llm_query, [f'thread {n}' for n in range(6)]))\n"
    "print(got, tool('more'))",
    "again = [llm_query('same', temperature=0) for _ in range(3)]\nprint(again)",
    "FINAL([one, many, got, again, kept, tool('last')])",
)


@pytest.mark.slow
def test_wherever_it_was_cut_off_the_answer_is_the_same_and_nothing_recorded_is_asked_again() -> None:
    whole = World(*CELLS).run()
    assert whole.status == "done"
    begun = [event for event in events(whole) if not isinstance(event, RunBegin)]
    for at in range(1, len(begun) + 2, 2):
        world = World(*CELLS)
        path = cut(whole, at, extra=at % 7)
        left = list(read(path))
        resumed = world.resume(path)
        assert (resumed.answer, resumed.status, resumed.usage) == (whole.answer, "done", whole.usage), at
        recorded = sum(isinstance(event, CallEnd) and event.source == "model" for event in left)
        replies = sum(isinstance(event, ReplyReceived) for event in left)
        turns = sum(count for name, count in world.asked.items() if name.startswith("turn"))
        assert turns == len(CELLS) - replies
        assert world.asked.total() - turns == 13 - recorded
        assert world.ran.total() == 3 - sum(isinstance(event, ToolEnd) for event in left)
        assert resumed.cost == pytest.approx(whole.cost)
