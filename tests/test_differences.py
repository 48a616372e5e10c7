"""The first difference, in words."""

import pytest

from rlm.differences import of_asked, of_code, of_messages, of_results, of_unasked
from rlm.trace.events import CallBegin, ToolBegin
from rlm.types import JSON, Answer, CellResult


def result(output: str = "", error: str | None = None, value: JSON = None, **more: object) -> CellResult:
    answer = None if value is None else Answer(value)
    return CellResult(output, len(output), error, answer, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (result("a\nb\n"), result("a\nb\n"), None),
        (result("<object at 0x7f00aa11bb22>"), result("<object at 0x55aa99887766>"), None),
        (result("0x1f"), result("0x2f"), "line 1 of its output was '0x1f' and is '0x2f'"),
        (result("a\nb\n"), result("a\nc\n"), "line 2 of its output was 'b' and is 'c'"),
        (result("a\nb\n"), result("a\n"), "its output has 1 line and had more, the next 'b'"),
        (result("a\n"), result("a\nb\n"), "its output had 1 line and has more, the next 'b'"),
        (result("a\n"), result("a"), "its output has other line ends: it had 2 characters and has 1"),
        (
            result("x" * 200 + "1" + "y" * 200),
            result("x" * 200 + "2" + "y" * 200),
            f"line 1 of its output was ...'{'x' * 30}1{'y' * 88}... and is ...'{'x' * 30}2{'y' * 88}...",
        ),
        (result(error="E: 1"), result(), "line 1 of its error was 'E: 1' and is ''"),
        (result(value=[1]), result(value=[2]), "its answer was [1] and is [2]"),
        (result(value="a"), result(value="b"), "line 1 of its answer was 'a' and is 'b'"),
        (result(), result(value=1), "it gave no answer then"),
        (result(value=1), result(), "it gave an answer then, and none now"),
        (
            result("a"),
            result("b", interrupted=True, seconds=9.0),
            "it was interrupted this time, after 9 s; it had taken ",
        ),
        (result("a", interrupted=True), result("b"), None),
        (result("a", interrupted=True), result("", lost="it died"), "its worker was lost this time: it died"),
    ],
)
def test_of_results(before: CellResult, now: CellResult, what: str | None) -> None:
    found = of_results(before, now)
    assert found == what or (what is not None and what.endswith("taken ") and (found or "").startswith(what))


def test_of_what_was_asked() -> None:
    call = CallBegin(parent=1, name="llm_query", prompt="p" * 300, model="m")
    tool = ToolBegin(parent=1, name="look", args=[1], kwargs={"at": "x"})
    assert of_asked(call, waits=False) == f"it called llm_query('{'p' * 119}...), and had not"
    assert of_asked(tool, waits=True) == "it waits for look(1, at='x'), which had no answer when the cell ended"
    assert of_unasked(tool, 1) == "it had called look(1, at='x'), and did not"
    assert of_unasked(tool, 3) == "it had called look(1, at='x') and 2 more, and did not"


def test_of_code_and_messages() -> None:
    assert of_code("a = 1\nb = 2", "a = 1\nb = 3") == "line 2 of its code was 'b = 2' and is 'b = 3'"
    one: list[JSON] = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    two: list[JSON] = [{"role": "user", "content": "a"}, {"role": "user", "content": "c"}]
    assert of_messages(one, two) == "line 1 of its message 2 to the model was 'b' and is 'c'"
    assert of_messages(one, one[:1]) == "2 new messages were sent to the model, and now it is 1"
    assert of_messages([{"role": "user", "content": "a"}], [{"role": "system", "content": "a"}]) == (
        "message 1 to the model is another's"
    )
