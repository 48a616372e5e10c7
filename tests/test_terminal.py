"""Text of models is shown, not obeyed."""

import pytest

from rlm.terminal import dollars, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with\ttab\nand line", "plain, with\ttab\nand line"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("over\rwritten", "over\\x0dwritten"),
        ("back\x08space\x7f", "back\\x08space\\x7f"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("\u2066isolate\u2069", "\\u2066isolate\\u2069"),
        ("line\u2028separator", "line\\u2028separator"),
        ("lone \ud800", "lone \\ud800"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("[bold red]markup[/]", "[bold red]markup[/]"),
        ("Größe, 数, 👩\u200d🚀, نمی\u200cخواهم", "Größe, 数, 👩\u200d🚀, نمی\u200cخواهم"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_one_line_folds_cuts_and_escapes() -> None:
    assert one_line("  a\n\n b\tc ", 10) == "a b c"
    assert one_line("x" * 11, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("a\x1b[0m", 80) == "a\\x1b[0m"
    assert len(one_line("\x1b" * 1_000_000, 40)) == 40


@pytest.mark.parametrize(
    ("usd", "told"),
    [(None, "price unknown"), (0.0, "$0"), (0.00001, "$0.0000"), (0.0125, "$0.0125"), (12.0, "$12.0000")],
)
def test_an_amount_of_money(usd, told):
    assert dollars(usd) == told
