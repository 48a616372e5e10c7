"""`rlm resume`, `rlm fork`, and what `rlm ask` says where there is something to resume."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import rlm
from rlm import RLM, Completion, Limits
from rlm.cli import main
from rlm.cli.view import Beside
from rlm.lms.scripted import Scripted
from rlm.trace import single_file
from rlm.trace.events import RunBegin
from rlm.types import Request

CELLS = ("import os\nkept = 7\nprint(kept)", "print(kept + 1)", "FINAL(kept)")
Command = Callable[..., tuple[int, str, list[str]]]


def _script() -> Scripted:
    def cell(request: object) -> str:
        turn = sum(message.role == "assistant" for message in request.messages)  # type: ignore[attr-defined]
        return f"```repl\n{CELLS[turn]}\n```"

    return Scripted(cell, name="scripted")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command with a scripted model: its status, output, and lines of errors."""
    monkeypatch.setattr("rlm.resuming.resolve", lambda spec: _script())
    monkeypatch.setattr("rlm.engine.resolve", lambda spec, **options: _script() if isinstance(spec, str) else spec)

    def run(*arguments: str) -> tuple[int, str, list[str]]:
        status = main(list(arguments))
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return run


@pytest.fixture
def cut_short() -> Completion:
    """A run that its limit of turns has ended."""
    engine = RLM(model=_script(), route="never", limits=Limits(turns=1))
    return engine.completion("What is kept?", context="x" * 99)


def test_a_run_that_a_limit_ended_goes_on_with_another_one(command: Command, cut_short: Completion) -> None:
    assert cut_short.status != "done"
    status, out, err = command("resume", cut_short.run_id, "--limits", "turns=5,sub_calls=none")
    assert (status, out) == (0, "7\n")
    assert err[-1] == "rlm: live from turn 2 on: the record ends there"
    status, out, err = command("resume", "--json")  # the last one, which is at its end
    assert (status, json.loads(out)["answer"]) == (0, 7)
    assert err[-1] == "rlm: all of it was recorded: nobody was asked"


def test_a_run_that_ends_short_again_says_how_to_go_on(command: Command, cut_short: Completion) -> None:
    status, _, err = command("resume", cut_short.run_id)
    assert status in (1, 3)
    assert err[-2:] == [
        "rlm: all of it was recorded: nobody was asked",
        f"rlm: to go on from here: rlm resume {err[0].rpartition(' ')[2]} (--limits raises a limit)",
    ]


def test_a_later_question_of_a_session(command: Command) -> None:
    cells = {"One?": "import time\nx = 1\nprint(time.time())", "Two?": "FINAL([x, len(history)])"}

    def cell(request: Request) -> str:
        question = request.messages[1].content.partition("\n")[0].removeprefix("Question: ")
        return f"```repl\n{cells[question] if request.messages[-1].role == 'user' else ''}\n```"

    with RLM(model=Scripted(cell, name="scripted"), limits=Limits(turns=1)).session("x") as session:
        session.ask("One?")
        two = session.ask("Two?")
    status, out, err = command("replay", two.run_id)
    assert (status, out) == (1, "")
    assert err[0] == "rlm: question 2 of a session: those before it run again first, as recorded"
    assert err[-1].startswith("rlm: question 1 of the session, the run ")
    assert not err[-1].endswith("goes on from there")
    status, out, err = command("resume", two.run_id, "--live")
    assert (status, out) == (0, "[1, 0]\n")
    assert err[-2].startswith("rlm: passed over: question 1 of the session, the run ")
    assert err[-1] == "rlm: all of it was recorded: nobody was asked"
    assert "\n├── passed over: question 1 of the session, the run " in command("show")[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "turn=5",
            "rlm: --limits turn=5: the limits are cell_seconds, concurrency, depth, memory_mb, nudges, output_cha",
        ),
        ("turns=many", "rlm: --limits turns=many: turns is a number, or none"),
        ("turns=0", "rlm: the limit turns must be at least 1, not 0"),
    ],
)
def test_a_limit_that_is_none(command: Command, cut_short: Completion, given: str, message: str) -> None:
    status, _, err = command("resume", cut_short.run_id, "--limits", given)
    assert status == 2
    assert err[-1].startswith(message)


def test_a_cell_is_edited(command: Command, cut_short: Completion, tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_text("FINAL(kept * 2)")
    status, out, err = command("fork", cut_short.run_id, "--at", "2", "--edit-cell", str(file), "--limits", "turns=5")
    assert (status, out) == (0, "14\n")
    assert err[-1] == "rlm: live from turn 2 on: the record ends there"
    status, _, err = command("fork", cut_short.run_id, "--at", "2", "--edit-cell", str(tmp_path / "none.py"))
    assert status == 2
    assert err[-1] == f"rlm: --edit-cell {tmp_path}/none.py: No such file or directory"


def test_what_can_not_be_found(command: Command) -> None:
    assert command("resume", "nowhere")[0] == 2
    status, _, err = command("fork", "nowhere")
    assert status == 2
    assert "--at" in "".join(err)


def test_a_profile_of_the_users_own_is_given_again(command: Command, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(Path(rlm.__file__).parent / "prompts" / "small", mine)
    engine = RLM(model=_script(), route="never", limits=Limits(turns=1), profile=mine)
    run_id = engine.completion("What is kept?", context="x" * 99).run_id
    status, _, err = command("resume", run_id, "--limits", "turns=5")
    assert (status, err) == (2, ["rlm: the run had a profile of yours, mine: give its folder as `profile`"])
    status, _, err = command("replay", run_id, "--profile", str(mine))
    assert status == 0
    assert err[0].endswith(" s")  # and no name of a run: a replay keeps none
    status, out, _ = command("resume", run_id, "--limits", "turns=5", "--profile", str(mine))
    assert (status, out) == (0, "7\n")
    assert command("fork", run_id, "--at", "2", "--limits", "turns=5", "--profile", str(mine))[:2] == (0, "7\n")


@pytest.mark.parametrize(
    "way", [("resume", "--limits", "turns=5"), ("replay",), ("fork", "--at", "2", "--limits", "turns=5")]
)
def test_it_is_viewed_and_saved_as_rlm_ask_does(
    command: Command, cut_short: Completion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: tuple[str, ...]
) -> None:
    opened: list[str] = []

    def wait(page: Beside) -> None:
        page._server.shutdown()
        page._server.server_close()

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Beside, "wait", wait)
    name, *more = way
    saved = tmp_path / "saved.jsonl"
    status, _, err = command(name, cut_short.run_id, *more, "--view", "--save", str(saved))
    assert status == 0, err
    made = single_file.read(saved)
    begin = next(made)
    assert isinstance(begin, RunBegin)
    assert (begin.origin or {}).get("way") == name
    assert opened[0].endswith(f"#run/{begin.run_id}")
    assert f"rlm: shown at {opened[0]}" in err
    assert status == 0


def test_it_is_told_to_opentelemetry(command: Command, cut_short: Completion, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("rlm.trace.spans.provider", lambda: provider)
    assert command("resume", cut_short.run_id, "--limits", "turns=5", "--otel")[0] == 0
    assert [span.name for span in exporter.get_finished_spans()][-2:] == ["turn 3", "invoke_agent rlm"]


def test_a_place_that_cannot_be_saved_to_is_refused_before_anything_is_asked(
    command: Command, cut_short: Completion, tmp_path: Path
) -> None:
    nowhere = tmp_path / "none" / "saved.jsonl"
    status, out, err = command("resume", cut_short.run_id, "--save", str(nowhere))
    message = f"rlm: --save {nowhere}: {nowhere.parent} is no folder that can be written to"
    assert (status, out, err) == (2, "", [message])
