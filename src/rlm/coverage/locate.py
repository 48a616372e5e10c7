"""Where in an input texts are from: every stretch of them that stands in the input, character by character.

The texts are laid out as one row (`rows`), and windows of it are looked for in the input (`windows`); windows that
follow one another in both alike are joined and extended as far as both agree (`chains`), first those that stand in the
input once, which can't be led astray (`search`); of stretches that overlap in a text, the longest is told (`overlaps`).
What touches every character is done by numpy, in parts. What is held at a time is bounded: more texts take more passes
over the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

LEAST = 24  # characters of a stretch: shorter ones stand in any text
MOST_PLACES = 8  # that are told of a stretch

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
    found = [list(matches) for matches in known] if known is not None else [[] for _ in texts]
    for gaps in _batches(texts, found):
        from rlm.coverage.search import stretches  # numpy takes 0.1 s

        for number, match in stretches(texts, gaps, blocks):
            found[number].append(match)
    for matches in found:
        matches.sort()
    return found


def _batches(texts: Sequence[str], found: Sequence[Sequence[Match]]) -> Iterator[list[Gap]]:
    """What the matches of the texts leave, so much at a time that it is not too much."""
    gaps: list[Gap] = []
    size = 0
    for number, text in enumerate(texts):
        at = 0
        for match in [*found[number], Match(len(text), len(text), (), False)]:
            for start in range(at, match.start - LEAST + 1, _ROW):
                end = min(start + _ROW, match.start)
                if size + end - start > _ROW:
                    yield gaps
                    gaps, size = [], 0
                gaps.append(Gap(number, start, end))
                size += end - start + 1
            at = match.end
    if gaps:
        yield gaps
