"""Short lines: found where they are whole lines of the input, and nowhere else."""

import pytest

from rlm.coverage.locate import Match
from rlm.coverage.short_lines import add_short_lines

NAMES = ["Paris", "Rome", "Lisbon", "Port Ellery", "Rome", "Oslo", "yes", "1234", "!!!!"]
INPUT = "\n".join(NAMES)


def found(text: str, *, known: tuple[Match, ...] = (), blocks: tuple[str, ...] = (INPUT,)) -> list[str]:
    matches = [list(known)]
    add_short_lines([text], list(blocks), matches)
    assert all(text[m.start : m.end] == blocks[b][at : at + m.end - m.start] for m in matches[0] for b, at in m.places)
    return [text[match.start : match.end] for match in matches[0]]


@pytest.mark.parametrize(
    "text",
    [
        "Lisbon\nOslo",
        "Which are towns?\n- Lisbon\n- Oslo\n",
        "1. Lisbon\n2. Oslo",
        "[0] Lisbon\n[1] Oslo\n",
        '["Lisbon",\n"Oslo"]',
        "> 'Lisbon';\n> 'Oslo'",
    ],
)
def test_lines_with_any_mark(text: str):
    assert found(text) == ["Lisbon", "Oslo"]


def test_a_word_in_a_line_is_no_line():
    assert found("Is Lisbon a town?\nLisbon!\nlisbon\nPort") == []


def test_what_says_nothing_is_not_looked_for():
    assert found("yes\n!!!!") == []


def test_one_that_stands_twice_has_both_places():
    matches: list[list[Match]] = [[]]
    add_short_lines(["- Rome"], [INPUT], matches)
    first, second = INPUT.index("Rome"), INPUT.rindex("Rome")
    assert matches == [[Match(2, 6, ((0, first), (0, second)), False)]]


def test_one_that_stands_everywhere_is_said_to():
    matches: list[list[Match]] = [[]]
    add_short_lines(["Rome"], ["\n".join(["Rome"] * 30)], matches)
    assert (len(matches[0][0].places), matches[0][0].more) == (8, True)


def test_what_is_known_stays_and_is_not_looked_at_again():
    known = Match(0, 6, ((0, 99),), False)
    assert found("Lisbon\nOslo", known=(), blocks=(INPUT,)) == ["Lisbon", "Oslo"]
    matches = [[known]]
    add_short_lines(["Lisbon\nOslo"], [INPUT], matches)
    assert matches[0] == [known, Match(7, 11, ((0, INPUT.index("Oslo")),), False)]


def test_the_ends_of_slices_hide_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rlm.coverage.short_lines._SLICE", 3)
    assert found("1234\nParis\nPort Ellery") == ["1234", "Paris", "Port Ellery"]
    assert found("1234\nParis", blocks=("", "\n\n", INPUT)) == ["1234", "Paris"]
