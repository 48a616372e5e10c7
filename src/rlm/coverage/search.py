"""The search for what a row of texts has from an input: windows, chains of them, and what these are in the texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice, pairwise
from typing import Any, TypeVar

import numpy as np

from rlm.coverage.chains import AFTER, BEFORE, REACH, Chains, extended, joined, trimmed, united
from rlm.coverage.locate import LEAST, MOST_PLACES, Gap, Match
from rlm.coverage.overlaps import settled
from rlm.coverage.rows import Ground, Row, Slice
from rlm.coverage.windows import Codes, Places, Windows, apart, give_back

_FIRST = 4  # parts, until windows that stand in many places are forgotten for the first time
_THREADS = 2  # numpy works without the interpreter's lock; more would hold more
_PAIRS = 1 << 17  # windows and places that are joined at a time
_GOES_ON = 100_000  # chains that are followed beyond `REACH`, one by one
_SOME = 10_000  # stretches that are made Python's at a time

_T = TypeVar("_T")


def stretches(texts: Sequence[str], gaps: Sequence[Gap], blocks: Sequence[str]) -> Iterator[tuple[int, Match]]:
    """What of the gaps of some texts stands in the input, each with the number of its text; in no order.

    Args:
        texts: The texts.
        gaps: The parts of them that are looked for; some 12 million characters at most, which take 70 MB.
        blocks: The input.
    """
    row, ground = Row(texts, gaps), Ground(blocks)
    chains = _chains(row, ground)
    give_back()
    return _matches(row, ground, chains)


def _chains(row: Row, ground: Ground) -> Chains:
    """The chains, in order of their starts; in place of where they go on, whether they may stand in more places."""
    windows = Windows(row.pieces(), row.starts())
    parts = ground.parts()
    for many in (_FIRST << doubled for doubled in count()):
        noted = 0
        for low, found in _threaded(lambda low, part: (low, windows.found(part)), islice(parts, many)):
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
    chains = np.concatenate(made)
    return trimmed(chains[np.lexsort((chains[:, 2], chains[:, 1]))])


def _threaded(work: Callable[..., _T], items: Iterable[tuple[Any, ...]]) -> Iterator[_T]:
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

    chains = united(list(_threaded(work, pairs())))
    for number in np.flatnonzero(chains[:, 3])[:_GOES_ON].tolist():
        chains[number, 1:3] = _followed(chains[number].tolist(), row, ground)
    return united([chains])


def _followed(chain: list[int], row: Row, ground: Ground) -> tuple[int, int]:
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
    while agreed < most and size:
        size = min(size, most - agreed)
        low, high = (agreed, agreed + size) if way > 0 else (-agreed - size, -agreed)
        same = text[here + low : here + high] == block[there + low : there + high]
        agreed += size if same else 0
        differs = differs or not same
        size = size // 2 if differs else size * 2
    return agreed


def _matches(row: Row, ground: Ground, chains: Chains) -> Iterator[tuple[int, Match]]:
    """What the chains are, each with the number of its text."""
    first = np.flatnonzero(apart(chains[:, 1], chains[:, 2]))
    last = np.append(first[1:], len(chains))[: len(first)]
    alone = last - first == 1
    single = first[alone]
    for low in range(0, len(single), _SOME):
        some = single[low : low + _SOME]
        yield from _alone(row, ground, chains[some])
    for low, high in zip(first[~alone].tolist(), last[~alone].tolist(), strict=True):
        some = chains[low:high].tolist()
        alike = some[0][1:3] == some[-1][1:3]  # as where lines stand twice, and no more: they are in order
        for start, end, which in [(*some[0][1:3], range(len(some)))] if alike else settled([one[1:3] for one in some]):
            gap, shift = row.gap(start)
            places = [ground.place(start + away) for away in sorted(some[one][0] for one in which)]
            more = some[which[0]][3] > 0
            for match in _checked(row.texts[gap.text], ground, start + shift, end + shift, places, more):
                yield gap.text, match


def _alone(row: Row, ground: Ground, chains: Chains) -> Iterator[tuple[int, Match]]:
    """Chains that overlap with no other."""
    away, start, end = chains[:, :3].T
    part = np.searchsorted(row.limits, start, "right") - 1
    texts, starts, _ = np.array(row.gaps).T
    shift = (starts - row.limits[:-1])[part]
    block = np.searchsorted(ground.bases, start + away, "right") - 1
    offset = start + away - np.array(ground.bases)[block]
    columns = (texts[part], start + shift, end + shift, block, offset, chains[:, 3] > 0)
    for number, low, high, one, at, more in zip(*(column.tolist() for column in columns), strict=True):
        if ground.blocks[one].startswith(row.texts[number][low:high], at):  # as almost all do
            yield number, Match(low, high, ((one, at),), more)
            continue
        for match in _checked(row.texts[number], ground, low, high, [(one, at)], more):
            yield number, match


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
