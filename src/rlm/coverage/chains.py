"""Windows that follow one another in a text and in the input alike: joined, and extended as far as both agree.

A chain is a row of numbers: the distance of its places in the input from those in the row of texts; its first character
and the one after its last in the row; and whether it may go on before these, and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.locate import LEAST
from rlm.coverage.windows import SIZE, STEP, Codes, Places, Words, apart, give_back, words

REACH = 64  # characters by which a chain is extended at most, to both sides
PAD = REACH + 8  # about a row, so that all that is compared is in it
BEFORE, AFTER = 1, 2  # where a chain may go on, because that was reached

Chains = NDArray[np.int64]


def alike(starts: Places, places: Places, row: Codes, there: Codes) -> NDArray[np.bool_]:
    """Which windows of the row, with `PAD` before it, have the same characters as there; of which a hash says so."""
    ours, theirs = words(row), words(there)
    same = ours[starts + PAD] == theirs[places]
    same[same] = ours[starts[same] + PAD + 8] == theirs[places[same] + 8]
    return np.asarray(same)


def joined(starts: Places, places: Places) -> Chains:
    """The chains of windows of the row and their places."""
    away = places - starts
    order = np.lexsort((starts, away))
    starts, away = starts[order], away[order]
    new = np.ones(len(away), np.bool_)
    new[1:] = (away[1:] != away[:-1]) | (starts[1:] - starts[:-1] != STEP)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(away))[: len(first)] - 1
    return np.stack([away[first], starts[first], starts[last] + SIZE, np.zeros_like(first)], axis=1)


def extended(chains: Chains, row: Codes, limits: Places, there: Codes, base: int) -> Chains:
    """Chains with what agrees about them; those that are too short even so are left out.

    Args:
        chains: Of one slice of the input.
        row: The texts, with `PAD` characters before and after them.
        limits: Where the parts of the row start, in order, and its end; each is followed by one character of none.
        there: The slice, with what is about it.
        base: Where in the input that starts.
    """
    away, start, end = chains[:, :3].T
    number = np.searchsorted(limits, start, "right")
    before = np.minimum(start - limits[number - 1], start + away - base)
    after = np.minimum(limits[number] - 1 - end, len(there) - (end + away - base))
    ours, theirs = words(row), words(np.pad(there, PAD))
    shift = away - base
    back = _agreeing(ours, start - 8 + PAD, theirs, start - 8 + shift + PAD, before, -1)
    ahead = _agreeing(ours, end + PAD, theirs, end + shift + PAD, after, 1)
    long = end - start + back + ahead >= LEAST
    onto = BEFORE * (back == REACH) + AFTER * (ahead == REACH)
    found: Chains = np.stack([away, start - back, end + ahead, onto], axis=1)[long]
    return found


def _agreeing(ours: Words, here: Places, theirs: Words, there: Places, most: Places, way: int) -> Places:
    """How many characters agree, from each pair of places on, in one direction; at most `REACH`: eight at a time."""
    agreed = np.zeros(len(here), np.int64)
    left = np.flatnonzero(most > 0)
    for done in range(0, REACH, 8):
        if not len(left):
            break
        differ = ours[here[left] + way * done] ^ theirs[there[left] + way * done]
        agreed[left] = done + _alike(differ, way)
        left = left[(differ == 0) & (most[left] > done + 8)]
    return np.minimum(agreed, most)


def _alike(differ: Words, way: int) -> Places:
    """Of the XOR of eight characters each, how many agree: from the first one, in the lowest byte, or from the last."""
    # One bit, the lowest or so that the highest is not rounded up, as a floating-point number says where it is.
    bit = differ & (~differ + np.uint64(1)) if way > 0 else differ & ~(differ >> np.uint64(1))
    at = (np.frexp(bit.astype(np.float64))[1].astype(np.int64) - 1) >> 3
    return np.where(differ == 0, 8, at if way > 0 else 7 - at)


def united(made: list[Chains]) -> Chains:
    """Chains, with those made one that overlap or touch, at the same distance; in order of the distances.

    What was given is taken out of the list: there can be much of it.
    """
    chains = np.concatenate([np.empty((0, 4), np.int64), *made])
    made.clear()
    give_back()
    chains = chains[np.lexsort((chains[:, 1], chains[:, 0]))]
    give_back()
    away, start, end, onward = chains.T
    new = np.ones(len(chains), np.bool_)
    # Of one distance, the ends are in order as the starts are: all go on for as long as text and input agree.
    new[1:] = (away[1:] != away[:-1]) | (start[1:] > end[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(away))[: len(first)] - 1
    onto = onward[first] & BEFORE | onward[last] & AFTER
    end = end[last]
    chains = chains[first]
    chains[:, 2], chains[:, 3] = end, onto
    return chains


def trimmed(chains: Chains) -> Chains:
    """Chains in order of their starts, cut back where just two overlap at their ends: the longer one has it all."""
    start, end = chains[:, 1], chains[:, 2]
    new = apart(start, end)
    alone = np.append(new[1:], True)[: len(new)]  # whether the next one is apart
    first = np.flatnonzero(new & ~alone & np.append(alone[1:], True)[: len(new)])
    second = first + 1
    partly = (start[first] < start[second]) & (end[first] < end[second])
    first, second = first[partly], second[partly]
    longer = end[first] - start[first] >= end[second] - start[second]
    start[second[longer]] = end[first[longer]]
    end[first[~longer]] = start[second[~longer]]
    return chains[end - start >= LEAST]
