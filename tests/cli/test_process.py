"""The command as a process of its own, against a server on loopback: streams, status, interrupts, what it loads."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlm.lms.scripted_server import Answer, Received, ScriptedServer


def cell(code: str) -> Answer:
    return Answer(f"```repl\n{code}\n```")


class Model:
    """What the server answers: to a root's n-th request its n-th cell, to anything else `sub`."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.sub = Answer("yes")

    def __call__(self, request: Received) -> Answer:
        messages = request.value["messages"]
        if messages[0]["role"] != "system":
            return self.sub
        return cell(self.cells[sum(message["role"] == "assistant" for message in messages)])


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(model: Model) -> Iterator[ScriptedServer]:
    with ScriptedServer(model) as server:
        yield server


@pytest.fixture
def environment(server: ScriptedServer, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "book.txt").write_text("Ann is tall.")
    home = {"RLM_HOME": str(tmp_path / "home"), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}
    return {**os.environ, **home, "RLM_MODEL": "openai/some-model"}


def start(environment: dict[str, str], tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rlm", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    )


def cells_begun(tmp_path: Path) -> int:
    logs = list((tmp_path / "home").glob("runs/*/events.jsonl"))
    return logs[0].read_text().count('"cell_begin"') if logs else 0


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_question_over_the_wire(model: Model, environment: dict[str, str], tmp_path: Path) -> None:
    model.cells = ["x = llm_query_batched(['Is it ' + w for w in context.split()])", "FINAL(','.join(x))"]
    process = start(environment, tmp_path, "ask", "Who?", "book.txt", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert (result["answer"], result["turns"], result["usage"]["calls"]) == ("yes,yes,yes", 2, 5)
    assert "sk-secret" not in out + err + (Path(result["trace"]) / "events.jsonl").read_text()


def test_a_key_that_is_refused(model: Model, environment: dict[str, str], tmp_path: Path) -> None:
    def refuse(request: Received) -> Answer:
        return Answer("Incorrect API key", status=401)

    with ScriptedServer(refuse) as server:
        process = start({**environment, "OPENAI_BASE_URL": server.url}, tmp_path, "ask", "Who?", "book.txt")
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("rlm: ")
    assert "Incorrect API key" in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize("second", ["import time\nwhile True: time.sleep(0.01)", "while True: pass"])
def test_ctrl_c_ends_with_the_partial_answer_and_the_cost(
    model: Model, environment: dict[str, str], tmp_path: Path, second: str
) -> None:
    model.cells = ["answer['content'] = 'so far'; print(1)", second]
    process = start(environment, tmp_path, "ask", "Who?", "book.txt")
    wait_until(lambda: cells_begun(tmp_path) == 2)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everyone in the group gets it
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 4
    assert (process.returncode, out) == (130, "so far\n")
    assert "rlm: partial: 2 turns, " in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_ctrl_c_while_a_model_is_asked(model: Model, environment: dict[str, str], tmp_path: Path) -> None:
    with ScriptedServer(lambda request: Answer(fault="hang")) as server:
        process = start({**environment, "OPENAI_BASE_URL": server.url}, tmp_path, "ask", "Who?", "book.txt", "--json")
        wait_until(lambda: server.requests)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "failed"
    assert "Traceback" not in err


@pytest.mark.slow
def test_output_that_nobody_reads_any_more(model: Model, environment: dict[str, str], tmp_path: Path) -> None:
    model.cells = ["FINAL('x' * 1_000_000)"]
    process = start(environment, tmp_path, "ask", "Who?", "book.txt")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert "Traceback" not in err


def test_the_command_loads_nothing_that_it_does_not_use() -> None:
    code = (
        "import sys; from rlm.cli import main; main(['ask', '--help']);"
        "print([name for name in ('rich', 'aiohttp', 'pydantic') if name in sys.modules],"
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
