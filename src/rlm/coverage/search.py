"""The search for what a row of texts has from an input: windows, chains of them, and what these are in the texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice, pairwise
from typing import Any, TypeVar

import numpy as np

from rlm.coverage.chains import AFTER, BEFORE, REACH, Chains, extended, joined, trimmed, united
from rlm.coverage.found import Found, together
from rlm.coverage.locate import LEAST, MOST_PLACES, Gap, Match
from rlm.coverage.overlaps import settled
from rlm.coverage.rows import Ground, Row, Slice
from rlm.coverage.windows import Codes, Places, Windows, apart, give_back

_FIRST = 4  # parts, until windows that stand in many places are forgotten for the first time
_THREADS = 2  # numpy works without the interpreter's lock; more would hold more
_PAIRS = 1 << 17  # windows and places that are joined at a time
_GOES_ON = 100_000  # chains that are followed beyond `REACH`, one by one

_T = TypeVar("_T")


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
    parts = ground.parts()
    for many in (_FIRST << doubled for doubled in count()):
        noted = 0
        for low, found in threaded(lambda low, part: (low, windows.found(part)), islice(parts, many)):
            windows.note(low, *found)
            noted += 1
        if noted < many:
            break
        windows.forget()
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


def threaded(work: Callable[..., _T], items: Iterable[tuple[Any, ...]]) -> Iterator[_T]:
    """What some threads make of the items, in order; they are one item ahead, as all that is ahead takes memory."""
    with ThreadPoolExecutor(_THREADS) as threads:
        ahead: deque[Future[_T]] = deque()
        for item in items:
            ahead.append(threads.submit(work, *item))
            if len(ahead) > _THREADS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _extended(windows: Windows, row: Row, codes: Codes, ground: Ground) -> Chains:
    """The chains of what the windows give."""

    def work(piece: Slice, starts: Places, places: Places) -> Chains:
        base = piece.base + max(piece.start - REACH, 0)
        return extended(joined(starts, places), codes, row.limits, piece.codes(REACH), base)

    def pairs() -> Iterator[tuple[Slice, Places, Places]]:
        for piece in ground.slices():
            starts, places = windows.pairs(piece.base + piece.start, piece.base + piece.end)
            for low in range(0, len(starts), _PAIRS):
                yield piece, starts[low : low + _PAIRS], places[low : low + _PAIRS]

    chains = united(list(threaded(work, pairs())))
    for number in np.flatnonzero(chains[:, 3])[:_GOES_ON].tolist():
        chains[number, 1:3] = followed(chains[number].tolist(), row, ground)
    return united([chains])


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
    away, start, end, more = chains.T
    text, shift = row.places(start)
    block, at = ground.places(start + away)
    rows = zip(*(column.tolist() for column in (text, start + shift, end + shift, block, at)), strict=True)
    same = np.array([ground.blocks[b].startswith(row.texts[t][low:high], at) for t, low, high, b, at in rows], np.int64)
    first = np.flatnonzero(apart(start, end))
    last = np.append(first[1:], len(chains))[: len(first)]
    most, right = np.maximum.reduceat(more, first), np.add.reduceat(same, first)
    # Alone, or of the very characters of others, as where lines stand twice; and there, as almost all are.
    plain = (start[first] == start[last - 1]) & (end[first] == end[last - 1]) & (right > 0)
    number = np.cumsum(same)
    number -= np.repeat(number[first] - same[first], last - first)
    taken = (same > 0) & (number <= MOST_PLACES) & np.repeat(plain, last - first)
    one, right = first[plain], right[plain]
    columns = text[one], (start + shift)[one], (end + shift)[one], (most[plain] > 0) | (right > MOST_PLACES)
    others = zip(first[~plain].tolist(), last[~plain].tolist(), strict=True)
    settled = Found.of(match for low, high in others for match in _settled(row, ground, chains[low:high].tolist()))
    return together([Found(*columns, np.minimum(right, MOST_PLACES), block[taken], at[taken]), settled])


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
