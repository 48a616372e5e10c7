"""The live tree, on an emulated terminal and off it."""

import io
import time
from dataclasses import replace

import pyte
import pytest

from rlm import RLM, Estimate
from rlm.live import LiveTree
from rlm.lms.scripted import Scripted
from rlm.trace.events import (
    AnswerSet,
    CallBegin,
    CallEnd,
    CellBegin,
    CellEnd,
    EstimateDecided,
    EstimateMade,
    Event,
    NodeBegin,
    ReplyReceived,
    RunBegin,
    RunEnd,
    TurnBegin,
)
from rlm.types import JSON

USAGE: dict[str, JSON] = {"calls": 1, "input_tokens": 1200, "output_tokens": 34}
HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]hi[/]\u202e"


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what a person would see on it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def seen(self) -> str:
        screen = pyte.Screen(100, 40)
        stream = pyte.Stream(screen)
        stream.feed(self.getvalue().replace("\n", "\r\n"))
        return "\n".join(line.rstrip() for line in screen.display).rstrip()


@pytest.fixture(autouse=True)
def _terminal_of_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def events(
    code: str = "FINAL('Ann')", output: str = "", answer: str = "Ann", prompt: str = "Is it Ann?"
) -> list[Event]:
    return [
        RunBegin(
            run_id="20261121-000000-abcdef",
            started="",
            question="Who is the tallest?",
            context="str, 42 characters\nmore",
            model="openai/big",
            sub_model="openai/small",
            sandbox="local",
            enforces=[],
            seed=7,
    limits={"turns": 30, "usd": 1.0, "tokens": 100_000, "seconds": 60.0},
            versions={},
        ),
        NodeBegin(span=1, parent=0, depth=0, question="", context="", model=""),
        TurnBegin(span=2, parent=1, turn=1),
        ReplyReceived(span=2, text="", finish="stop", usage=USAGE, cost=0.0125, retries=0, seconds=0.5),
        CellBegin(span=2, code=code),
        CallBegin(span=3, parent=2, name="llm_query", prompt=prompt, model="openai/small"),
        CallBegin(span=4, parent=2, name="llm_query", prompt=prompt, model="openai/small"),
        CallEnd(span=3, reply="yes", error=None, finish="stop", usage=USAGE, cost=0.0, retries=0, seconds=0.1),
        CallEnd(span=4, reply=None, error="down", finish=None, usage={}, cost=None, retries=0, seconds=0.1),
        CellEnd(
            span=2,
            output=output,
            output_size=len(output),
            shown=output,
            error=None,
            interrupted=False,
            lost=None,
            seconds=0.2,
        ),
        AnswerSet(span=2, value=answer, is_repr=False, ready=True),
        RunEnd(
            t=1.5, response=answer, status="done", reason="", route="rlm", usage=USAGE, cost=0.0125, seconds=1.5
        ),
    ]  # fmt: skip


def draw(events: list[Event], *, code: bool = False) -> Terminal:
    terminal = Terminal()
    live = LiveTree(terminal, code=code)
    for event in events:
        live.listen(event)
    live.close()
    return terminal


def test_a_finished_run_stays_on_the_screen() -> None:
    assert draw(events(output="two lines\n")).seen() == "\n".join(
        [
            "Who is the tallest?",
            "str, 42 characters · openai/big · local",
            "└── turn 1  model 0.50 s, 1,234 tokens, cell 0.20 s",
            "    ├── FINAL('Ann')",
            "    ├── llm_query × 2: 1 done, 1 failed",
            "    ├── printed 10 characters",
            "    └── answer: Ann",
            "done · 1/30 turns · 1 model call · 1,234/100,000 tokens · $0.0125/$1 · 1.5/60 s",
            "run 20261121-000000-abcdef",
        ]
    )


def test_a_running_run_shows_what_is_in_flight() -> None:
    terminal = Terminal()
    live = LiveTree(terminal)
    for event in events()[:7]:
        live.listen(event)
    deadline = time.monotonic() + 5
    while "2 running" not in terminal.seen() and time.monotonic() < deadline:
        time.sleep(0.02)
    seen = terminal.seen()
    live.close()
    assert "llm_query × 2: 2 running" in seen
    assert "cell running" in seen
    assert "running · 1/30 turns · 1 model call · 1,234/100,000 tokens · $0.0125/$1 ·" in seen


def test_a_batch_that_waits_for_approval_shows_what_it_would_cost_and_makes_room_for_a_question() -> None:
    made = EstimateMade(
        span=9,
        parent=2,
        function="llm_query_batched",
        model="openai/small",
        calls=500,
        input_tokens=10,
        output_tokens=10,
        usd=2.5,
        seconds=41.6,
    )
    terminal = Terminal()
    live = LiveTree(terminal)
    for event in [*events()[:5], made]:
        live.listen(event)
    live.pause()
    assert "    └── llm_query_batched × 500: waits for approval, about $2.5000, 42 s\nrunning" in terminal.seen()
    before = terminal.getvalue()
    time.sleep(0.15)
    assert terminal.getvalue() == before, "nothing is drawn during a pause"
    terminal.write("Go on? [y/N] y\n")
    live.resume()
    live.listen(EstimateDecided(span=9, allowed=False, asked=True))
    live.close()
    above, _, below = terminal.seen().partition("Go on? [y/N] y\n")
    assert "waits for approval" in above
    assert "llm_query_batched × 500: not approved, about $2.5000, 42 s" in below
    assert "waits" not in below


def test_a_run_can_end_during_a_pause() -> None:
    terminal = Terminal()
    live = LiveTree(terminal)
    for event in events()[:5]:
        live.listen(event)
    live.pause()
    live.listen(events()[-1])
    live.resume()
    assert "done · 1/30 turns" in terminal.seen()


def test_code_and_output_of_each_turn_with_code() -> None:
    seen = draw(events(code="x = 1\nFINAL(x)", output="shown\nlines"), code=True).seen()
    assert "├── x = 1\n│   FINAL(x)\n" in seen
    assert "shown\n" in seen
    assert "Is it Ann? -> yes" in seen
    assert "Is it Ann? ! down" in seen


@pytest.mark.parametrize("code", [False, True])
def test_model_text_can_not_drive_the_terminal(code: bool) -> None:
    hostile = events(code=HOSTILE, output=HOSTILE, answer=HOSTILE, prompt=HOSTILE)
    hostile[0] = replace(hostile[0], question=HOSTILE, context=HOSTILE, model=HOSTILE)
    terminal = draw(hostile, code=code)
    raw = terminal.getvalue()
    assert "\x1b[2J" not in raw
    assert "\x1b]" not in raw
    assert "\x07" not in raw
    assert "\u202e" not in raw
    assert "\\x1b[2J\\x1b]0;owned\\x07[bold red]hi[/]\\u202e" in terminal.seen()


def test_many_turns_leave_the_newest_in_sight() -> None:
    begun = events()[:2]
    turns: list[Event] = [TurnBegin(span=10 + turn, parent=1, turn=turn) for turn in range(1, 101)]
    terminal = Terminal()
    live = LiveTree(terminal)
    for event in begun + turns:
        live.listen(event)
    deadline = time.monotonic() + 5
    while "turn 100" not in terminal.seen() and time.monotonic() < deadline:
        time.sleep(0.02)
    seen = terminal.seen()
    live.close()
    assert "… 92 earlier turns" in seen
    assert "turn 100  asking the model" in seen


@pytest.mark.parametrize("code", [False, True])
def test_no_control_code_where_there_is_no_terminal(code: bool) -> None:
    file = io.StringIO()
    live = LiveTree(file, code=code)
    for event in events(code="x = 1", output="shown"):
        live.listen(event)
    live.close()
    assert "\x1b" not in file.getvalue()
    if not code:
        assert file.getvalue() == ""
    else:
        assert file.getvalue().startswith("turn 1  model 0.50 s, 1,234 tokens, cell 0.20 s\n├── x = 1\n")


def test_long_texts_of_sub_calls_are_not_kept() -> None:
    live = LiveTree(io.StringIO())
    for event in events(prompt="x" * 1_000_000)[:6]:
        live.listen(event)
    assert live.run.root is not None
    assert len(live.run.root.turns[0].calls[0].begin.prompt) == 400


def test_the_tree_rests_while_the_callers_function_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Terminal()
    monkeypatch.setattr("sys.stderr", file)
    shown: list[str] = []

    def confirm(estimate: Estimate) -> bool:
        shown.append(file.seen())
        return True

    model = Scripted(["```repl\nFINAL(llm_query('a'))\n```", "yes"])
    done = RLM(
        model=model, verbose=True, trace=False, route="never", approve=lambda estimate: "ask", confirm=confirm
    ).completion("How long?", context="four")
    assert done.response == "yes"
    assert "llm_query × 1: waits for approval, about $0" in shown[0]
    assert "    └── answer: yes\ndone · 1/30 turns" in file.seen()


@pytest.mark.parametrize("terminal", [True, False])
def test_verbose_draws_on_standard_error_and_only_if_it_is_a_terminal(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    model = Scripted(["```repl\nFINAL(len(context))\n```"])
    done = RLM(model=model, verbose=True, trace=False).completion("How long?", context="four")
    assert done.response == "4"
    if terminal:
        assert isinstance(file, Terminal)
        assert "    └── answer: 4\ndone · 1/30 turns · 1 model call" in file.seen()
    else:
        assert file.getvalue() == ""
