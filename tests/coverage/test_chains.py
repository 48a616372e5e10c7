"""Chains of windows: joined, extended as far as text and input agree, made one, cut back."""

import numpy as np

from rlm.coverage.chains import AFTER, BEFORE, PAD, REACH, extended, joined, trimmed, united
from rlm.coverage.windows import SIZE, STEP, codes

TEXT = "".join(chr(33 + n * 7 % 89) for n in range(400))


def chains(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 4)


def test_windows_that_follow_one_another_in_both_are_one_chain():
    starts = np.array([0, 2 * STEP, STEP, 100])
    places = np.array([50, 50 + 2 * STEP, 50 + STEP, 7])
    assert joined(starts, places).tolist() == [[-93, 100, 100 + SIZE, 0], [50, 0, 2 * STEP + SIZE, 0]]


def test_a_chain_is_extended_to_where_text_and_input_differ():
    row, there = codes("##" + TEXT[10:50] + "##"), codes(TEXT)
    found = extended(chains((0 + 8, 12, 12 + SIZE, 0)), np.pad(row, PAD), np.array([0, len(row) + 1]), there, 0)
    assert found.tolist() == [[8, 2, 42, 0]]


def test_it_ends_with_the_part_of_the_row_and_with_the_slice():
    row, there = codes(TEXT[10:50] + "\0" + TEXT[51:80]), codes(TEXT[20:70])
    found = extended(chains((10, 12, 12 + SIZE, 0)), np.pad(row, PAD), np.array([0, 41, len(row) + 1]), there, 20)
    assert found.tolist() == [[10, 10, 40, 0]]


def test_what_is_too_short_is_left_out_and_what_may_go_on_says_so():
    row = codes(TEXT)
    limits = np.array([0, len(row) + 1])
    start = 150
    assert extended(chains((0, start, start + SIZE, 0)), np.pad(row, PAD), limits, row, 0).tolist() == [
        [0, start - REACH, start + SIZE + REACH, BEFORE | AFTER]
    ]
    other = codes("x" * start + TEXT[start : start + SIZE] + "x" * 100)
    assert extended(chains((0, start, start + SIZE, 0)), np.pad(row, PAD), limits, other, 0).tolist() == []


def test_any_number_of_characters_may_agree():
    row, limits = codes(TEXT), np.array([0, len(TEXT) + 1])
    for agree in range(8, REACH):
        other = codes("x" * (150 - agree) + TEXT[150 - agree : 150 + SIZE + agree] + "x" * 100)
        found = extended(chains((0, 150, 150 + SIZE, 0)), np.pad(row, PAD), limits, other, 0)
        assert found.tolist() == [[0, 150 - agree, 150 + SIZE + agree, 0]]


def test_chains_of_one_distance_that_overlap_or_touch_are_one():
    made = [chains((5, 30, 60, AFTER), (7, 0, 40, 0)), chains((5, 0, 30, BEFORE), (5, 61, 90, AFTER))]
    assert united(made).tolist() == [[5, 0, 60, BEFORE | AFTER], [5, 61, 90, AFTER], [7, 0, 40, 0]]
    assert made == []


def test_of_two_that_overlap_at_their_ends_the_longer_one_has_it_all():
    assert trimmed(chains((1, 0, 50, 0), (2, 45, 80, 0), (3, 100, 130, 0), (4, 128, 190, 0))).tolist() == [
        [1, 0, 50, 0],
        [2, 50, 80, 0],
        [3, 100, 128, 0],
        [4, 128, 190, 0],
    ]


def test_what_is_left_of_the_shorter_one_may_be_too_short():
    assert trimmed(chains((1, 0, 50, 0), (2, 40, 64, 0))).tolist() == [[1, 0, 50, 0]]


def test_more_than_two_that_overlap_are_left_as_they_are():
    three = chains((1, 0, 50, 0), (2, 45, 80, 0), (3, 46, 81, 0))
    assert trimmed(three).tolist() == three.tolist()
