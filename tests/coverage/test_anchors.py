"""Long stretches, found by few windows: told with all their places, or left for the search for short ones."""

import random

import pytest
import truth

from rlm.coverage import anchors
from rlm.coverage.anchors import long_stretches
from rlm.coverage.locate import Gap, Match, locate

INPUT = truth.text(300_000)


def long(texts: list[str], *blocks: str) -> list[list[Match]]:
    gaps = [Gap(number, 0, len(text)) for number, text in enumerate(texts)]
    return long_stretches(texts, gaps, blocks).matches(len(texts))


def test_a_slice_is_found_to_its_ends():
    for start, size in ((70_123, 25_198), (0, 3_000), (len(INPUT) - 3_001, 3_001)):
        prompt = f"Which of these?\n{INPUT[start : start + size]}\N{PARTY POPPER}"
        assert long([prompt], INPUT) == [[Match(16, 16 + size, ((0, start),), False)]]


def test_what_was_changed_within_ends_a_stretch():
    prompt = INPUT[5_000:9_000] + "~" + INPUT[9_001:14_000]
    assert [match[:3] for match in long([prompt], "x", INPUT)[0]] == [
        (0, 4_000, ((1, 5_000),)),
        (4_001, 9_000, ((1, 9_001),)),
    ]


def test_a_long_stretch_that_stands_twice_has_both_places():
    text = INPUT[:50_000] + INPUT[20_000:24_000] + INPUT[50_000:60_000]
    assert long([INPUT[20_500:23_500]], text) == [[Match(0, 3_000, ((0, 20_500), (0, 50_500)), False)]]


def test_what_stands_in_too_many_places_is_left_to_others():
    part = INPUT[:3_000]
    text = "~".join([part] * 9)
    assert long([part], text) == [[]]
    (match,) = locate([part], [text])[0]
    assert (match.start, match.end, match.more) == (0, 3_000, True)


def test_short_stretches_and_other_texts_are_left_to_others():
    lines = [line for line in INPUT.split("\n") if 25 < len(line) < 100]
    assert long(["\n- ".join(lines[::7]), INPUT[:20_000].swapcase(), ""], INPUT) == [[], [], []]


def test_where_no_middle_of_a_text_is_from_the_input_long_stretches_are_left_to_others_too():
    text = INPUT[:1_000] + "~" * 2_000
    assert long([text] * 20, INPUT) == [[]] * 20
    assert long([text, INPUT[:1_000]], INPUT) == [[Match(0, 1_000, ((0, 0),), False)]] * 2


@pytest.mark.parametrize("text", ["-" * 50_000, "\0" * 50_000, "null, " * 9_000, INPUT[:40] * 1_000])
def test_what_repeats_itself_is_left_to_others(text: str):
    assert long([text[:20_000]], text) == [[]]


def test_characters_that_are_alike_in_their_lowest_bytes_are_told_apart():
    chance = random.Random(2)
    text = "".join(chr(chance.randrange(0x4E00, 0x4F00)) for _ in range(30_000))
    shifted = "".join(chr(ord(character) + 0x100) for character in text[10_000:])
    found = long([text[:10_000] + shifted, text[5_000:6_000]], text)
    assert found == [[Match(0, 10_000, ((0, 0),), False)], [Match(0, 1_000, ((0, 5_000),), False)]]


def test_too_many_anchors_are_not_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(anchors, "_MOST", 10)
    assert long([INPUT[:20_000]], INPUT) == [[]]


def test_no_more_stretches_than_so_many_are_followed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(anchors, "_FOLLOWED", 3)
    texts = [INPUT[start : start + 5_000] for start in range(0, 50_000, 5_000)]
    assert sum(map(len, long(texts, INPUT))) == 2
    assert all(sum(match.end - match.start for match in matches) == 5_000 for matches in locate(texts, [INPUT]))


@pytest.mark.parametrize("seed", range(5))
def test_long_stretches_first_or_not_is_the_same(seed: int, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(seed)
    source = truth.text(200_000, seed, repeated=0.3)
    prompts = [truth.mixed(source, chance, chance.randrange(500, 20_000)).text for _ in range(20)]
    first = locate(prompts, [source])
    monkeypatch.setattr("rlm.coverage.locate._MANY", 1 << 60)
    at_once = locate(prompts, [source])
    size = sum(map(len, prompts))
    different = sum(m.end - m.start for a, b in zip(first, at_once, strict=True) for m in {*a} ^ {*b})
    assert different / size < 0.001
