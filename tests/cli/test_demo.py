"""`rlm demo`, on a small input, with a scripted expert in the place of the model in the box."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlm.cli import demo, demo_input
from rlm.errors import LMUnavailableError
from rlm.types import Completion, Request, Usage

Rlm = Callable[..., SimpleNamespace]
SMALL = 400_000

CELLS = {
    r"What is the (.+) of (\w+)\?": r"FINAL(grep(r'{0} of {1} is (\w+)')[0].split('is ')[1].rstrip('.'))",
    r"Who is the (.+) of the (\w+)\?": "FINAL(grep(r'is the {0} of the {1}')[0].lstrip('# ').split(' is ')[0])",
    r"How many times is (\w+) mentioned\?": r"FINAL(len(grep(r'\b{0}\b')))",
    r"Where is (\w+) mentioned\?": r"FINAL([h.where for h in grep(r'\b{0}\b')])",
    r"Where is the class (\w+) defined\?": r"FINAL([h.where for h in grep(r'^class {0}\b')])",
}


def expert(request: Request) -> str:
    text = "\n".join(message.content for message in request.messages)
    for pattern, code in CELLS.items():
        if match := re.search(pattern, text):
            return f"```repl\n{code.format(*match.groups())}\n```"
    return "```repl\nFINAL('nothing')\n```"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_input, "build", partial(demo_input.build, characters=SMALL))


@pytest.mark.usefixtures("small")
def test_five_questions_of_three_kinds_are_answered_and_checked(rlm: Rlm) -> None:
    done = rlm("demo", "--seed", "3", script=expert, name="nano")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"^Input: 4\d\d,\d{3} characters, about 0 million tokens, in \d+ files", done.out)
    assert "Sandbox: local, enforcing its limits on cpu, disk, files, memory, network, processes, time.\n" in done.out
    assert len(re.findall(r"^   right · (finding|counting|where) · \d+\.\d s · the model saw", done.out, re.M)) == 5
    assert re.search(r"^   > FINAL\(len\(grep\(r'\\b\w+\\b'\)\)\)$", done.out, re.M)
    assert re.search(r"^5 of 5 right in \d+\.\d s\. Of the input, models saw 0\.0000%", done.out, re.M)


@pytest.mark.usefixtures("small")
def test_wrong_answers_are_called_wrong_and_few_right_ones_fail(rlm: Rlm) -> None:
    done = rlm("demo", script=lambda request: "```repl\nFINAL('12')\n```", name="nano")
    assert done.status == 1
    assert len(re.findall(r"^   wrong, it is .+ · (finding|counting|where) · ", done.out, re.M)) == 5
    assert "0 of 5 right in " in done.out


@pytest.mark.usefixtures("small")
def test_a_question_that_fails_does_not_end_the_demo(rlm: Rlm) -> None:
    def script(request: Request) -> str:
        if "How many" in request.messages[-1].content:
            raise LMUnavailableError("the model is gone")
        return expert(request)

    done = rlm("demo", script=script, name="nano")
    assert done.status == 0
    assert "   the model is gone\n   failed · counting\n" in done.out
    assert "4 of 5 right in " in done.out


@pytest.mark.usefixtures("small")
def test_without_the_local_sandbox_it_runs_and_says_what_is_not_enforced(
    rlm: Rlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlm.sandbox.lockdown.supported", lambda *args: "no Landlock here")
    done = rlm("demo", script=expert, name="nano")
    assert done.status == 0
    assert re.search(r"^Sandbox: unconfined, so not enforced: .*files.*network.* \(no Landlock here\)$", done.out, re.M)


def test_the_same_seed_plants_the_same_facts(tmp_path: Path) -> None:
    first, again, other = (
        demo_input.build(tmp_path / str(number), seed, SMALL) for number, seed in enumerate((1, 1, 2))
    )
    assert first.questions == again.questions
    assert first.questions != other.questions
    assert [question.kind for question in first.questions] == ["finding", "finding", "counting", "where", "where"]


def test_the_truth_is_in_the_files(tmp_path: Path) -> None:
    made = demo_input.build(tmp_path, 5, SMALL)
    assert made.characters >= SMALL
    for name, text in made.files.items():
        assert (tmp_path / name).read_bytes().decode() == text
    for question in made.questions:
        if isinstance(question.truth, frozenset):
            wanted = re.search(r"(?:is|class) (\w+) (?:mentioned|defined)", question.text)
            assert wanted is not None
            for place in question.truth:
                name, _, line = place.rpartition(":")
                assert wanted[1] in (tmp_path / name).read_bytes().decode().split("\n")[int(line) - 1]


def test_a_small_installation_is_repeated_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [("python/a.py", "class Something:\n" + "    x = 1\n" * 60), ("python/b.txt", "b\n")]
    monkeypatch.setattr(demo_input, "_texts", lambda: iter(texts))
    made = demo_input.build(tmp_path, 1, 2_000)
    assert {"python/a.py", "copy-2/python/a.py"} <= set(made.files)
    assert made.repeated == 1855


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("38140", "38140", True),
        (38140, "38140", True),
        ("381400", "38140", False),
        (13, 13, True),
        ("13", 13, True),
        (12, 13, False),
        (["a.py:1", "b.py:2"], frozenset({"b.py:2", "a.py:1"}), True),
        (["a.py:1"], frozenset({"b.py:2", "a.py:1"}), False),
        (["a.py:1", "b.py:2", "c.py:3"], frozenset({"b.py:2", "a.py:1"}), False),
        ("a.py:1\nb.py:2", frozenset({"b.py:2", "a.py:1"}), True),
    ],
)
def test_an_answer_is_right_only_if_it_is_exactly_the_truth(answer: object, truth: object, right: bool) -> None:
    completion = Completion(
        response=str(answer),
        answer=answer,  # type: ignore[arg-type]
        answer_is_repr=False,
        status="done",
        reason="",
        usage=Usage(),
        cost=0.0,
        turns=1,
        run_id="r",
        trace=None,
    )
    assert demo.is_right(completion, truth) is right  # type: ignore[arg-type]
