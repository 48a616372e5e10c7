"""Short lines in texts that are whole lines of the input: names, values, items of a list.

Anything has characters of anything, so short stretches are not looked for; but a line that is as a whole a line of the
input (or a whole string of a JSON value) is from there, whatever marks stand about it: `- `, `[7] `, `3. `, quotation
marks, a comma.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

import numpy as np

from rlm.coverage.found import Found, together
from rlm.coverage.locate import LEAST, MOST_PLACES, Match
from rlm.coverage.windows import Codes, Places, apart, codes

SHORTEST = 4  # characters; a `yes` is from anywhere
_LONGEST = 4 * LEAST
_SLICE = 1 << 17  # characters of the input at a time
_MARKED = re.compile(r"\s*[\[({]*(?:(?:[-*•>#]+|\d+[\]).:]+)\s+)?(?P<quoted>[\"'“‘]?(?P<bare>.*?)[\"'”’]?)[\])},;]*\s*")
_CLOSING = "\"'”’])},;"  # what `_MARKED` has after a line
_HEADS = 1 << 14
_MOST = 200_000  # lines that are looked for


def add_short_lines(texts: Sequence[str], blocks: Sequence[str], found: Found) -> Found:
    """What was found, and the short lines in the rest of the texts that are whole lines of the input.

    Args:
        texts: The texts.
        blocks: The input.
        found: The stretches that are known.
    """
    wanted: dict[str, list[tuple[int, int]]] = {}  # line -> where it stands in the texts
    for number, start, end in found.rest(texts, SHORTEST):
        for line, at in _lines(texts[number], start, end):
            if len(wanted) < _MOST or line in wanted:
                wanted.setdefault(line, []).append((number, at))
    if not wanted:
        return found
    lines = Found.of(
        (number, Match(at, at + len(line), tuple(places[:MOST_PLACES]), len(places) > MOST_PLACES))
        for line, places in _places(wanted, blocks).items()
        for number, at in wanted[line]
    )
    both = together([found, lines])
    bases = np.cumsum([0, *map(len, texts)])[both.text]  # a line was looked for with its marks, and without
    return both.these(np.flatnonzero(apart(bases + both.start, bases + both.end)))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """The short lines of text[start:end] and where they start: as they are, and without what marks them."""
    while start < end:
        until = text.find("\n", start, end)
        until = end if until < 0 else until
        if SHORTEST <= until - start <= _LONGEST:
            for line, at in _bared(text[start:until]):
                yield line, start + at
        start = until + 1


@lru_cache(maxsize=1 << 12)  # numbers of items, and the like, are the same in every text
def _bared(line: str) -> tuple[tuple[str, int], ...]:
    """A line as it is, and without what marks it, as far as there is enough of it; and where that starts in it."""
    found = {(line, 0)}
    # Most lines have no marks, and to find that out takes as long as all else.
    if (not line[0].isalpha() or line[-1] in _CLOSING or line[-1].isspace()) and (marked := _MARKED.fullmatch(line)):
        found |= {(marked[name], marked.start(name)) for name in ("quoted", "bare")}
    return tuple(one for one in found if len(one[0]) >= SHORTEST and any(map(str.isalnum, one[0])))


def _places(wanted: Collection[str], blocks: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Where in the input each of the lines is a whole line: the first places, and one more where there are more."""
    places: dict[str, list[tuple[int, int]]] = {}
    known = np.zeros((_LONGEST + 1, _HEADS), np.bool_)  # of those that are wanted: so few lines are looked up by name
    heads = codes("".join([line[:SHORTEST] for line in wanted]))
    known[[*map(len, wanted)], _heads(heads, np.arange(0, len(heads), SHORTEST))] = True
    for number, block in enumerate(blocks):
        start = 0
        while start < len(block):
            end = len(block) if start + _SLICE >= len(block) else block.find("\n", start + _SLICE)
            end = len(block) if end < 0 else end
            lines = block[start:end].split("\n")
            sizes = np.fromiter(map(len, lines), np.int64, len(lines))
            starts = np.cumsum(sizes + 1) - sizes - 1
            short = np.flatnonzero((sizes >= SHORTEST) & (sizes <= _LONGEST))
            likely = short[known[sizes[short], _heads(codes(block[start:end]), starts[short])]]
            for one, at in zip(likely.tolist(), starts[likely].tolist(), strict=True):
                if lines[one] in wanted:
                    told = places.setdefault(lines[one], [])
                    if len(told) <= MOST_PLACES:
                        told.append((number, start + at))
            start = end + 1
    return places


def _heads(row: Codes, starts: Places) -> Places:
    """A number for the first characters of lines."""
    heads = np.ndarray((max(len(row) - SHORTEST + 1, 0),), "<u4", row, strides=(1,))[starts]
    return heads.astype(np.int64) * 0x9E3779B1 >> 20 & _HEADS - 1
