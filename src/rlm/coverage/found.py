"""Stretches of texts that stand in an input, in columns: a hundred thousand objects take half a second and 80 MB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.locate import Match

Column = NDArray[np.int64]


class Found(NamedTuple):
    """Stretches; those of one text are in order, and don't overlap, where nothing else is said.

    Attributes:
        text: The number of each one's text.
        start, end: Its characters there.
        more: Whether it may stand in more places than are told.
        many: How many places of it are told.
        block, at: Of each place, those of one stretch after those of another: its block of the input, and where there.
    """

    text: Column
    start: Column
    end: Column
    more: NDArray[np.bool_]
    many: Column
    block: Column
    at: Column

    @classmethod
    def of(cls, matches: Iterable[tuple[int, Match]]) -> Found:
        """Stretches, each with the number of its text."""
        told = list(matches)
        rows = [(text, one.start, one.end, one.more, len(one.places)) for text, one in told]
        text, start, end, more, many = np.array(rows, np.int64).reshape(-1, 5).T
        block, at = np.array([place for _, one in told for place in one.places], np.int64).reshape(-1, 2).T
        return cls(text, start, end, more > 0, many, block, at)

    def these(self, numbers: Column) -> Found:
        """Some of them, in this order."""
        places = spread((np.cumsum(self.many) - self.many)[numbers], self.many[numbers])
        text, start, end, many = (column[numbers] for column in (self.text, self.start, self.end, self.many))
        return Found(text, start, end, self.more[numbers], many, self.block[places], self.at[places])

    def rest(self, texts: Sequence[str], least: int) -> Iterator[tuple[int, int, int]]:
        """What they leave of the texts, where it is long enough: the number of the text, and its characters there."""
        sizes = np.array([len(text) for text in texts], np.int64)
        number = np.append(self.text, np.arange(len(sizes)))
        order = np.argsort(number, kind="stable")
        number, start, end = number[order], np.append(self.end, sizes)[order], np.append(self.start, sizes)[order]
        start[1:] = np.where(number[1:] == number[:-1], start[:-1], 0)
        start[:1] = 0
        long = end - start >= least
        return zip(number[long].tolist(), start[long].tolist(), end[long].tolist(), strict=True)

    def matches(self, texts: int) -> list[list[Match]]:
        """As objects, those of each text together."""
        places = list(zip(self.block.tolist(), self.at.tolist(), strict=True))
        found: list[list[Match]] = [[] for _ in range(texts)]
        limits = pairwise([0, *np.cumsum(self.many).tolist()])
        rows = zip(*(column.tolist() for column in self[:4]), limits, strict=True)
        for text, start, end, more, (low, high) in rows:
            found[text].append(Match(start, end, tuple(places[low:high]), more))
        return found


def together(parts: Sequence[Found]) -> Found:
    """All of these, in order; of two that start at the same place, the longer one comes first."""
    text, start, end, more, many, block, at = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Found(text, start, end, more, many, block, at).these(np.lexsort((-end, start, text)))


def spread(first: Column, many: Column) -> Column:
    """The numbers of ranges, each of which begins there and has so many, one after the other."""
    return np.arange(many.sum()) + np.repeat(first - np.cumsum(many) + many, many)
