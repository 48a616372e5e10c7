import re

import pytest

from rlm.broker import CHILD_CALLS, PLAIN_CALLS
from rlm.prompts import profiles
from rlm.prompts.profiles import cut, shipped
from rlm.types import CellResult, Limits

DEFAULT, NANO = shipped()["default"], shipped()["nano"]

DESCRIPTION = "str, 1,000 characters, 10 lines\nmore about it"


def opening(functions: tuple[str, ...] = PLAIN_CALLS, limits: Limits | None = None, window: int | None = 8000) -> str:
    messages = DEFAULT.opening("Who?", DESCRIPTION, functions=functions, limits=limits or Limits(), sub_window=window)
    assert [message.role for message in messages] == ["system", "user"]
    return "\n".join(message.content for message in messages)


def test_the_root_is_told_what_the_input_is() -> None:
    text = opening()
    assert "Question: Who?" in text
    assert "`context` is: str, 1,000 characters, 10 lines\nmore about it" in text


@pytest.mark.parametrize("functions", [(), PLAIN_CALLS, PLAIN_CALLS + CHILD_CALLS])
def test_the_prompt_names_no_function_that_is_not_there(functions: tuple[str, ...]) -> None:
    named = set(re.findall(r"`((?:llm|rlm)_\w+)", opening(functions)))
    assert named <= set(functions)
    assert {name for name in functions if f"- `{name}(" in opening(functions)} == set(functions)


def test_numbers_are_those_of_the_run_and_the_model() -> None:
    text = opening(limits=Limits(turns=7, cell_seconds=33, output_chars=1234), window=1000)
    for number in ("7 turns", "33 s", "1,234 characters", "About 3,000 characters fit"):
        assert number in text
    assert "How much fits is not known" in opening(window=None)


def test_nothing_is_left_to_fill_in() -> None:
    texts = [opening(), DEFAULT.nudge(), DEFAULT.wrap_up("why"), profiles.direct("q", "c"), profiles.task()]
    assert [text for text in texts if re.search(r"\$\w", text)] == []


def test_the_model_in_the_box_gets_the_question_alone() -> None:
    messages = NANO.opening("Who?", DESCRIPTION, functions=(), limits=Limits(), sub_window=None)
    assert [(m.role, m.content) for m in messages] == [("user", "Who?")]
    result = CellResult("out\n", 4, error="Traceback\n  File\nNameError: no x")
    assert NANO.output(result, Limits()) == "out\nNameError: no x"


def test_the_model_in_the_box_is_not_told_of_tools_which_it_never_learnt() -> None:
    given = ["`files`: dict with 1 entry", "`stock(symbol: str) -> dict`: The price of a share."]
    messages = NANO.opening("q", "d", functions=(), limits=Limits(), sub_window=None, given=given)
    assert [(message.role, message.content) for message in messages] == [("user", "q")]


def test_what_happened_to_a_cell_is_said() -> None:
    assert DEFAULT.output(CellResult("", 0), Limits()) == "Output:\n(no output)"
    lost = DEFAULT.output(CellResult("", 0, lost="it was killed"), Limits())
    assert lost.startswith("Output:\n[the REPL was lost: it was killed; a new one has started")
    assert DEFAULT.output(CellResult("", 0, lost="it was killed", interrupted=True), Limits()) == lost
    assert "interrupted after 3 s" in DEFAULT.output(CellResult("", 0, interrupted=True, seconds=3.1), Limits())


def test_a_long_error_is_cut_as_output_is() -> None:
    failed = CellResult("", 0, error="Traceback:\n" + "x" * 5000 + "\nKeyError: " + "k" * 5000)
    assert len(DEFAULT.output(failed, Limits(output_chars=100))) < 200
    assert len(NANO.output(failed, Limits())) < 1600


def test_output_is_cut_in_the_middle() -> None:
    assert len(cut("a" * 100, 1)) < 60
    assert cut("abc", 3) == "abc"
    assert cut("a" * 60 + "b" * 60, 20) == "a" * 10 + "\n[... 100 of 120 characters cut ...]\n" + "b" * 10
    assert cut("a" * 100, 20, 5_000_000) == "a" * 10 + "\n[... 4,999,980 of 5,000,000 characters cut ...]\n" + "a" * 10
