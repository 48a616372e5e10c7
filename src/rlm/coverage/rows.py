"""Texts, and an input, each as one row of characters that numpy works on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from rlm.coverage.chains import PAD
from rlm.coverage.locate import Gap
from rlm.coverage.windows import SIZE, STEP, Codes, Numbers, Places, codes

_SLICE = 1 << 20  # characters of the input that are encoded at a time
_PART = 1 << 19  # of them, or of texts, what is looked through at a time


class Slice(NamedTuple):
    """A part of a block of the input: where windows start and end to start in it, and where the block starts."""

    block: str
    start: int
    end: int
    base: int

    def codes(self, about: int) -> Codes:
        """The characters of its windows, and so many about them, as far as there are."""
        return codes(self.block[max(self.start - about, 0) : self.end + SIZE - 1 + about])


class Ground:
    """The input as one row of characters: its blocks, each followed by one that is in none of them."""

    def __init__(self, blocks: Sequence[str]) -> None:
        self.blocks = blocks
        self.bases = list(accumulate((len(block) + 1 for block in blocks), initial=0))

    def slices(self) -> Iterator[Slice]:
        """All of it, a part of a block at a time."""
        for base, block in zip(self.bases, self.blocks, strict=False):
            for start in range(0, len(block) - SIZE + 1, _SLICE):
                yield Slice(block, start, min(start + _SLICE, len(block) - SIZE + 1), base)

    def parts(self) -> Iterator[tuple[int, Codes]]:
        """Where windows start, and the characters of these: what is left of the slices."""
        for piece in self.slices():
            there = piece.codes(0)
            for start in range(0, piece.end - piece.start, _PART):
                yield piece.base + piece.start + start, there[start : start + _PART + SIZE - 1]

    def place(self, at: int) -> tuple[int, int]:
        """A place as its block and the offset there."""
        block = bisect_right(self.bases, at) - 1
        return block, at - self.bases[block]

    def read(self, at: int, size: int) -> str:
        """Characters from a place on."""
        block, start = self.place(at)
        return self.blocks[block][start : start + size]

    def places(self, at: Places) -> tuple[Places, Places]:
        """Places as their blocks and the offsets there."""
        block = np.searchsorted(self.bases, at, "right") - 1
        return block, at - np.array(self.bases)[block]


class Row:
    """Parts of texts as one row of characters, each followed by one that is in none of them."""

    def __init__(self, texts: Sequence[str], gaps: Sequence[Gap]) -> None:
        self.texts = texts
        self.gaps = gaps
        self.bases = list(accumulate((gap.end - gap.start + 1 for gap in gaps), initial=0))
        self.limits = np.array(self.bases)

    def pieces(self) -> Iterator[tuple[int, Codes]]:
        """The characters, some parts at a time, each with where it starts."""
        first = 0
        while first < len(self.gaps):
            base = self.bases[first]
            last = bisect_right(self.bases, base + _PART, first + 1) - 1
            texts = (self.texts[gap.text][gap.start : gap.end] for gap in self.gaps[first : max(last, first + 1)])
            yield base, codes("\0".join([*texts, ""]))
            first = max(last, first + 1)

    def codes(self) -> Codes:
        """All the characters, with `PAD` before and after them."""
        row = np.zeros(self.bases[-1] + 2 * PAD, np.uint8)
        for base, piece in self.pieces():
            row[base + PAD : base + PAD + len(piece)] = piece
        return row

    def starts(self) -> Numbers:
        """Where its windows start."""
        ranges = [
            range(base, base + gap.end - gap.start - SIZE + 1, STEP)
            for base, gap in zip(self.bases, self.gaps, strict=False)
        ]
        starts = np.empty(sum(map(len, ranges)), np.int32)
        at = 0
        for some in ranges:
            starts[at : at + len(some)] = np.arange(some.start, some.stop, STEP)
            at += len(some)
        return starts

    def gap(self, at: int) -> tuple[Gap, int]:
        """The part that a character is in, and how far that is from there in its text."""
        number = bisect_right(self.bases, at) - 1
        return self.gaps[number], self.gaps[number].start - self.bases[number]

    def read(self, at: int, size: int) -> str:
        """Characters of the part that this one is in, from it on."""
        gap, shift = self.gap(at)
        return self.texts[gap.text][at + shift : at + shift + size]

    def places(self, at: Places) -> tuple[Places, Places]:
        """The numbers of the texts that characters are of, and how far these are from there in them."""
        part = np.searchsorted(self.limits, at, "right") - 1
        texts, starts, _ = np.array(self.gaps, np.int64).reshape(-1, 3).T
        return texts[part], (starts - self.limits[:-1])[part]
