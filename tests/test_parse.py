import pytest

from rlm.parse import parse
from rlm.types import Cell


def code(reply: str) -> str | None:
    cell = parse(reply).cell
    return cell.code if cell else None


@pytest.mark.parametrize("fence", ["repl", "python", "Python", "REPL", "py", "python3"])
def test_a_fence_of_any_case_is_a_cell(fence: str) -> None:
    assert code(f"I look.\n```{fence}\nx = 1\nprint(x)\n```") == "x = 1\nprint(x)"


def test_an_unclosed_fence_is_a_cell_and_is_closed_in_the_conversation() -> None:
    parsed = parse("```repl\nprint(1)")
    assert parsed.cell is not None
    assert parsed.cell.code == "print(1)"
    assert parsed.text == "```repl\nprint(1)\n```"


def test_a_fence_closed_on_its_own_line_is_a_cell() -> None:
    assert code("Then ```not this``` and\n```repl print(1)```") == "print(1)"


def test_code_that_begins_on_the_fence_line_is_kept() -> None:
    assert code("```python x = 1\ny = 2\n```") == "x = 1\ny = 2"


def test_only_the_first_cell_counts_and_the_rest_is_dropped() -> None:
    parsed = parse("```repl\na\n```\nOutput: 7\n```repl\nFINAL(7)\n```")
    assert parsed.cell is not None
    assert parsed.cell.code == "a"
    assert parsed.text == "```repl\na\n```"
    assert parsed.dropped == len("Output: 7\n```repl\nFINAL(7)\n```")


@pytest.mark.parametrize("reply", ["The answer is 7.", "```\nx\n```", "```json\n{}\n```", "FINAL(7)", ""])
def test_other_replies_have_no_cell(reply: str) -> None:
    assert code(reply) is None


def test_a_fence_inside_a_string_of_the_code_does_not_end_it() -> None:
    assert code('```repl\ns = "a ``` b"\nt = 2\n```') == 's = "a ``` b"\nt = 2'


def test_longer_fences_end_with_longer_ones() -> None:
    assert code("````repl\ns = '''\n```\n'''\n````") == "s = '''\n```\n'''"


@pytest.mark.parametrize(
    "reply",
    [
        "<think>```repl\nwrong\n```</think>\n```repl\nright\n```",
        "so wrong it is </think>```repl\nright\n```",
        "<THINKING>a</THINKING> <think>b</think>```repl\nright\n```",
    ],
)
def test_thinking_is_not_read(reply: str) -> None:
    parsed = parse(reply)
    assert parsed.cell is not None
    assert parsed.cell.code == "right"
    assert "wrong" not in parsed.text


def test_thinking_tags_in_code_stay() -> None:
    assert code("```repl\nprint('</think>')\n```") == "print('</think>')"


def test_thinking_that_never_ends_leaves_nothing() -> None:
    assert parse("<think>and so on").text == ""


def test_a_bare_final_is_found_in_one_pass() -> None:
    """A pattern for all of it takes minutes for these."""
    assert parse("FINAL(\n" * 200_000 + "x", bare_final=True).cell is None
    assert parse("FINAL()\n" * 200_000 + "x", bare_final=True).cell is None
    cell = parse("So FINAL(1)\n FINAL(2)\nFINAL(3) \t", bare_final=True).cell
    assert cell is not None
    assert cell.code == "FINAL(2)\nFINAL(3)"


def test_a_bare_final_counts_only_where_the_profile_says_so() -> None:
    assert parse("So:\nFINAL(7)", bare_final=False).cell is None
    cell = parse("So:\nFINAL(7)", bare_final=True).cell
    assert cell is not None
    assert cell.code == "FINAL(7)"


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_a_fence_within_a_string_does_not_end_the_cell(quotes: str) -> None:
    written = f"x = {quotes}a{quotes}\nFINAL({quotes}Use:\n```python\nprint(1)\n```\nor\n```\nls\n```\n{quotes})"
    parsed = parse(f"So:\n```repl\n{written}\n```\nI imagine:\n```\nout\n```\n")
    assert parsed.cell is not None
    assert parsed.cell.code == written
    assert parsed.dropped > 0


def test_a_string_that_is_never_closed_ends_with_the_first_fence() -> None:
    written = "x.split('" + '"' * 3 + "')"
    assert code(f"```repl\n{written}\n```\nI imagine:\n```\nout\n```\n") == written


@pytest.mark.parametrize(
    ("fences", "reply", "cell"),
    [
        (("repl", "tool_code"), "```tool_code\nx = 1\n```", Cell("x = 1", "tool_code")),
        (("repl",), "```tool_code\nx = 1\n```", None),
        (("repl",), "```python\nx = 1\n```", None),
        (("repl", ""), "Code:\n```\nx = 1\n```", Cell("x = 1", "")),
        (("repl",), "Code:\n```\nx = 1\n```", None),
        (("repl", ""), "```json\n{}\n```\nThat is it.", None),
        (("repl", ""), "```json\n{}\n```\n```\nx = 1\n```", Cell("x = 1", "")),
        (("repl", ""), "```\nsome text\n```\n```repl\nx = 1\n```", Cell("x = 1", "repl")),
    ],
)
def test_which_fences_are_cells_is_the_profile_s(fences: tuple[str, ...], reply: str, cell: Cell | None) -> None:
    assert parse(reply, fences=fences).cell == cell


@pytest.mark.parametrize(
    "reply",
    [
        "[THINK]```repl\nno\n```[/THINK]\n```repl\nx = 1\n```",
        "let me see[/THINK]\n```repl\nx = 1\n```",
        "<|channel|>analysis<|message|>```repl\nno\n```<|end|>"
        "<|start|>assistant<|channel|>final<|message|>```repl\nx = 1\n```",
    ],
)
def test_thinking_of_other_dialects_is_no_cell(reply: str) -> None:
    parsed = parse(reply)
    assert parsed.cell == Cell("x = 1")
    assert parsed.text == "```repl\nx = 1\n```"


def test_what_follows_the_first_cell_is_kept_apart() -> None:
    parsed = parse("```repl\nx = 1\n```\n\nOutput:\n7\n")
    assert (parsed.rest, parsed.dropped) == ("Output:\n7", 9)
