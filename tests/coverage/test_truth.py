"""How much of what prompts hold is found where it is, by how they were made; `truth` knows what is true."""

import random

import pytest
import truth

from rlm.coverage.locate import locate

SOURCE = truth.text(700_000)
REPEATED = truth.text(700_000, repeated=0.2)
# Precision, recall, and the most that may be ambiguous. A line end after a line is the prompt's own, and may be taken
# for the input's: one character a line.
FLOORS = {
    "raw slices": (0.9999, 0.9999, 0.0),
    "splitlines pieces": (0.985, 0.999, 0.001),
    "scattered lines": (0.985, 0.995, 0.005),
    "numbered items": (0.985, 0.995, 0.005),
    "joined lines": (0.995, 0.98, 0.01),
    "a list as shown": (0.995, 0.98, 0.01),
    "regex hits": (0.98, 0.98, 0.01),
    "mixed": (0.985, 0.99, 0.01),
}


def prompts(way: str, source: str, count: int = 8) -> list[truth.Prompt]:
    chance = random.Random(5)
    return [truth.WAYS[way](source, chance, 20_000) for _ in range(count)]


def scored(made: list[truth.Prompt], source: str) -> truth.Score:
    return truth.score(made, locate([prompt.text for prompt in made], [source]))


@pytest.mark.parametrize("way", FLOORS)
def test_what_is_from_the_input_is_found_where_it_is(way: str):
    score = scored(prompts(way, SOURCE), SOURCE)
    precision, recall, ambiguous = FLOORS[way]
    assert score.precision >= precision
    assert score.recall >= recall
    assert score.ambiguous <= ambiguous


@pytest.mark.parametrize(("way", "most"), [("rewritten", 0.01), ("in capitals", 0.001)])
def test_what_was_rewritten_is_not_traced(way: str, most: float):
    assert scored(prompts(way, SOURCE), SOURCE).traced <= most


def test_repeated_lines_are_ambiguous_as_far_as_nothing_tells_which_they_are():
    slices = scored(prompts("raw slices", REPEATED), REPEATED)
    assert (slices.precision, slices.recall, slices.ambiguous) == (1.0, 1.0, 0.0)
    lines = scored(prompts("scattered lines", REPEATED), REPEATED)
    assert lines.precision >= 0.985
    assert lines.recall >= 0.995
    assert 0.25 <= lines.ambiguous <= 0.45
