"""`rlm chat`: lines of standard input are questions about one input, answered in one REPL."""

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.errors import LMRefusedError
from rlm.lms.scripted_server import Answer, Received, ScriptedServer
from rlm.trace import runs
from rlm.types import Request

Rlm = Callable[..., SimpleNamespace]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


@pytest.fixture
def chat(rlm: Rlm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rlm:
    """`chat("One?\\nTwo?\\n", script=[...])`, about a file with 500 characters."""
    path = tmp_path / "input.txt"
    path.write_text("x" * 500)

    def run(lines: str, *options: str, **more: object) -> SimpleNamespace:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return rlm("chat", str(path), *options, **more)

    return run


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


def test_lines_are_questions_in_one_repl(chat: Rlm) -> None:
    shown = chat("How long?\n\n  And twice?  \n", script=[block("n = len(context)\nFINAL(n)"), block("FINAL(2 * n)")])
    assert (shown.status, shown.out) == (0, "500\n1000\n")
    assert [line.split(",")[0] for line in shown.err.splitlines()] == ["rlm: done: 1 turn"] * 2
    assert [run.begin.question for run in runs.summaries()] == ["And twice?", "How long?"]


def test_nothing_is_asked_where_there_is_no_line(chat: Rlm) -> None:
    shown = chat("", script=[])
    assert (shown.status, shown.out, shown.err) == (0, "", "")


def test_each_answer_is_an_object(chat: Rlm) -> None:
    script = [block("FINAL(1)"), LMRefusedError("no such model"), block("FINAL(3)")]
    shown = chat("One?\nTwo?\nThree?\n", "--json", script=script)
    first, second, third = [json.loads(line) for line in shown.out.splitlines()]
    assert (first["answer"], third["answer"], shown.status) == (1, 3, 0)
    assert second == {"status": "failed", "error": "LMRefusedError", "reason": "no such model"}
    assert "rlm: no such model\n" in shown.err


def test_the_status_is_that_of_the_last_question(chat: Rlm) -> None:
    half = block("answer['content'] = 'half'")
    shown = chat("One?\nTwo?\n", "--max-turns", "1", script=[block("FINAL(1)"), half, "no"])
    assert (shown.status, shown.out) == (3, "1\nhalf\n")
    assert "\nrlm: to go on from here: rlm resume " in shown.err
    shown = chat("One?\n", script=[LMRefusedError("no such model")])
    assert (shown.status, shown.err) == (1, "rlm: no such model\n")


def test_an_interrupt_ends_the_question_and_not_the_session(chat: Rlm) -> None:
    def model(request: Request) -> str:
        question = request.messages[1].content.partition("\n")[0]
        if question == "Question: Two?":
            os.kill(os.getpid(), signal.SIGINT)
            return block("import time\nx = 2\ntime.sleep(60)")
        return block("FINAL(x)" if question == "Question: Three?" else "x = 1\nFINAL(x)")

    shown = chat("One?\nTwo?\nThree?\n", script=model)
    assert (shown.status, shown.out) in ((0, "1\n1\n"), (0, "1\n2\n"))  # as the cell had begun, or had not
    assert "rlm: failed: 0 turns" in shown.err or "rlm: failed: 1 turn" in shown.err


def test_the_budget_is_for_all_questions(chat: Rlm) -> None:
    price = ("--price", "1000/1000", "--budget", "100")
    shown = chat("One?\nTwo?\n", *price, script=[block("FINAL(1)"), block("FINAL(2)")], price=None)
    assert (shown.status, shown.out) == (0, "1\n2\n")
    spent = sum(run.cost or 0.0 for run in runs.summaries())
    shown = chat(
        "One?\nTwo?\n", "--price", "1000/1000", "--budget", f"{spent / 2 + 0.001}", script=[block("FINAL(1)")] * 2
    )
    assert shown.out.splitlines()[:1] != ["2"]


def test_what_can_not_be_asked_ends_it(rlm: Rlm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = rlm("chat", "-", script=[])
    assert (shown.status, shown.out) == (2, "")
    assert (
        shown.err == "rlm: - would read standard input as the input, and rlm chat reads questions there: name a file\n"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("One?\nTwo?\n"))
    shown = rlm("chat", str(tmp_path / "missing"), script=[])
    assert shown.status == 2


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (["{}/missing"], 2, "{}/missing: No such file or directory"),
        (["{}/input.txt", "{}/fifo"], 2, "{}/fifo is a FIFO, not a file"),
        (["{}", "--sandbox", "unconfined", "--require", "files"], 4, "does not enforce files on this machine"),
    ],
)
def test_what_can_not_be_asked_is_told_before_the_first_question(
    rlm: Rlm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], status: int, told: str
) -> None:
    (tmp_path / "input.txt").write_text("x")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    shown = rlm("chat", *(one.format(tmp_path) for one in given), script=[])
    assert (shown.status, shown.out) == (status, "")
    assert told.format(tmp_path) in shown.err


@pytest.mark.parametrize("option", ["--route", "--save", "--view"])
def test_it_has_the_options_of_ask_but_those_of_one_answer(rlm: Rlm, option: str) -> None:
    assert option in rlm("ask", "--help").out
    assert option not in rlm("chat", "--help").out
    assert set(rlm("ask", "--help").out.split()) > {"--sandbox", "--price"} < set(rlm("chat", "--help").out.split())


class Terminal:
    """The command on a terminal, as a person has it; answers go to a pipe."""

    def __init__(self, folder: Path, url: str) -> None:
        self.master, slave = pty.openpty()
        keys = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-secret", "RLM_HOME": str(folder / "home")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rlm", "chat", "input.txt", "--model", "openai/some-model"],
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
        """Reads what the terminal shows until it has shown `text`, beginning after what this has found before."""
        deadline = time.monotonic() + 30
        while text not in self.seen:
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"waited in vain for {text!r} in {self.seen[-500:]!r}")
            self.seen += os.read(self.master, 65536).decode()
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit status, and what went to standard output."""
        with contextlib.suppress(OSError):  # the last end of the terminal is closed
            while os.read(self.master, 65536):
                pass
        assert self.process.stdout is not None
        with self.process.stdout:
            said = self.process.stdout.read().decode()
        os.close(self.master)
        return self.process.wait(), said


@pytest.mark.slow
@pytest.mark.parametrize(("last", "status"), [("\x04", 0), ("SIGINT", 130)])
def test_on_a_terminal(tmp_path: Path, last: str, status: int) -> None:
    cells = {"One?": "x = 1\nFINAL(x)", "Two?": "y = 2\nwhile True: pass", "Three?": "FINAL([x, y])"}
    (tmp_path / "input.txt").write_text("x" * 500)

    def answer(received: Received) -> Answer:
        asked = received.value["messages"][-1]["content"].partition("\n")[0].removeprefix("Question: ")
        return Answer(block(cells[asked]))

    with ScriptedServer(answer) as server:
        terminal = Terminal(tmp_path, server.url)
        terminal.until("> ")
        terminal.type("One?\n")
        terminal.until("> ")
        terminal.type("Two?\n")
        terminal.until("cell running")
        terminal.process.send_signal(signal.SIGINT)
        terminal.until("> ")
        terminal.type("Three?\n")
        terminal.until("> ")
        if last == "SIGINT":
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.type(last)
        assert terminal.end() == (status, "1\n[1, 2]\n")
