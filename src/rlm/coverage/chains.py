"""Windows that follow one another in a text and in the input alike: joined, and extended as far as both agree.

A chain is a row of numbers: the distance of its places in the input from those in the row of texts; its first character
and the one after its last in the row; and whether it may go on before these, and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.locate import LEAST
from rlm.coverage.windows import SIZE, STEP, Codes, Places, give_back

REACH = 64  # characters by which a chain is extended at most, to both sides
BEFORE, AFTER = 1, 2  # where a chain may go on, because that was reached

Chains = NDArray[np.int64]


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
        row: The texts.
        limits: Where the parts of the row start, in order, and its end; each is followed by one character of none.
        there: The slice, with what is about it.
        base: Where in the input that starts.
    """
    away, start, end = chains[:, :3].T
    number = np.searchsorted(limits, start, "right")
    before = np.minimum(start - limits[number - 1], start + away - base)
    after = np.minimum(limits[number] - 1 - end, len(there) - (end + away - base))
    back = _agreeing(row, start - 1, there, start - 1 + away - base, before, -1)
    ahead = _agreeing(row, end, there, end + away - base, after, 1)
    long = end - start + back + ahead >= LEAST
    onto = BEFORE * (back == REACH) + AFTER * (ahead == REACH)
    found: Chains = np.stack([away, start - back, end + ahead, onto], axis=1)[long]
    return found


def _agreeing(row: Codes, ours: Places, there: Codes, theirs: Places, most: Places, way: int) -> Places:
    """How many characters agree, from each pair of places on, in one direction; at most `REACH` of them."""
    agreed = np.zeros(len(ours), np.int64)
    left = np.flatnonzero(most > 0)
    for many in range(1, REACH + 1):
        if not len(left):
            break
        left = left[row[ours[left] + way * (many - 1)] == there[theirs[left] + way * (many - 1)]]
        agreed[left] = many
        left = left[most[left] > many]
    return agreed


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
    new = apart(chains)
    alone = np.append(new[1:], True)[: len(new)]  # whether the next one is apart
    first = np.flatnonzero(new & ~alone & np.append(alone[1:], True)[: len(new)])
    second = first + 1
    partly = (start[first] < start[second]) & (end[first] < end[second])
    first, second = first[partly], second[partly]
    longer = end[first] - start[first] >= end[second] - start[second]
    start[second[longer]] = end[first[longer]]
    end[first[~longer]] = start[second[~longer]]
    return chains[end - start >= LEAST]


def apart(chains: Chains) -> NDArray[np.bool_]:
    """Which chains, in order of their starts, overlap with none before them."""
    new = np.ones(len(chains), np.bool_)
    new[1:] = chains[1:, 1] >= np.maximum.accumulate(chains[:, 2])[:-1]
    return new
