"""A saved run as lines: children below their calls, what went wrong, and what ended it."""

import io
import re
from collections.abc import Sequence
from typing import Any

from rlm.lms.scripted import Scripted
from rlm.reference import RLM
from rlm.resuming import fork
from rlm.run_view import console, view
from rlm.trace.events import CellBegin, Event
from rlm.trace.tree import RunTree
from rlm.types import Limits, Request


def shown(model: Scripted, limits: Limits, *, code: bool = True, tools: Sequence[Any] = ()) -> list[str]:
    """What `view` makes of a real run over a short text, timings taken out."""
    events: list[Event] = []
    with RLM(model=model, limits=limits, trace=False, tools=tools).stream("Who?", context="Ann and Bob") as run:
        events.extend(run)
    file = io.StringIO()
    console(file).print(view(RunTree(events), code=code))
    return [line.partition("  model ")[0] for line in file.getvalue().splitlines()]


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def test_children_stand_below_the_calls_that_started_them() -> None:
    def script(request: Request) -> str:
        root = "Who?" in request.messages[1].content
        return cell("x = rlm_query('First name?', context[:3])\nFINAL(x)" if root else "FINAL(context)")

    assert shown(Scripted(script), Limits(depth=2))[2:11] == [
        "└── turn 1",
        "    ├── x = rlm_query('First name?', context[:3])",
        "    │   FINAL(x)",
        "    ├── rlm_query × 1: 1 done",
        "    │   └── First name? -> Ann",
        "    │       └── turn 1",
        "    │           ├── FINAL(context)",
        "    │           └── answer: Ann",
        "    └── answer: Ann",
    ]


def test_tools_stand_in_their_turn() -> None:
    def look(key: str, deep: bool = False) -> list[str]:
        if key == "x":
            raise LookupError("no \x1b[2J such key")
        return [key]

    code = "look('a', deep=True)\ntry:\n    look('x')\nexcept ToolError:\n    FINAL(1)"
    assert shown(Scripted([cell(code)]), Limits(), tools=[look], code=False)[2:7] == [
        "└── turn 1",
        "    ├── look('a', deep=True) …",
        "    ├── look('a', deep=True) -> [\"a\"]",
        "    ├── look('x') ! look: LookupError: no \\x1b[2J such key",
        "    └── answer: 1",
    ]


def test_what_went_wrong_is_there() -> None:
    script = ["no cell", cell("1 / 0"), cell("answer['content'] = 'half'")]
    lines = shown(Scripted(script), Limits(turns=2), code=False)
    assert lines[2:] == [
        "├── turn 1",
        "│   └── no cell in the reply: nudged",
        "├── turn 1",
        "│   ├── 1 / 0",
        "│   └── ZeroDivisionError: division by zero",
        "├── turn 2",
        "│   ├── answer['content'] = 'half'",
        "│   └── answer so far: half",
        "├── turn 3 (wrap-up)  no reply",
        "│   └── no reply: the script of scripted is at its end: 3 replies",
        "└── the limit of 2 turns is reached",
        *lines[-3:],
    ]
    assert lines[-3].startswith("partial · 2/2 turns · 3 model calls · ")
    assert lines[-2].startswith("the limit of 2 turns is reached, and the model gave no last answer: the script of ")


def test_with_its_code_a_cell_shows_the_whole_error() -> None:
    lines = shown(Scripted([cell("1 / 0"), cell("FINAL(1)")]), Limits(), code=True)
    assert lines[2:8] == [
        "├── turn 1",
        "│   ├── 1 / 0",
        "│   └── Traceback (most recent call last):",
        '│         File "<cell 1>", line 1, in <module>',
        "│           1 / 0",
        "│           ~~^~~",
    ]
    assert lines[8] == "│       ZeroDivisionError: division by zero"


def test_a_cell_that_was_broken_off_is_not_running_any_more() -> None:
    run = RLM(model=Scripted([cell("while True: pass")]), route="never").stream("Who?", context="Ann and Bob")
    events: list[Event] = []
    for event in run:
        events.append(event)
        if isinstance(event, CellBegin):
            run.stop()
    out = io.StringIO()
    console(out).print(view(RunTree(events)))
    assert re.search(r"turn 1  model [\d.]+ s, [\d,]+ tokens, cell broken off\n", out.getvalue())


def test_a_run_that_was_made_from_another_one_says_so() -> None:
    script = [cell("print(1)"), cell("FINAL(2)")]
    whole = RLM(model=Scripted(script), route="never").completion("Who?", context="Ann and Bob")
    forked = fork(whole.run_id, at=2, model=Scripted(script[1:]))
    file = io.StringIO()
    console(file).print(view(RunTree(forked)))
    run_id = forked.result().run_id
    assert file.getvalue().splitlines()[-1] == f"run {run_id} (fork of {whole.run_id}, turn 2)"
