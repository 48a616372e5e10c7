"""Short lines: found where they are whole lines of the input, and nowhere else."""

import pytest

from rlm.coverage.found import Found
from rlm.coverage.locate import Match
from rlm.coverage.short_lines import add_short_lines

NAMES = ["Paris", "Rome", "Lisbon", "Port Ellery", "Rome", "Oslo", "yes", "1234", "!!!!"]
INPUT = "\n".join(NAMES)


def found(text: str, *, known: tuple[Match, ...] = (), blocks: tuple[str, ...] = (INPUT,)) -> list[str]:
    matches = with_lines(text, *known, blocks=blocks)
    assert all(text[m.start : m.end] == blocks[b][at : at + m.end - m.start] for m in matches for b, at in m.places)
    return [text[match.start : match.end] for match in matches]


def with_lines(text: str, *known: Match, blocks: tuple[str, ...] = (INPUT,)) -> list[Match]:
    return add_short_lines([text], list(blocks), Found.of((0, match) for match in known)).matches(1)[0]


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
    first, second = INPUT.index("Rome"), INPUT.rindex("Rome")
    assert with_lines("- Rome") == [Match(2, 6, ((0, first), (0, second)), False)]


def test_one_that_stands_everywhere_is_said_to():
    (match,) = with_lines("Rome", blocks=("\n".join(["Rome"] * 30),))
    assert (len(match.places), match.more) == (8, True)


def test_what_is_known_stays_and_is_not_looked_at_again():
    known = Match(0, 6, ((0, 99),), False)
    assert with_lines("Lisbon\nOslo", known) == [known, Match(7, 11, ((0, INPUT.index("Oslo")),), False)]


def test_the_ends_of_slices_hide_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rlm.coverage.short_lines._SLICE", 3)
    assert found("1234\nParis\nPort Ellery") == ["1234", "Paris", "Port Ellery"]
    assert found("1234\nParis", blocks=("", "\n\n", INPUT)) == ["1234", "Paris"]
