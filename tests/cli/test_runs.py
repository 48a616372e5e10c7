"""`rlm runs`: listed by filters, what they take, and what is pruned."""

import json
import os
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rlm import RLM
from rlm.lms.scripted import Scripted
from rlm.trace import runs

Rlm = Callable[..., SimpleNamespace]


@pytest.fixture
def three(rlm: Rlm) -> list[str]:
    """Three runs, the oldest first: done, partial, killed."""
    scripts = {
        "First question?": ["```repl\nFINAL('1')\n```"],
        "Second thing?": ["```repl\nanswer['content'] = 'half'\n```", "no"],
        "Third?": ["```repl\nFINAL('3')\n```"],
    }
    for number, (question, script) in enumerate(scripts.items()):
        rlm("ask", question, "--max-turns", "1", script=script, name=f"scripted/m{number}")
    found = {str(run.begin.source["text"]): run for run in runs.summaries()}
    names = [found[question].run_id for question in scripts]
    log = runs.folder() / names[2] / "events.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    for days, name in zip((3, 2, 0), names, strict=True):
        then = time.time() - days * 86_400
        os.utime(runs.folder() / name / "events.jsonl", (then, then))
    return names


def listed(rlm: Rlm, *options: str) -> list[str]:
    return [row["question"] for row in json.loads(rlm("runs", "--json", *options).out)]


def test_the_list(rlm: Rlm, three: list[str]) -> None:
    shown = rlm("runs")
    lines = shown.out.splitlines()
    assert lines[0].split() == ["RUN", "BEGAN", "STATUS", "COST", "TIME", "DISK", "MODEL", "QUESTION"]
    assert {line.split()[0] for line in lines[1:]} == set(three)
    done = next(line for line in lines if "First question?" in line)
    assert done.split()[3:5] == ["done", "$0"]
    assert done.endswith("scripted/m0  First question?")
    assert next(line for line in lines if "Second" in line).split()[3] == "partial"
    assert next(line for line in lines if "Third" in line).split()[3] == "killed"
    total = sum(runs.size(runs.folder() / name) for name in three)
    assert shown.err == f"3 of 3 runs; all take {total / 1e3:.1f} kB in {runs.folder()}\n"
    assert shown.status == 0


def test_filters(rlm: Rlm, three: list[str]) -> None:
    assert sorted(listed(rlm)) == ["First question?", "Second thing?", "Third?"]
    assert listed(rlm, "--status", "partial") == ["Second thing?"]
    assert listed(rlm, "--status", "killed") == ["Third?"]
    assert listed(rlm, "--model", "M1") == ["Second thing?"]
    assert listed(rlm, "--text", "QUESTION") == ["First question?"]
    assert listed(rlm, "--text", "QUESTION", "--status", "failed") == []
    assert len(listed(rlm, "--since", "1h")) == 3
    assert len(listed(rlm, "--since", "2026-01-01")) == 3
    assert listed(rlm, "--since", "2999-01-01") == []
    assert len(listed(rlm, "--since", "0001-01-01")) == 3
    assert len(listed(rlm, "--limit", "2")) == 2
    assert rlm("runs", "--limit", "1").err.startswith("1 of 3 runs; ")


def test_the_fields_of_a_run(rlm: Rlm, three: list[str]) -> None:
    (row,) = json.loads(rlm("runs", "--json", "--text", "First").out)
    assert row["run_id"] == three[0]
    assert (row["status"], row["model"], row["sub_model"], row["cost"]) == ("done", "scripted/m0", "scripted/m0", 0.0)
    assert row.keys() == {
        "run_id",
        "path",
        "started",
        "status",
        "question",
        "input",
        "model",
        "sub_model",
        "cost",
        "tokens",
        "seconds",
        "bytes",
        "session",
        "number",
    }


def test_none_yet(rlm: Rlm) -> None:
    shown = rlm("runs")
    assert (shown.status, shown.out, shown.err) == (0, "", f"0 of 0 runs; all take 0 B in {runs.folder()}\n")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--status", "well"], "--status is one of done, partial, failed, running, killed: not 'well'"),
        (["--since", "soon"], "an age is like 90m, 12h or 30d, and a date like 2026-11-20: not 'soon'"),
        (["--older-than", "3d"], "--older-than, --keep and --dry-run say what --prune drops: add it"),
        (["--prune", "--older-than", "3"], "an age is like 90m, 12h or 30d, and a date like 2026-11-20: not '3'"),
    ],
)
def test_options_that_can_not_be(rlm: Rlm, options: list[str], why: str) -> None:
    shown = rlm("runs", *options)
    assert (shown.status, shown.err) == (2, f"rlm: {why}\n")


def test_pruning(rlm: Rlm, three: list[str]) -> None:
    dry = rlm("runs", "--prune", "--older-than", "60h", "--dry-run")
    assert dry.out.split()[0] == three[0]
    assert dry.err.startswith("1 run would be dropped, ")
    assert len(listed(rlm)) == 3
    assert rlm("runs", "--prune", "--older-than", "1h", "--keep", "2").out.split()[0] == three[0]
    assert sorted(listed(rlm)) == ["Second thing?", "Third?"]
    assert rlm("runs", "--prune").err.startswith("0 runs dropped, 0 B in ")
    assert rlm("runs", "--prune", "--keep", "0").err.startswith("2 runs dropped, ")
    assert listed(rlm) == []


def test_what_can_not_be_read_is_named_and_the_others_are_listed(rlm: Rlm, three: list[str]) -> None:
    folder = runs.folder()
    log = folder / three[1] / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"trace":2', b'"trace":3', 1))
    (folder / "20990101-000000-empty").mkdir()
    for name in ("events.jsonl", "strings.pack"):
        (folder / "20990101-000000-empty" / name).touch()
    shown = rlm("runs")
    assert {line.split()[0] for line in shown.out.splitlines()[1:]} == {three[0], three[2]}
    assert shown.err.splitlines()[0] == (
        f"rlm: 2 can't be read: 20990101-000000-empty, {three[1]}; rlm show NAME says why"
    )
    assert shown.status == 0
    newer = rlm("show", three[1])
    message = f"rlm: {folder / three[1]}: a trace of format 3, and this version of rlm reads format 2\n"
    assert (newer.status, newer.err) == (2, message)
    empty = rlm("show", "2099")
    assert (empty.status, empty.err) == (2, "rlm: the run 2099 was killed before its first event\n")


def test_a_folder_that_is_none(rlm: Rlm) -> None:
    folder = runs.folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    for command in (("runs",), ("show",), ("show", "x"), ("view", "x"), ("export",)):
        said = rlm(*command)
        message = f"rlm: the folder of runs, {folder}, can't be read: Not a directory\n"
        assert (said.status, said.out, said.err) == (2, "", message)


def test_the_start_of_several_names_them(rlm: Rlm, three: list[str]) -> None:
    same = three[0][:3]
    said = rlm("show", same)
    assert (said.status, said.err) == (2, f"rlm: 3 runs named {same} in {runs.folder()}: {', '.join(sorted(three))}\n")


def test_questions_of_a_session_are_numbered(rlm: Rlm) -> None:
    model = Scripted(["```repl\nFINAL(1)\n```", "```repl\nFINAL(2)\n```"])
    with RLM(model=model).session("x" * 500) as session:
        first, second = session.ask("How many?"), session.ask("And then?")
    rows = [row.partition("scripted  ")[2] for row in rlm("runs").out.splitlines()[1:]]
    assert rows == ["#2 And then?", "How many?"]
    told = [(row["session"], row["number"]) for row in json.loads(rlm("runs", "--json").out)]
    assert told == [(first.run_id, 2), (first.run_id, 1)]
    whole = f"run {second.run_id} (question 2 of the session that began with {first.run_id})"
    assert whole in rlm("show", second.run_id).out
    assert f"run {first.run_id} (question 1 of a session)" in rlm("show", first.run_id).out
