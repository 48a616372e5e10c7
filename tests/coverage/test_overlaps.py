"""Which of the stretches that overlap in a text are told."""

from rlm.coverage.overlaps import settled


def test_the_longest_is_told_and_of_the_others_what_is_left():
    found = sorted(settled([(0, 60), (40, 140), (130, 180), (135, 150)]))
    assert found == [(0, 40, [0]), (40, 140, [1]), (140, 180, [2])]


def test_stretches_of_the_same_characters_are_told_together():
    assert sorted(settled([(0, 40), (10, 30), (0, 40), (40, 64)])) == [(0, 40, [0, 2]), (40, 64, [3])]


def test_what_is_left_on_both_sides_is_told_where_it_is_long_enough():
    found = sorted(settled([(30, 130), (0, 90), (110, 140)]))
    assert found == [(0, 30, [1]), (30, 130, [0])]
