"""`rlm show`: runs by name, by the start of it, by folder, and the last one."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.trace import store

Rlm = Callable[..., SimpleNamespace]


@pytest.fixture
def runs(rlm: Rlm, tmp_path: Path) -> list[str]:
    """Two runs, oldest first."""
    book = tmp_path / "book.txt"
    book.write_text("Ann is tall.")
    for question in ("First?", "Second?"):
        rlm("ask", question, str(book), script=[f"```repl\nprint('out')\nFINAL('{question}')\n```"])
    home = store.home() / "runs"
    named = {next(iter(store.read(path))).question: path.name for path in home.iterdir()}  # type: ignore[attr-defined]
    return [named["First?"], named["Second?"]]


def test_by_name_and_by_the_start_of_it(rlm: Rlm, runs: list[str]) -> None:
    shown = rlm("show", runs[0])
    lines = shown.out.splitlines()
    assert (shown.status, shown.err, lines[0]) == (0, "", "First?")
    assert lines[1].startswith("str, 12 characters")
    assert lines[3:6] == ["    ├── print('out')", "    │   FINAL('First?')", "    ├── out"]
    assert lines[6] == "    └── answer: First?"
    assert lines[7].startswith("done · 1/30 turns · 1 model call · ")
    assert rlm("show", runs[0][:-2]).out == shown.out
    assert rlm("show", str(store.home() / "runs" / runs[0])).out == shown.out


def test_the_last_one_is_the_default(rlm: Rlm, runs: list[str]) -> None:
    assert rlm("show").out == rlm("show", max(runs)).out


def test_a_name_that_fits_several(rlm: Rlm, runs: list[str]) -> None:
    shown = rlm("show", "2")
    assert (shown.status, shown.out) == (2, "")
    assert "2 runs named 2 in " in shown.err


def test_names_can_not_leave_the_folder_of_runs(rlm: Rlm, runs: list[str]) -> None:
    for name in ("../runs/*", "*", "[12]*"):
        assert "no run named" in rlm("show", name).err


def test_no_run_yet(rlm: Rlm) -> None:
    shown = rlm("show")
    assert shown.status == 2
    assert shown.err.endswith("yet: rlm ask makes one\n")


def test_a_run_that_was_killed_is_shown_as_far_as_it_came(rlm: Rlm, runs: list[str]) -> None:
    log = store.home() / "runs" / runs[0] / "events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[: whole.index(b'"cell_end"') + 5])
    shown = rlm("show", runs[0])
    assert shown.status == 0
    assert "cell running" in shown.out
    summary, why = shown.out.splitlines()[-2:]
    assert summary.startswith("killed · 1/30 turns")
    assert why == "events.jsonl ends within line 7"


def test_one_turn_whole(rlm: Rlm, runs: list[str]) -> None:
    shown = rlm("show", runs[0], "--turn", "1")
    lines = shown.out.splitlines()
    assert lines[0].startswith("turn 1  model ")
    assert lines[2:4] == ["── reply", "```repl"]
    at = lines.index("── cell")
    assert lines[at : at + 3] == ["── cell", "print('out')", "FINAL('First?')"]
    assert lines[lines.index("── output, 4 characters") + 1] == "out"
    assert lines[-3:-1] == ["── answer", "First?"]
    missing = rlm("show", runs[0], "--turn", "2")
    assert (missing.status, missing.err) == (2, "rlm: the run has no turn 2; its last is 1\n")


@pytest.mark.parametrize("text", ["{", '{"type": "no_such"}', "[]", '{"type": "turn_begin", "nonsense": 1}'])
def test_a_file_that_is_no_run(rlm: Rlm, tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    for command in ("show", "coverage", "export"):
        told = rlm(command, str(path))
        assert (told.status, told.out) == (2, "")
        assert told.err.startswith(f"rlm: {path}, line 1: not a saved run (")
        assert "__init__" not in told.err


def test_bytes_that_are_no_run(rlm: Rlm, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff\x00" * 100)
    for command in ("show", "coverage", "export", "import"):
        told = rlm(command, str(path))
        assert (told.status, told.out) == (2, "")
        assert told.err.startswith(f"rlm: {path}, line 1: not ")


def test_what_a_saved_file_is_not_enough_for(rlm: Rlm, tmp_path: Path) -> None:
    path = tmp_path / "saved.jsonl"
    rlm("ask", "Who?", "--save", str(path), script=["```repl\nFINAL('Ann')\n```"])
    message = (
        f"rlm: {path} is a file, and it takes a run's folder to view, replay, resume or fork it; "
        "of a saved file, rlm show, rlm coverage and rlm export can be had\n"
    )
    for words in (["view"], ["replay"], ["resume"], ["fork", "--at", "1"], ["replay", "--view"]):
        refused = rlm(*words, str(path))
        assert (refused.status, refused.out, refused.err) == (2, "", message), words
    for command in ("show", "coverage", "export"):
        assert rlm(command, str(path)).status == 0


def test_a_saved_run_that_lacks_a_line(rlm: Rlm, tmp_path: Path) -> None:
    path = tmp_path / "saved.jsonl"
    rlm("ask", "Who?", "--save", str(path), script=["```repl\nFINAL('Ann')\n```"])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"type": "node_begin"' not in line))
    for command in ("show", "coverage", "export"):
        told = rlm(command, str(path))
        assert (told.status, told.out) == (2, "")
        assert told.err == "rlm: an event belongs to span 1, and no node of that number began\n"
