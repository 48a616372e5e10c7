"""Windows of texts: which are looked for, what is noted of them, and what is no longer."""

import numpy as np
import pytest

from rlm.coverage.locate import MOST_PLACES
from rlm.coverage.windows import SIZE, Codes, Windows, codes

ROW = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def windows_of(row: Codes, starts: list[int]) -> Windows:
    return Windows([(0, row)], np.array(starts, np.int32))


def noted(windows: Windows, text: str) -> Windows:
    windows.note(0, *windows.found(codes(text)))
    windows.done()
    return windows


def pairs(windows: Windows, least: int, most: int) -> set[tuple[int, int]]:
    windows.want(least, most)
    return set(zip(*(some.tolist() for some in windows.pairs(0, 1)), strict=True))


def test_the_lowest_byte_stands_for_a_character():
    assert codes("aé").tolist() == [0x61, 0xE9]
    assert codes("a\u4e01\ud800\U0001f389").tolist() == [0x61, 0x01, 0x00, 0x89]


def test_windows_are_found_by_how_often_they_stand():
    text = "~" + ROW[0:SIZE] + "~" + ROW[20 : 20 + SIZE] + "~~" + ROW[20 : 20 + SIZE]
    windows = noted(windows_of(codes(ROW), [0, 9, 20]), text)
    assert pairs(windows, 1, 1) == {(0, 1)}
    assert pairs(windows, 2, MOST_PLACES) == {(20, 18), (20, 36)}


def test_a_window_in_many_places_has_its_first_ones_and_one_more():
    windows = noted(windows_of(codes(ROW), [0]), (ROW[:SIZE] + "~") * 30)
    assert pairs(windows, 1, MOST_PLACES) == set()
    step = SIZE + 1
    assert pairs(windows, MOST_PLACES + 1, MOST_PLACES + 1) == {(0, step * n) for n in range(MOST_PLACES + 1)}


def test_a_window_that_stands_in_the_texts_twice_is_paired_twice_but_for_what_is_settled():
    row = codes(ROW[:SIZE] + "!" + ROW[:SIZE])
    windows = noted(windows_of(row, [0, SIZE + 1]), "~" + ROW[:SIZE])
    assert pairs(windows, 1, 1) == {(0, 1), (SIZE + 1, 1)}
    windows.settle(np.array([0]), np.array([SIZE]))
    assert pairs(windows, 1, 1) == {(SIZE + 1, 1)}


def test_what_has_enough_places_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rlm.coverage.windows._MANY", 20)
    windows = windows_of(codes(ROW), [0, 20])
    part = codes((ROW[:SIZE] + "~") * 20 + ROW[20 : 20 + SIZE])
    windows.note(0, *windows.found(part))
    numbers, places = windows.found(part)
    assert (len(numbers), places.tolist()) == (1, [20 * (SIZE + 1)])


def test_no_windows_and_no_input():
    assert pairs(noted(windows_of(codes(""), []), ROW), 1, 1) == set()
    assert pairs(noted(windows_of(codes(ROW), [0]), ""), 1, 1) == set()
