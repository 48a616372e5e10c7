"""What a run meets outside, for tests of runs that are made from earlier ones: it counts what is asked of it."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlm import RLM, Completion
from rlm.lms.scripted import Line, Scripted
from rlm.resuming import resume
from rlm.run import Run
from rlm.trace.events import Event, NodeBegin, TurnBegin
from rlm.trace.reader import LOG
from rlm.trace.store import read
from rlm.types import Reply, Request, Usage


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


class World:
    """A model with a script, a sub-model and a tool.

    A conversation that holds n replies gets the nth cell, so that a run which is resumed gets what is next; a model of
    another name than the sub-model's is a root, and one whose conversation has a system message is a child.

    Args:
        cells: The root's cells; a `Line` is answered as it is.
        sub: Answers sub-calls; in capitals by default.
        child: The cells of children.
    """

    def __init__(self, *cells: Line, sub: Callable[[str], Line] = str.upper, child: tuple[str, ...] = ()) -> None:
        self.cells = cells
        self.child = child
        self.asked: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()
        self.root = Scripted(self._cell, name="root")
        self.sub = Scripted(self._answer, name="sub")
        self._sub = sub

    def _cell(self, request: Request) -> Line:
        turn = sum(message.role == "assistant" for message in request.messages)
        self.asked[f"turn {turn + 1}"] += 1
        cell = self.cells[turn]
        return Reply(block(cell), Usage(1, 100, 10), 0.01) if isinstance(cell, str) else cell

    def _answer(self, request: Request) -> Line:
        if request.messages[0].role == "system":
            turn = sum(message.role == "assistant" for message in request.messages)
            self.asked[f"child turn {turn + 1}"] += 1
            return block(self.child[turn])
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
        return RLM(**self.options(route="never", **more)).completion("What is it?", context=context)

    def resumed(self, run: Path | Completion, **more: Any) -> Run:
        return resume(run if isinstance(run, Path) else run.run_id, **self.options(**more))


def events(completion: Completion) -> list[Event]:
    assert completion.trace is not None
    return list(read(completion.trace))


def cut(completion: Completion, at: int, extra: int = 0) -> Path:
    """A copy of the run's trace as a kill would have left it: its first lines, and some bytes of the next."""
    assert completion.trace is not None
    lines = (completion.trace / LOG).read_bytes().splitlines(keepends=True)
    path = completion.trace.parent / f"cut-{completion.run_id}-{at}-{extra}"
    shutil.copytree(completion.trace, path)
    (path / LOG).write_bytes(b"".join(lines[:at]) + b"".join(lines[at:])[:extra])
    return path


def cut_at_turn(completion: Completion, turn: int) -> Path:
    """Cut before a turn of the root."""
    root = next(event.span for event in events(completion) if isinstance(event, NodeBegin))

    def is_it(event: Event) -> bool:
        return isinstance(event, TurnBegin) and (event.parent, event.turn) == (root, turn)

    return cut_before(completion, is_it)


def cut_before(completion: Completion, found: Callable[[Event], bool], last: bool = False) -> Path:
    """Cut before the first, or the last, event that is found."""
    places = [number for number, event in enumerate(events(completion)) if found(event)]
    return cut(completion, places[-1 if last else 0])
