"""Stretches of the input in texts, against what is known to be true: where they are from, and that nothing else is."""

import random

import pytest
import truth

from rlm.coverage import locate as module
from rlm.coverage import rows
from rlm.coverage.locate import LEAST, Match, locate

INPUT = truth.text(500_000)
LINES = [line for line in INPUT.split("\n") if len(line) >= 2 * LEAST]


def places(matches: list[Match], text: str = INPUT) -> list[tuple[int, int]]:
    """Where they are, without the white space at their ends: a line end after a line may be the prompt's own."""
    found = []
    for match in matches:
        at = match.places[0][1]
        stretch = text[at : at + match.end - match.start]
        found.append((at + len(stretch) - len(stretch.lstrip()), at + len(stretch.rstrip())))
    return found


def test_a_slice_in_a_prompt_is_found_whole_and_nowhere_else():
    start, end = 70_123, 95_321
    prompt = f"Which of these are about a place?\n\n<text>{INPUT[start:end]}</text>"
    assert locate([prompt], [INPUT]) == [[Match(41, 41 + end - start, ((0, start),), False)]]


def test_a_text_that_is_not_from_the_input_is_not_found():
    rewritten = INPUT[:20_000].swapcase()
    assert locate([rewritten, "", "short"], [INPUT]) == [[], [], []]


def test_scattered_lines_are_found_one_by_one():
    chosen = [LINES[n] for n in range(5, 3000, 37)]
    found = locate(["\n".join(f"- {line}" for line in chosen)], [INPUT])[0]
    assert places(found) == [(INPUT.index(line), INPUT.index(line) + len(line)) for line in chosen]


def test_lines_in_another_order_of_another_block():
    blocks = ["\n".join(LINES[:2000]), "\n".join(LINES[2000:])]
    found = locate(["\n".join([LINES[2500], LINES[10]])], blocks)[0]
    assert [match.places for match in found] == [
        ((1, blocks[1].index(LINES[2500])),),
        ((0, blocks[0].index(LINES[10])),),
    ]


def test_a_line_that_stands_twice_has_both_places():
    line = "The same thing is said once more in this line, word for word."
    text = "\n".join([*LINES[:100], line, *LINES[100:200], line, *LINES[200:300]])
    first = text.index(line)
    second = text.index(line, first + 1)
    assert locate([f"Q: {line}?"], [text]) == [[Match(3, 3 + len(line), ((0, first), (0, second)), False)]]


def test_what_stands_about_a_repeated_line_tells_which_it_is():
    line = "The same thing is said once more in this line, word for word."
    text = "\n".join([*LINES[:100], line, *LINES[100:200], line, *LINES[200:300]])
    second = text.rindex(line)
    found = locate([text[second - 10 : second + len(line) + 10]], [text])[0]
    assert places(found, text) == [(second - 10, second + len(line) + 10)]
    assert len(found[0].places) == 1


def test_a_line_that_stands_everywhere_is_found_and_said_to_be_everywhere():
    line = "this line is in all the places there are and says nothing"
    (match,) = locate([f"<{line}>"], ["\n".join([line] * 500)])[0]
    assert (match.start, match.end, match.more) == (1, 1 + len(line), True)
    assert len(match.places) > 1


def test_a_stretch_below_the_least_length_is_not_told():
    phrase = LINES[7][: LEAST - 1]
    assert locate([f"<{phrase}>"], [INPUT]) == [[]]


def test_known_matches_stay_and_the_rest_is_looked_for():
    known = Match(0, 1000, ((0, 5),), False)
    prompt = INPUT[5:1005] + "~~~~~~" + INPUT[50_000:51_000]
    assert locate([prompt], [INPUT], [[known]]) == [[known, Match(1006, 2006, ((0, 50_000),), False)]]


@pytest.mark.parametrize("text", ["", "a" * 100_000, "\n" * 1000, "ab" * 5_000])
def test_inputs_with_nothing_to_cut_at(text: str):
    (found,) = locate([text[:500]], [text])
    assert sum(match.end - match.start for match in found) in (0, len(text[:500]))


def test_any_script():
    chance = random.Random(3)
    text = "".join(chr(chance.randrange(0x4E00, 0x4E00 + 600)) for _ in range(30_000))
    assert places(locate([f"问题：{text[12_000:12_400]}"], [text])[0], text) == [(12_000, 12_400)]


def test_a_wide_character_in_the_prompt_changes_nothing():
    prompt = f"\N{PARTY POPPER} {INPUT[100:3000]} \N{PARTY POPPER}"
    assert places(locate([prompt], [INPUT])[0]) == [(100, 3000)]


@pytest.mark.slow
def test_more_texts_than_one_row_takes(monkeypatch: pytest.MonkeyPatch):
    chosen = [LINES[n] for n in range(5, 3000, 37)]
    whole = locate(chosen, [INPUT])
    monkeypatch.setattr(module, "_ROW", 200)
    assert locate(chosen, [INPUT]) == whole


def test_the_ends_of_slices_hide_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "_SLICE", 400)
    monkeypatch.setattr(rows, "_PART", 150)
    chosen = [LINES[n] for n in range(5, 400, 7)]
    text = "\n".join(LINES[:400])
    found = locate(["\n".join(f"* {line}" for line in chosen)], [text])[0]
    assert places(found, text) == [(text.index(line), text.index(line) + len(line)) for line in chosen]


def test_characters_that_are_alike_in_their_lowest_bytes_are_told_apart():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
    shifted = "".join(chr(ord(character) + 0x100) for character in text)
    assert locate([shifted], [text]) == [[]]
    mixed = text[:100] + shifted[100:]
    assert locate([mixed], [text]) == [[Match(0, 100, ((0, 0),), False)]]


def test_a_long_stretch_is_one_though_much_in_it_stands_elsewhere_too():
    often = "this line is in all the places there are and says nothing"
    text = "\n".join(line for pair in zip(LINES[:200], [often] * 200, strict=True) for line in pair)
    assert locate([text[3_000:9_000]], [text]) == [[Match(0, 6_000, ((0, 3_000),), False)]]


@pytest.mark.parametrize("period", ["-", "=-", "abc", "null, ", "0.0 0.0 "])
def test_what_repeats_itself_is_from_anywhere(period: str):
    assert locate([period * 200], [period * 2_000]) == [[]]


def test_of_what_stands_everywhere_in_the_texts_too_one_place_is_told():
    line = "this line is in all the places there are and says nothing\n"
    (matches,) = locate([line * 1_100], [line * 50])
    assert {(match.places[0], match.more) for match in matches} == {((0, 0), True)}
    assert sum(match.end - match.start for match in matches) == 1_100 * len(line)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_found_is_there_in_order_and_apart(seed: int):
    chance = random.Random(seed)
    letters = chance.choice(("ab", "abc \n", "abcdefgh .\n", "aé\N{PARTY POPPER} \n"))
    blocks = ["".join(chance.choices(letters, k=chance.randrange(3_000))) for _ in range(chance.randrange(1, 5))]
    texts = []
    for _ in range(10):
        block = chance.choice(blocks)
        parts = [block[(at := chance.randrange(len(block) + 1)) : at + chance.randrange(200)] for _ in range(5)]
        texts.append("".join(part + "".join(chance.choices(letters + "~", k=chance.randrange(9))) for part in parts))
    for text, matches in zip(texts, locate(texts, blocks), strict=True):
        done = 0
        for start, end, places, _ in matches:
            assert done <= start
            assert end - start >= LEAST
            assert places
            assert all(blocks[number][at : at + end - start] == text[start:end] for number, at in places)
            done = end
