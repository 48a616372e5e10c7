"""Cutting texts into *seeds*, at the same strings in all of them, so that what is copied is cut alike wherever it is.

All that touches every character is done in C: the strings are replaced by line ends, which keeps all offsets, and the
text is split at these. So 40 MB are cut into seeds of 12 characters in 0.2 s; a regular expression takes twice as long.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress, count

MOST_PLACES = 8  # that are noted of a seed; one that stands in more says little

_SLICE = 1 << 17  # of the input, at a time
_SAMPLES, _SAMPLE = 64, 1 << 11  # how often, and how many characters, the input is looked at for where to cut
_LEAST_SEED = 6  # characters at most of the shortest seeds that are looked for: anything has shorter ones in it
_MOST_CUTS = 32  # strings that are cut at: each takes some 3 ms of 40 MB
_LONGEST_CUT = 4  # characters of one: where there are few letters, as in genes, each of them comes too often
_WINDOWS = 24  # characters that are to be cut once at least, where that can be had

# What code puts about lines that it lists: `- `, `[7] `, `3. `, `; `, `', '`.
_MARKS = ("\n- ", "\n* ", "\n• ", "\n> ", "; ", " | ", "', '", '", "', "\", '", "', \"", "['", "']", '["', '"]')
_NUMBERS = re.compile(r"\n[\[({]?\d{1,9}[\]).:]+ ")

# Seeds are known by their hashes, which take half the memory: whoever is told a place looks there for the seed. One
# place stands by itself: most have no more, and lists take memory.
Places = dict[int, int | list[int]]


class Cutter:
    """Cuts texts after line ends and after some other strings.

    Args:
        cuts: These.
        size: Characters of a seed, on average.

    Attributes:
        least: Characters of a seed that is worth to be looked for.
    """

    def __init__(self, cuts: Iterable[str], size: int) -> None:
        self.least = min(size // 2, _LEAST_SEED)
        self._cuts = [(cut, "\n" * len(cut)) for cut in cuts]

    @property
    def takes_lines(self) -> bool:
        """Whether its seeds are whole lines."""
        return not self._cuts

    def cut(self, text: str, start: int, end: int) -> list[str]:
        """The seeds of text[start:end]. Each is followed by one character that is in none of them."""
        piece = text[start:end]
        for cut, ends in self._cuts:
            piece = piece.replace(cut, ends)
        return piece.split("\n")


class LineCutter(Cutter):
    """Cuts a text that lists lines of the input into these, without what stands about them."""

    def __init__(self, size: int) -> None:
        super().__init__(_MARKS, size)

    def cut(self, text: str, start: int, end: int) -> list[str]:
        bare = _NUMBERS.sub(lambda mark: "\n" * len(mark[0]), text[start:end])
        return super().cut(bare, 0, len(bare))


def choose(blocks: Sequence[str], size: int) -> Cutter:
    """What cuts an input into seeds of about `size` characters, as evenly as it can be had.

    Those characters are chosen, or short strings where characters come too often, that cut most of the windows of some
    characters that are not cut yet, for how often they occur, as long as that makes no more seeds.
    """
    samples = list(_samples(blocks))
    most = sum(map(len, samples)) / size
    chosen: list[str] = []
    taken = sum(sample.count("\n") for sample in samples)
    for length in range(1, _LONGEST_CUT + 1):
        if taken < most / 2:
            chosen += _chosen(samples, length, max(size, _WINDOWS), most - taken, _MOST_CUTS - len(chosen))
            taken = sum(sample.count(cut) for cut in ("\n", *chosen) for sample in samples)
    return Cutter(chosen, size)


def _chosen(samples: Sequence[str], length: int, window: int, most: float, number: int) -> list[str]:
    """Strings of one length, at most `number` of them, that come at most `most` times together."""
    counts: Counter[str] = Counter()
    windows: dict[str, set[int]] = {}
    uncut: set[int] = set()
    for sample in samples:
        strings = [sample[at : at + length] for at in range(len(sample) - length + 1)] if length > 1 else sample
        counts.update(strings)
        for start in range(0, len(strings), window):
            for cut in set(strings[start : start + window]):
                windows.setdefault(cut, set()).add(len(uncut))
            uncut.add(len(uncut))
    uncut -= windows.get("\n", set())
    left = {cut: at for cut, at in windows.items() if "\n" not in cut and counts[cut] <= most}
    if length > 1:  # there are many, and most of them come too seldom to matter
        left = {cut: left[cut] for cut, _ in counts.most_common(8 * _MOST_CUTS) if cut in left}
    chosen: list[str] = []
    while left and len(chosen) < number:
        best = max(left, key=lambda cut: (len(left[cut] & uncut) / counts[cut], cut))
        if not left[best] & uncut:
            break
        chosen.append(best)
        most -= counts[best]
        uncut -= left.pop(best)
        left = {cut: at for cut, at in left.items() if counts[cut] <= most}
    return chosen


def _samples(blocks: Sequence[str]) -> Iterator[str]:
    step = max(sum(map(len, blocks)) // _SAMPLES, _SAMPLE)
    ahead = 0  # characters until the next one
    for block in blocks:
        while ahead < len(block):
            yield block[ahead : ahead + _SAMPLE]
            ahead += step
        ahead -= len(block)


class Ground:
    """The input as one row of characters: its blocks, each followed by one that is in none of them."""

    def __init__(self, blocks: Sequence[str]) -> None:
        self.blocks = blocks
        self.bases = list(accumulate((len(block) + 1 for block in blocks), initial=0))

    def block(self, place: int) -> int:
        """The block of a place, as its number."""
        return bisect_right(self.bases, place) - 1

    def places(self, wanted: set[int], cutter: Cutter) -> Places:
        """Where seeds stand, by their hashes: the first places, and one more to say that there are more.

        One that has enough places is taken out of `wanted`.
        """
        places: Places = {}
        for base, block in zip(self.bases, self.blocks, strict=False):
            start = 0
            while start < len(block):
                end = min(start + _SLICE, len(block))
                seeds = cutter.cut(block, start, end)
                if end < len(block) and len(seeds) > 1:
                    end -= len(seeds.pop())  # which may go on in the next slice
                for seed, at in standing(seeds, base + start, wanted):
                    key = hash(seed)
                    known = places.get(key)
                    if known is None:
                        places[key] = at
                    elif isinstance(known, int):
                        places[key] = [known, at]
                    else:
                        known.append(at)
                        if len(known) > MOST_PLACES:
                            wanted.discard(key)
                start = end
        return places

    def places_of_few(self, seeds: Iterable[str]) -> Places:
        """`places`, of seeds so few that it is quicker to look for one after the other: of an instruction, say."""
        return {hash(seed): places for seed in seeds if (places := self._each_place(seed))}

    def _each_place(self, seed: str) -> list[int]:
        places: list[int] = []
        for base, block in zip(self.bases, self.blocks, strict=False):
            at = block.find(seed)
            while at >= 0 and len(places) <= MOST_PLACES:
                places.append(base + at)
                at = block.find(seed, at + 1)
        return places


def standing(seeds: Sequence[str], start: int, wanted: set[int] | Places) -> Iterator[tuple[str, int]]:
    """Those of a text's seeds that are wanted, each with where it stands, the first one at `start`.

    One that is no longer wanted meanwhile is left out.
    """
    # What is done for every seed is done in C, and looked up as they are taken; between two stands one character.
    last = 0
    for number in compress(count(), map(wanted.__contains__, map(hash, seeds))):
        start += sum(map(len, seeds[last:number])) + number - last
        last = number
        yield seeds[number], start
