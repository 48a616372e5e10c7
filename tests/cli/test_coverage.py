"""`rlm coverage`: what a person is shown, and what a program gets."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rlm import RLM, Completion
from rlm.cli import ask
from rlm.cli.app import app
from rlm.cli.coverage import strip
from rlm.coverage import coverage
from rlm.lms.scripted import Scripted

LINES = [f"The {n * 7919 % 10007}th house of Street {n} has a door of its own colour." for n in range(400)]
INPUT = "\n".join(LINES)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))


def run(*cells: str, context: object = INPUT) -> Completion:
    root = Scripted([f"```repl\n{cell}\n```" for cell in cells], name="root")
    rlm = RLM(model=root, sub_model=Scripted(lambda _: "yes", name="sub"), route="never")
    return rlm.completion("What is it?", context=context)


def shown(*args: str) -> str:
    result = CliRunner().invoke(app, ["coverage", *args])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_was_read_by_whom_and_what_never_was():
    half = INPUT.index(LINES[200])
    done = run(f"llm_query('Which? ' + context[:{half}])", "print(context[-600:])", "FINAL('Line 1 says so.')")
    size, out = len(INPUT), shown(done.run_id)
    first, strip_line, *rest = out.splitlines()
    read = half + 600
    assert (
        first == f"run {done.run_id}: {100 * read / size:.1f} % of the input was read: {read:,} of {size:,} characters"
    )
    assert strip_line == f"[{strip(coverage(done))}]"
    assert strip_line[1:36] == "█" * 35
    assert rest[0] == f"  sub: {100 * half / size:.1f} %, {half:,} characters, in 1 prompt"
    assert rest[1] == f"  root: {100 * 600 / size:.1f} %, 600 characters, in 1 opening, 2 outputs"
    assert rest[2].endswith(" % of what they read is traced to no place: instructions, or text that was rewritten")
    never = size - read
    assert rest[3] == f"never read: {100 * never / size:.1f} %, {never:,} characters in 1 part"
    last = INPUT.count("\n", 0, size - 601) + 1
    assert rest[4:] == [f"  {never:>12,}  lines 201-{last}"]


def test_as_json():
    done = run(
        "llm_query(context[:1000])", f"FINAL('It says {json.dumps(LINES[3])}, and not \"what nobody has said\".')"
    )
    told = json.loads(shown(done.run_id, "--json"))
    assert told["read"] == 1000
    assert told["stretches"] == [[1, 0, 0, 1000, "exact"]]
    yes, no = told["citations"]
    assert (yes["text"], yes["how"]) == (LINES[3], "exact")
    assert [place["line"] for place in yes["places"]] == [4]
    assert (no["text"], no["how"], no["places"]) == ("what nobody has said", "unsupported", [])


def test_quotes_of_the_answer_are_shown_with_their_places(tmp_path: Path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("\n".join(LINES[:50] if name == "a.txt" else LINES[50:90]))
    done = run(f'FINAL(\'So: "{LINES[60][4:]}" and "no such words here"\')', context=tmp_path / "in")
    out = shown(done.run_id).splitlines()
    assert out[-3] == "1 of 2 quotes of the answer stand in the input:"
    assert out[-2] == f'  + "{LINES[60][4:]}": b.txt, line 11, character 5'
    assert out[-1] == '  ! "no such words here": not in the input'
    assert any(line.endswith("a.txt:1 to b.txt:40") for line in out)


def test_a_terminal_is_told_nothing_by_an_answer():
    done = run("FINAL('It says \"\\x1b[2J is what clears it\"')")
    assert "\x1b" not in shown(done.run_id)


def test_an_input_that_has_changed_is_refused(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text(INPUT)
    done = run("FINAL(1)", context=path)
    path.write_text(INPUT[1:])
    result = CliRunner().invoke(app, ["coverage", done.run_id])
    assert "has changed since" in str(result.exception)


def test_show_and_ask_tell_of_quotes_too():
    answer = f'It is so: “{LINES[3]}” and "nobody said this"'
    done = run(f"FINAL({answer!r})")
    result = CliRunner().invoke(app, ["show", done.run_id])
    assert result.stdout.splitlines()[-3:] == [
        "1 of 2 quotes of the answer stand in the input:",
        f'  + "{LINES[3]}": line 4, character 1',
        '  ! "nobody said this": not in the input',
    ]
    told = ask.as_json(done)["citations"]
    assert isinstance(told, list)
    assert [one["how"] for one in told] == ["exact", "unsupported"]


def test_citations_are_null_where_the_input_is_gone(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text(INPUT)
    done = run("FINAL('\"nobody said this\"')", context=path)
    path.unlink()
    assert ask.as_json(done)["citations"] is None
    assert "can't be told" in CliRunner().invoke(app, ["show", done.run_id]).stdout.splitlines()[-1]
