"""`rlm ask --confirm-above`: on a terminal of its own, and without one."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.approval import Estimate
from rlm.cli.confirm import ConfirmAbove
from rlm.live import LiveTree
from rlm.lms.scripted_server import Answer, Received, ScriptedServer

Rlm = Callable[..., SimpleNamespace]

CELL = """```repl
try:
    FINAL(llm_query_batched(['Is it ' + word for word in ('Ann', 'Bob')])[0])
except LimitError as error:
    FINAL('refused: ' + str(error)[:12])
```"""
# Two calls of 512 output tokens at $100 a million, and next to nothing for the prompts.
ASKED = "rlm: llm_query_batched: 2 calls to openai/some-model, about 6 tokens in and 1,024 out, about $0.10"
PRICED = ["--model", "openai/some-model", "--price", "1/100"]


def answer(request: Received) -> Answer:
    return Answer(CELL if request.value["messages"][0]["role"] == "system" else "yes, Ann")


class Session:
    """The command on a terminal, as a person has it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (folder / "book.txt").write_text("Ann is tall.\n" * 10)
        self.server = ScriptedServer(answer)
        self.server.__enter__()
        self.master, slave = pty.openpty()
        keys = {"OPENAI_BASE_URL": self.server.url, "OPENAI_API_KEY": "sk-secret", "RLM_HOME": str(folder / "home")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rlm", "ask", "Who?", "book.txt", *PRICED, *arguments],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            env={**os.environ, **keys, "TERM": "xterm", "COLUMNS": "150"},
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> None:
        """Reads what the terminal shows until it has shown `text`."""
        deadline = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < deadline, f"waited in vain for {text!r} in {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit status, and what went to standard output."""
        try:
            while text := os.read(self.master, 65536).decode():
                self.seen += text
        except OSError:  # the last end of the terminal is closed
            pass
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.server.__exit__(None, None, None)
        os.close(self.master)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def start(*arguments: str) -> Session:
        sessions.append(Session(tmp_path, *arguments))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


def test_a_yes_lets_the_batch_go_and_the_tree_is_drawn_on(begin: Callable[..., Session]) -> None:
    session = begin("--confirm-above", "0.05")
    session.until("Go on? [y/N] ")
    assert ASKED in session.seen
    assert "rlm: that is more than $0.05. Go on? [y/N] " in session.seen
    assert "llm_query_batched × 2: waits for approval, about $0.10" in session.seen
    asked = len(session.seen)
    session.type("y\n")
    assert session.end() == (0, "yes, Ann\n")
    assert "llm_query_batched × 2: 2 done" in session.seen[asked:]


@pytest.mark.parametrize(
    "typed",
    ["\n", pytest.param("yo\n", marks=pytest.mark.slow), pytest.param("\x04", marks=pytest.mark.slow)],
    ids=["enter", "yo", "ctrl-d"],
)
def test_anything_else_is_a_no_that_the_cell_can_read(begin: Callable[..., Session], typed: str) -> None:
    session = begin("--confirm-above", "0.05")
    session.until("Go on? [y/N] ")
    session.type(typed)
    assert session.end() == (0, "refused: not approved\n")
    assert "llm_query_batched × 2: not approved, about $0.10" in session.seen
    assert len(session.server.requests) == 1, "only the root's own request"


def test_ctrl_c_is_a_no_and_stops(begin: Callable[..., Session]) -> None:
    session = begin("--confirm-above", "0.05")
    session.until("Go on? [y/N] ")
    session.process.send_signal(signal.SIGINT)
    assert session.end() == (130, "")
    assert "failed" in session.seen
    assert "Traceback" not in session.seen
    assert len(session.server.requests) == 1


@pytest.mark.slow
def test_what_was_typed_before_the_question_does_not_answer_it(begin: Callable[..., Session]) -> None:
    session = begin("--confirm-above", "0.05")
    session.type("y\n")
    session.until("Go on? [y/N] ")
    session.type("n\n")
    assert session.end() == (0, "refused: not approved\n")


def test_what_costs_less_is_not_asked_about(begin: Callable[..., Session]) -> None:
    session = begin("--confirm-above", "0.15")
    assert session.end() == (0, "yes, Ann\n")
    assert "Go on?" not in session.seen


def test_without_a_terminal_the_answer_is_no(rlm: Rlm, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Ann is tall.")
    arguments = ["--model", "scripted", "--price", "1/100", "--confirm-above", "0.05"]
    done = rlm("ask", "Who?", str(tmp_path / "book.txt"), *arguments, script=[CELL])
    assert (done.status, done.out) == (0, "refused: not approved\n")


def test_a_price_that_is_not_known_can_not_be_compared(rlm: Rlm, tmp_path: Path) -> None:
    done = rlm("ask", "Who?", "--confirm-above", "0.05", script=[], price=None)
    assert done.status == 2
    assert re.fullmatch(r"rlm: the price of scripted is not known, so --confirm-above .*--price IN/OUT\n", done.err)


def test_single_calls_add_up_until_there_is_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    async def ask(question: str) -> bool:
        questions.append(question)
        return True

    monkeypatch.setattr("rlm.cli.confirm.ask", ask)
    policy = ConfirmAbove(0.10, LiveTree())
    single = Estimate("llm_query", "m", 1, 10, 10, 0.04, None)
    assert [policy.approve(single) for _ in range(4)] == ["allow", "allow", "ask", "ask"]

    assert asyncio.run(policy.confirm(single))
    assert asyncio.run(policy.confirm(single)), "the first yes made room for the one that waited behind it"
    assert len(questions) == 1
    assert "with the sub-calls since the last question it is more than $0.1. Go on?" in questions[0]
    unknown = Estimate("rlm_query", "m", 1, None, None, None, None)
    assert policy.approve(unknown) == "ask"
