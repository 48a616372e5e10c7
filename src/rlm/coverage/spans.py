"""What was read of an input, in columns, and ranges of its characters: of all its texts, one following the other."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.found import Column, Found, spread
from rlm.coverage.source import Input

AMBIGUOUS, ORIGIN, EXACT = range(3)

Ranges: TypeAlias = NDArray[np.int64]  # rows of start and end, in order; they neither overlap nor touch


class Columns(NamedTuple):
    """Stretches of an input that were read, as `reach.Stretch` describes one.

    Attributes:
        reader, text, start, end: The number of who read each, and where in the input it is.
        how: `AMBIGUOUS`, `ORIGIN` or `EXACT`.
        many: How many other places of it are told.
        others: Text, start and end of these, one stretch's after another's.
    """

    reader: Column
    text: Column
    start: Column
    end: Column
    how: Column
    many: Column
    others: Column

    @classmethod
    def of(cls, found: Found, how: Column, source: Input) -> Columns:
        """What stretches of texts are in the texts of the input: several where texts were read in one go.

        Args:
            found: The stretches; `reader` is the number of their text.
            how: How each is known.
            source: The input.
        """
        row = np.repeat(np.arange(len(found.many)), found.many)
        place, text, start, end = _in_texts(source, found.block, found.at, (found.end - found.start)[row])
        row, nth = row[place], place - (np.cumsum(found.many) - found.many)[row[place]]
        part = np.arange(len(place)) - np.searchsorted(place, place)  # of those that a place has
        first = nth == 0
        parts = np.bincount(row[first], minlength=len(found.many))
        other = np.flatnonzero(~first & (part < parts[row]))
        of = (np.cumsum(parts) - parts)[row[other]] + part[other]
        other = other[np.argsort(of, kind="stable")]
        others = np.stack([text[other], start[other], end[other]], axis=1)
        many = np.bincount(of, minlength=np.count_nonzero(first))
        return cls(found.text[row[first]], text[first], start[first], end[first], how[row[first]], many, others)

    def read_by(self, texts: Column) -> Columns:
        """The stretches of these texts, by reader: each read one of them."""
        per = np.bincount(self.reader, minlength=int(texts.max(initial=-1)) + 1)
        rows = spread((np.cumsum(per) - per)[texts], per[texts])
        others = self.others[spread((np.cumsum(self.many) - self.many)[rows], self.many[rows])]
        text, start, end, how, many = (column[rows] for column in self[1:6])
        return Columns(np.repeat(np.arange(len(texts)), per[texts]), text, start, end, how, many, others)

    def ranges(self, source: Input, which: NDArray[np.bool_], *, others: bool = False) -> Ranges:
        """Where some stretches are, and their other places where these are wanted."""
        text, start, end = self.text[which], self.start[which], self.end[which]
        if others:
            more = self.others[np.repeat(which, self.many)].T
            text, start, end = np.append(text, more[0]), np.append(start, more[1]), np.append(end, more[2])
        bases = _bases(source)[text]
        return union(np.stack([bases + start, bases + end], axis=1))


def union(ranges: Ranges) -> Ranges:
    """Ranges in any order, with those that overlap or touch made one."""
    start, end = ranges[np.argsort(ranges[:, 0], kind="stable")].T
    end = np.maximum.accumulate(end)
    new = np.ones(len(start), np.bool_)
    new[1:] = start[1:] > end[:-1]
    return np.stack([start[new], end[np.append(new[1:], True)[: len(new)]]], axis=1)


def without(ranges: Ranges, taken: Ranges, size: int) -> Ranges:
    """What of ranges of the first `size` characters is in none of those taken."""
    return _others(union(np.concatenate([_others(ranges, size), taken])), size)


def _others(ranges: Ranges, size: int) -> Ranges:
    """All other characters of the first `size`."""
    left = np.stack([np.append(0, ranges[:, 1]), np.append(ranges[:, 0], size)], axis=1)
    return left[left[:, 0] < left[:, 1]]


def in_texts(source: Input, ranges: Ranges) -> tuple[Column, Column, Column]:
    """The texts that ranges are in, and where there."""
    bases = _bases(source)
    first = np.searchsorted(bases, ranges[:, 0], "right") - 1
    many = np.searchsorted(bases, ranges[:, 1], "left") - first
    number, text = np.repeat(np.arange(len(ranges)), many), spread(first, many)
    start = np.maximum(ranges[number, 0], bases[text]) - bases[text]
    end = np.minimum(ranges[number, 1], bases[text + 1]) - bases[text]
    return text[start < end], start[start < end], end[start < end]


def _bases(source: Input) -> Column:
    """Where each text starts, and the end of the last one, were all one after the other."""
    return np.append(0, np.cumsum(np.array(source.sizes, np.int64)))


def _in_texts(source: Input, block: Column, at: Column, size: Column) -> tuple[Column, Column, Column, Column]:
    """Parts of blocks as parts of texts: the number of the part, the text, start and end; between texts is none."""
    blocks = np.array([0, *accumulate(len(one) + 1 for one in source.blocks)], np.int64)
    held = np.diff(np.append(source.firsts, len(source)))
    starts = np.repeat(blocks[:-1], held) + np.array(source.starts, np.int64)
    low = blocks[block] + at
    high = low + size
    first = np.searchsorted(starts, low, "right") - 1
    many = np.searchsorted(starts, high, "left") - first
    number, text = np.repeat(np.arange(len(low)), many), spread(first, many)
    low = np.maximum(low[number] - starts[text], 0)
    high = np.minimum(high[number] - starts[text], np.array(source.sizes, np.int64)[text])
    kept = low < high
    return number[kept], text[kept], low[kept], high[kept]
