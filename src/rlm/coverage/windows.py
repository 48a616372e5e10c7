"""Windows of texts, and where in the input each of them stands.

A window is 16 characters. Of a text every ninth is taken, and all windows of the input are looked at, so that of
whatever 24 characters of a text stand in the input one window is found there. Windows are known by 32 bits of a hash of
their characters' lowest bytes: whoever is told a place looks there for the characters themselves.
"""

from __future__ import annotations

import ctypes
import sys
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.locate import LEAST, MOST_PLACES
from rlm.coverage.threads import threaded

SIZE = 16  # characters of a window
STEP = LEAST - SIZE + 1

FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)  # odd: as in splitmix64 and xxHash
_NUMBER_BITS = np.uint64(32)  # of a hash that are of no use, and take a window's number
_NUMBER = np.uint64((1 << 32) - 1)
_UPPER = _LOWER = 23  # of a hash's bits, the highest and the lowest, say where it is in two filters: of 1 MB each
_BUCKET = np.uint32(32 - 19)  # bits that say near which of the sorted hashes it is
_MOST_TIMES = 1_000  # in the texts, of a window that stands in many places: of one that is in more, one place is told
_PERIODS = 5, 6, 7, 8  # characters, and so 1 to 4: what repeats itself after so many is from anywhere
_MANY = 1 << 18  # places that are noted until windows that have enough of them are forgotten; then twice as many
_PART = 1 << 16  # windows at a time: what that takes stays in a core's cache

Codes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Hashes = NDArray[np.uint32]
Numbers = NDArray[np.int32]
Places = NDArray[np.int64]


def give_back() -> None:
    """Gives memory that was dropped back to the machine, which glibc does of itself only from 64 MB on."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # musl has none
        trim(0)


def codes(text: str) -> Codes:
    """The lowest byte of each character."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint8)


class Windows:
    """Windows of a row of characters, to be looked for in the input part by part.

    First `found` and `note`, for each part of the input, and `done`; then `want`, `pairs` and `settle`, for windows
    that stand in one place, in some, in many.

    Args:
        pieces: The characters, in pieces that cut through no window, each with where it starts in the row.
        starts: Where the windows start in the row, in order: fewer than 2 ** 31.
    """

    def __init__(self, pieces: Iterable[tuple[int, Codes]], starts: Numbers) -> None:
        self._starts = starts
        self._hashes, self._order, self._first = _by_hash(_keys(pieces, starts))
        give_back()
        tops = np.arange(1 << 19, dtype=np.uint32) << _BUCKET
        self._buckets = np.searchsorted(self._hashes, tops).astype(np.int32)
        self._says = self._hashes != 0
        self._seen = np.zeros(len(self._hashes), np.uint8)  # places of each hash that were counted
        self._seen[~self._says] = MOST_PLACES + 1
        self._settled = np.zeros(len(starts), np.bool_)
        self._noted: list[tuple[int, Numbers, Numbers]] = []  # where a part starts; hashes by number; places in it
        self._counted = 0  # of the parts
        self._forgot = 0
        self._filter = self._filtered(_UPPER, 32 - _UPPER), self._filtered(_LOWER, 0)

    def _filtered(self, bits: int, shift: int) -> Codes:
        """What says where windows that are still looked for may be, a bit each: small enough for a core's cache."""
        there = np.zeros(1 << bits, np.bool_)
        for low in range(0, len(self._hashes), _PART):
            wanted = self._hashes[low : low + _PART][self._seen[low : low + _PART] <= MOST_PLACES]
            there[wanted >> np.uint32(shift) & np.uint32((1 << bits) - 1)] = True
        return np.packbits(there, bitorder="little")

    def found(self, part: Codes) -> tuple[Numbers, Numbers]:
        """The windows that stand in a part of the input, as their hashes' numbers, and where in it. For any thread."""
        there = words(part)
        found: list[Places] = [np.empty(0, np.int64)]
        hashes: list[Hashes] = [np.empty(0, np.uint32)]
        upper, lower = self._filter
        for low in range(0, len(there) - 8, _PART):
            mixed = hashed(there[low : low + _PART][: len(there) - 8 - low], there[low + 8 : low + 8 + _PART])
            places = np.flatnonzero(_are_set(upper, mixed >> np.uint64(64 - _UPPER)))
            mixed = mixed[places] >> np.uint64(32)
            both = _are_set(lower, mixed & np.uint64((1 << _LOWER) - 1))
            found.append(places[both] + low)
            hashes.append(mixed[both].astype(np.uint32))
        numbers = self._numbers(np.concatenate(hashes))
        known = numbers >= 0
        return numbers[known], np.concatenate(found)[known].astype(np.int32)

    def note(self, low: int, numbers: Numbers, places: Numbers) -> None:
        """Notes what was found in the next part of the input, which starts at `low`."""
        self._noted.append((low, numbers, places))
        new = sum(len(numbers) for _, numbers, _ in self._noted[self._counted :])
        if new > _MANY << self._forgot:
            self._forgot += 1
            self._count()
            # Windows with enough places are no longer looked for: it takes 10 ms.
            self._filter = self._filtered(_UPPER, 32 - _UPPER), self._filter[1]
            give_back()

    def _numbers(self, hashes: Hashes) -> Numbers:
        """Which of the known hashes these are; -1 for none."""
        at = self._buckets.take((hashes >> _BUCKET).view(np.int32)).astype(np.int64)
        left, wanted = np.arange(len(hashes)), hashes
        while len(left):
            here = at[left]
            lower = (self._hashes.take(here, mode="clip") < wanted) & (here < len(self._hashes))
            left, wanted = left[lower], wanted[lower]
            at[left] += 1
        return np.where(self._hashes.take(at, mode="clip") == hashes, at, -1).astype(np.int32)

    def _count(self) -> None:
        """Counts the places that were noted since it was last called."""
        numbers = [np.empty(0, np.int32), *(numbers for _, numbers, _ in self._noted[self._counted :])]
        times = np.bincount(np.concatenate(numbers, dtype=np.int64), minlength=len(self._seen))
        times += self._seen
        self._seen = np.minimum(times, MOST_PLACES + 1, out=times).astype(np.uint8)
        self._counted = len(self._noted)

    def done(self) -> None:
        """Nothing more is noted; of windows that stand in many places, the first ones are kept."""
        del self._hashes, self._buckets, self._filter
        give_back()
        self._count()
        told = np.zeros(len(self._seen), np.uint8)
        for number, (base, numbers, places) in enumerate(self._noted):
            kept = self._seen.take(numbers) <= MOST_PLACES
            often = np.flatnonzero(~kept)
            often = often[told[numbers[often]] <= MOST_PLACES]
            kept[often[self._first_few(numbers[often], told)]] = True
            self._noted[number] = base, numbers[kept], places[kept]
        give_back()

    def want(self, least: int, most: int) -> None:
        """From here on, pairs are those of windows that stand in so many places; in more and more, at each call."""
        left = self._says & (self._seen >= least)
        if self._settled.any():
            left &= np.logical_or.reduceat(~self._settled.take(self._order), self._first[:-1])
        for number, (base, numbers, places) in enumerate(self._noted):
            kept = left.take(numbers)
            self._noted[number] = base, numbers[kept], places[kept]
        self._wanted = left & (self._seen <= most)
        give_back()

    def _first_few(self, numbers: Numbers, told: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of a part's windows have few places up to it; `told` are the places of each hash before, and after."""
        keys = numbers.astype(np.int64) << 32 | np.arange(len(numbers))
        keys.sort()  # in half the time that an order takes
        order, ordered = keys & 0xFFFFFFFF, keys >> 32
        first, times = _groups(ordered)
        rank = np.arange(len(ordered)) - np.repeat(first, times) + told[ordered]
        told[ordered[first]] = np.minimum(told[ordered[first]] + times, MOST_PLACES + 1)
        often = self._first[ordered + 1] - self._first[ordered] > _MOST_TIMES
        few = np.empty(len(numbers), np.bool_)
        few[order] = rank <= np.where(often, 0, MOST_PLACES)
        return few

    def pairs(self, low: int, high: int) -> tuple[Places, Places]:
        """What was noted in the parts that start in input[low:high]: windows' starts in the row, and their places."""
        starts: list[Places] = [np.empty(0, np.int64)]
        found: list[Places] = [np.empty(0, np.int64)]
        for base, numbers, places in self._noted[_at(self._noted, low) : _at(self._noted, high)]:
            taken = np.flatnonzero(self._wanted.take(numbers))  # which takes two thirds of the time of an index
            first = self._first.take(numbers[taken])
            many = self._first.take(numbers[taken] + 1) - first
            of = np.repeat(np.arange(len(taken), dtype=np.int32), many)
            at = np.arange(len(of), dtype=np.int32) + (first - np.cumsum(many, dtype=np.int32) + many)[of]
            windows = self._order.take(at)
            left = np.flatnonzero(~self._settled.take(windows))
            starts.append(self._starts.take(windows[left]).astype(np.int64))
            found.append(places[taken[of[left]]].astype(np.int64) + base)
        return np.concatenate(starts), np.concatenate(found)

    def settle(self, starts: Places, ends: Places) -> None:
        """Takes the windows in these stretches of the row as found; the starts are in order."""
        first = np.flatnonzero(apart(starts, ends))
        change = np.zeros(len(self._starts) + 1, np.int8)
        if len(first):
            np.add.at(change, np.searchsorted(self._starts, starts[first].astype(np.int32)), 1)
            last = np.maximum.reduceat(ends, first) - SIZE
            np.add.at(change, np.searchsorted(self._starts, last.astype(np.int32), "right"), -1)
        np.cumsum(change, out=change)
        self._settled |= change[:-1] > 0


def _keys(pieces: Iterable[tuple[int, Codes]], starts: Numbers) -> Words:
    """The windows' hashes and numbers as one, in order: numpy sorts these ten times as fast as it tells an order."""
    keys = np.empty(len(starts), np.uint64)

    def work(base: int, piece: Codes) -> None:
        ours = words(piece)
        limits = np.array([base, base + len(piece)], np.int32)  # of the same type: else all is copied
        low, high = np.searchsorted(starts, limits).tolist()
        at = starts[low:high] - base
        hashes = hashed(ours[at], ours[at + 8])
        hashes[repeats(ours, at)] = 0
        hashes &= ~_NUMBER
        keys[low:high] = hashes | np.arange(low, high, dtype=np.uint64)

    list(threaded(work, pieces))
    middle = len(keys) // 2
    if middle:
        keys.partition(middle)
        list(threaded(np.ndarray.sort, [(keys[:middle],), (keys[middle:],)]))
    return keys


def _by_hash(keys: Words) -> tuple[Hashes, Numbers, Numbers]:
    """Each hash once, in order; the windows in this order; and where in that each hash's start, and their number."""
    order = np.empty(len(keys), np.int32)
    new = np.empty(len(keys), np.bool_)
    for low in range(0, len(keys), _PART):  # in parts, as all that is done to every window: there are a million
        part = keys[low : low + _PART]
        order[low : low + _PART] = part & _NUMBER
        part >>= _NUMBER_BITS
        new[low : low + _PART] = _new(part, keys[low - 1] if low else None)
    hashes = np.empty(int(np.count_nonzero(new)), np.uint32)
    first = np.empty(len(hashes) + 1, np.int32)
    first[-1] = len(keys)
    done = 0
    for low in range(0, len(keys), _PART):
        ones = np.flatnonzero(new[low : low + _PART]) + low
        hashes[done : done + len(ones)] = keys[ones]
        first[done : done + len(ones)] = ones
        done += len(ones)
    return hashes, order, first


def _at(noted: list[tuple[int, Numbers, Numbers]], low: int) -> int:
    return bisect_left(noted, low, key=lambda part: part[0])


def words(row: Codes) -> Words:
    """Eight characters from every place on, as one number."""
    return np.ndarray((max(len(row) - 7, 0),), "<u8", row, strides=(1,))


def repeats(row: Words, places: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the windows in these places repeat themselves."""
    before = row[places]
    same = np.zeros(len(places), np.bool_)
    for period in _PERIODS:
        same |= before == row[places + period]
    return same


def hashed(before: Words, after: Words) -> Words:
    """The hashes of windows, from their halves: the upper 32 bits."""
    mixed = after * _SECOND
    mixed += before
    mixed *= FIRST
    return mixed


def _are_set(bits: Codes, numbers: Words) -> NDArray[np.bool_]:
    """Which of these bits are set."""
    parts = bits.take((numbers >> np.uint64(3)).view(np.int64), mode="wrap")  # which checks none, in half the time
    parts >>= (numbers & np.uint64(7)).astype(np.uint8)
    parts &= 1
    return parts.view(np.bool_)


def apart(starts: Places, ends: Places) -> NDArray[np.bool_]:
    """Which stretches, in order of their starts, overlap with none before them."""
    new = np.ones(len(starts), np.bool_)
    new[1:] = starts[1:] >= np.maximum.accumulate(ends)[:-1]
    return new


def _groups(ordered: Places) -> tuple[Places, Places]:
    """Where in a row in order other numbers begin, and how many of each there are."""
    first = np.flatnonzero(_new(ordered))
    return first, np.diff(np.append(first, len(ordered)))


def _new(ordered: NDArray[Any], before: np.generic | None = None) -> NDArray[np.bool_]:
    """Which of a row in order differ from the one before."""
    new = np.ones(len(ordered), np.bool_)
    if before is not None:
        new[:1] = ordered[:1] != before
    new[1:] = ordered[1:] != ordered[:-1]
    return new
