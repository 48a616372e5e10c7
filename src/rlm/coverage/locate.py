"""Where in an input texts are from: every stretch of them that stands in the input, character by character.

Long stretches, which most prompts are made of, are found by few windows (`anchors`). What that leaves of the texts is
laid out as one row (`rows`), and windows of it are looked for in the input (`windows`); windows that follow one another
in both alike are joined and extended as far as both agree (`chains`), first those that stand in the input once, which
can't be led astray (`search`); of stretches that overlap in a text, the longest is told (`overlaps`), in columns
(`found`). What touches every character is done by numpy, in parts. What is held at a time is bounded: more texts take
more passes over the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rlm.coverage.found import Found

LEAST = 24  # characters of a stretch: shorter ones stand in any text
MOST_PLACES = 8  # that are told of a stretch

_MANY = 100_000  # characters of texts, from which on long stretches are looked for first: that takes 0.1 s in 40 MB
_ROW = 12_000_000  # characters of texts that are looked for at once: some 70 MB


class Match(NamedTuple):
    """A stretch of a text that is from the input.

    Attributes:
        start, end: Its characters in the text.
        places: Where it stands in the input, as (block, offset), in order.
        more: Whether it may stand in more places than these.
    """

    start: int
    end: int
    places: tuple[tuple[int, int], ...]
    more: bool


class Gap(NamedTuple):
    """A part of a text that is looked for."""

    text: int
    start: int
    end: int


def locate(
    texts: Sequence[str], blocks: Sequence[str], known: Sequence[Sequence[Match]] | None = None
) -> list[list[Match]]:
    """The stretches of each text that stand in the input, in order; they don't overlap.

    Args:
        texts: The texts.
        blocks: The input.
        known: Stretches of each text that are known already, in order; they are in the result.
    """
    return located(texts, blocks, known or []).matches(len(texts))


def located(texts: Sequence[str], blocks: Sequence[str], known: Sequence[Sequence[Match]]) -> Found:
    """The same in columns."""
    from rlm.coverage.anchors import long_stretches  # numpy takes 0.1 s
    from rlm.coverage.found import Found, together
    from rlm.coverage.search import stretches

    found = Found.of((number, match) for number, matches in enumerate(known) for match in matches)
    for look in (long_stretches, stretches) if sum(map(len, texts)) >= _MANY else (stretches,):
        found = together([found, *(look(texts, gaps, blocks) for gaps in _batches(texts, found))])
    return found


def _batches(texts: Sequence[str], found: Found) -> Iterator[list[Gap]]:
    """What is left of the texts, so much at a time that it is not too much."""
    gaps: list[Gap] = []
    size = 0
    for number, low, high in found.rest(texts, LEAST):
        for start in range(low, high - LEAST + 1, _ROW):
            end = min(start + _ROW, high)
            if size + end - start > _ROW:
                yield gaps
                gaps, size = [], 0
            gaps.append(Gap(number, start, end))
            size += end - start + 1
    if gaps:
        yield gaps
