"""The search for what a row of texts has from an input: windows, chains of them, and what these are in the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlm.coverage.chains import AFTER, BEFORE, REACH, Chains, alike, extended, joined, trimmed, united
from rlm.coverage.found import Found, together
from rlm.coverage.locate import LEAST, MOST_PLACES, Gap, Match
from rlm.coverage.overlaps import settled
from rlm.coverage.rows import Ground, Row, Slice
from rlm.coverage.threads import threaded
from rlm.coverage.windows import Codes, Places, Windows, apart, give_back

_PAIRS = 1 << 17  # windows and places that are joined at a time
_GOES_ON = 100_000  # chains that are followed beyond `REACH`, one by one


def stretches(texts: Sequence[str], gaps: Sequence[Gap], blocks: Sequence[str]) -> Found:
    """What of the gaps of some texts stands in the input.

    Args:
        texts: The texts.
        gaps: The parts of them that are looked for; some 12 million characters at most, which take 70 MB.
        blocks: The input.
    """
    row, ground = Row(texts, gaps), Ground(blocks)
    chains = _chains(row, ground)
    give_back()
    return told(row, ground, chains)


def _chains(row: Row, ground: Ground) -> Chains:
    """The chains; in place of where they go on, whether they may stand in more places."""
    windows = Windows(row.pieces(), row.starts())
    for low, found in threaded(lambda low, part: (low, windows.found(part)), ground.parts()):
        windows.note(low, *found)
    windows.done()
    codes = row.codes()
    made: list[Chains] = []
    for least, most in ((1, 1), (2, MOST_PLACES), (MOST_PLACES + 1, MOST_PLACES + 1)):
        windows.want(least, most)
        chains = _extended(windows, row, codes, ground)
        chains = chains[np.lexsort((chains[:, 2], chains[:, 1]))]
        windows.settle(chains[:, 1], chains[:, 2])
        chains[:, 3] = most > MOST_PLACES
        made.append(chains)
        give_back()
    return np.concatenate(made)


def _extended(windows: Windows, row: Row, codes: Codes, ground: Ground) -> Chains:
    """The chains of what the windows give."""

    def work(piece: Slice) -> list[Chains]:
        starts, places = windows.pairs(piece.base + piece.start, piece.base + piece.end)
        if not len(starts):
            return []
        base, there = piece.base + max(piece.start - REACH, 0), piece.codes(REACH)
        same = alike(starts, places - base, codes, there)
        starts, places = starts[same], places[same]
        parts = ((starts[low : low + _PAIRS], places[low : low + _PAIRS]) for low in range(0, len(starts), _PAIRS))
        return [extended(joined(*part), codes, row.limits, there, base) for part in parts]

    chains = united([some for made in threaded(work, zip(ground.slices(), strict=True)) for some in made])
    open_ended = np.flatnonzero(chains[:, 3])[:_GOES_ON]
    if not len(open_ended):
        return chains
    for number in open_ended.tolist():
        chains[number, 1:3] = followed(chains[number].tolist(), row, ground)
    more = np.isin(chains[:, 0], chains[open_ended, 0])
    return np.concatenate([chains[~more], united([chains[more]])])


def followed(chain: list[int], row: Row, ground: Ground) -> tuple[int, int]:
    """Where a chain that may go on starts and ends."""
    away, start, end, onward = chain
    gap, shift = row.gap(start)
    text = row.texts[gap.text]
    number, at = ground.place(start + away)
    block, until = ground.blocks[number], at + end - start
    back = ahead = 0
    if onward & BEFORE:
        back = _agreeing(text, start + shift, block, at, min(start + shift - gap.start, at), -1)
    if onward & AFTER:
        ahead = _agreeing(text, end + shift, block, until, min(gap.end - end - shift, len(block) - until), 1)
    return start - back, end + ahead


def _agreeing(text: str, here: int, block: str, there: int, most: int, way: int) -> int:
    """How many characters agree from two places on, in one direction."""
    agreed, size, differs = 0, REACH, False
    while agreed < most:
        size = -(-(most - agreed) // 2) if differs else min(size * 2, most - agreed)
        low, high = (agreed, agreed + size) if way > 0 else (-agreed - size, -agreed)
        if text[here + low : here + high] == block[there + low : there + high]:
            agreed += size
        else:
            most, differs = agreed + size - 1, True
    return agreed


def told(row: Row, ground: Ground, chains: Chains) -> Found:
    """What chains are, given in place of where they go on whether they may stand in more places."""
    chains = trimmed(chains[np.lexsort((chains[:, 0], chains[:, 2], chains[:, 1]))])
    start, end = chains[:, 1:3].T
    first = np.flatnonzero(apart(start, end))
    limits = np.append(first, len(chains))
    group = np.repeat(np.arange(len(first)), np.diff(limits))
    # One that is as long as all that overlap is told, with those that are of the same characters: so are almost all.
    whole = np.flatnonzero((start == start[first][group]) & (end == np.maximum.reduceat(end, first)[group]))
    found = _places(row, ground, chains[whole])
    there = _there(row, ground, *found)
    text, low, high, block, at = (column[there] for column in found)
    group, more = group[whole[there]], chains[whole[there], 3]
    many = np.bincount(group, minlength=len(first))
    before = np.cumsum(many) - many
    taken = np.arange(len(group)) - before[group] < MOST_PLACES

    others = (chains[limits[n] : limits[n + 1]].tolist() for n in np.flatnonzero(many == 0).tolist())
    settled = Found.of(match for some in others for match in _settled(row, ground, some))
    one, many = before[many > 0], many[many > 0]
    columns = text[one], low[one], high[one], (np.maximum.reduceat(more, one) > 0) | (many > MOST_PLACES)
    return together([Found(*columns, np.minimum(many, MOST_PLACES), block[taken], at[taken]), settled])


def _places(row: Row, ground: Ground, chains: Chains) -> tuple[Places, Places, Places, Places, Places]:
    """Of chains the text, the start and the end in it, the block and the place there."""
    away, start, end = chains[:, :3].T
    text, shift = row.places(start)
    return text, start + shift, end + shift, *ground.places(start + away)


def _there(
    row: Row, ground: Ground, text: Places, low: Places, high: Places, block: Places, at: Places
) -> NDArray[np.bool_]:
    """Which stretches have the very characters of their places, given that the lowest bytes are the same."""
    there = np.array([one.isascii() for one in row.texts])[text]
    there &= np.array([one.isascii() for one in ground.blocks])[block]
    for n in np.flatnonzero(~there).tolist():
        there[n] = ground.blocks[block[n]].startswith(row.texts[text[n]][low[n] : high[n]], int(at[n]))
    return there


def _settled(row: Row, ground: Ground, chains: list[list[int]]) -> Iterator[tuple[int, Match]]:
    """What some chains are that overlap, each with the number of its text."""
    for start, end, which in settled([chain[1:3] for chain in chains]):
        gap, shift = row.gap(start)
        places = [ground.place(start + away) for away in sorted(chains[one][0] for one in which)]
        more = any(chains[one][3] for one in which)
        for match in _checked(row.texts[gap.text], ground, start + shift, end + shift, places, more):
            yield gap.text, match


def _checked(text: str, ground: Ground, start: int, end: int, places: list[tuple[int, int]], more: bool) -> list[Match]:
    """A stretch, as far as its very characters stand in these places: windows are known by less."""
    ours = text[start:end]
    same = [place for place in places if ground.blocks[place[0]].startswith(ours, place[1])]
    if same:
        return [Match(start, end, tuple(same[:MOST_PLACES]), more or len(same) > MOST_PLACES)]
    block, at = places[0]
    theirs = ground.blocks[block][at : at + len(ours)]
    differing = [number for number, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    return [
        Match(start + low + 1, start + high, ((block, at + low + 1),), more)
        for low, high in pairwise([-1, *differing, len(ours)])
        if high - low > LEAST
    ]
