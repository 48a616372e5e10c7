"""Long stretches of texts, found by few windows: what is left is for `search`, which looks at every window.

An anchor is a window that begins with eight characters of which a hash says so: one in `_APART`, the same ones in the
texts and in the input. Where a few of them in a row stand as far apart in both, both are compared from there on. A
stretch is told with all its places, since each has the same anchors: those that stand in too many are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rlm.coverage.chains import AFTER, BEFORE
from rlm.coverage.found import Found, spread
from rlm.coverage.locate import MOST_PLACES, Gap
from rlm.coverage.rows import Ground, Row
from rlm.coverage.search import followed, told
from rlm.coverage.threads import threaded
from rlm.coverage.windows import FIRST, SIZE, Codes, Places, Words, give_back, hashed, repeats, words

_APART = 128  # characters from one anchor to the next, in the mean
_IN_A_ROW = 3
_SHORTEST = 200  # characters of a stretch that is told
_TRIED = 8  # gaps
_FOLLOWED = 20_000  # stretches, one by one
_MOST = 1 << 20  # anchors, and pairs of them
_PART = 1 << 16  # places at a time: what that takes stays in a core's cache


def long_stretches(texts: Sequence[str], gaps: Sequence[Gap], blocks: Sequence[str]) -> Found:
    """What of the gaps of some texts stands in the input and is long; some of it may be left out.

    Args:
        texts: The texts.
        gaps: The parts of them that are looked for.
        blocks: The input.
    """
    if not _any_likely(texts, gaps, blocks):
        return Found.of(())
    row, ground = Row(texts, gaps), Ground(blocks)
    away, start = _pairs(row, ground)
    order = np.lexsort((start, away))
    away, start = away[order], start[order]
    some = np.flatnonzero(away[_IN_A_ROW - 1 :] == away[: len(away) - _IN_A_ROW + 1])
    found = [(0, 0, 0, 0)]
    for one, at in zip(away[some].tolist(), start[some].tolist(), strict=True):
        new = one != found[-1][0] or at >= found[-1][2]
        if new and len(found) < _FOLLOWED and row.read(at, SIZE) == ground.read(at + one, SIZE):
            found.append((one, *followed([one, at, at + SIZE, BEFORE | AFTER], row, ground), 0))
    chains = np.array(found, np.int64)
    del away, start, order, some
    give_back()
    return told(row, ground, chains[chains[:, 2] - chains[:, 1] >= _SHORTEST])


def _any_likely(texts: Sequence[str], gaps: Sequence[Gap], blocks: Sequence[str]) -> bool:
    """Whether the middle of one of a few gaps stands in the input; otherwise to read all of it is not worth it."""
    half = _SHORTEST // 2
    wide = [gap for gap in gaps if gap.end - gap.start >= _SHORTEST]
    for gap in wide[:: -(-len(wide) // _TRIED) or 1]:
        middle = (gap.start + gap.end) // 2
        tried = texts[gap.text][middle - half : middle + half]
        if any(tried in block for block in blocks):
            return True
    return False


def _pairs(row: Row, ground: Ground) -> tuple[Places, Places]:
    """Anchors of the row and of the input that are alike: how far apart these are, and where those start."""
    ours, starts = _all(threaded(_anchors, row.pieces()))
    inside = starts + SIZE < row.limits[np.searchsorted(row.limits, starts, "right")]
    order = np.argsort(ours[inside], kind="stable")
    ours, starts = ours[inside][order], starts[inside][order]

    def known(base: int, part: Codes) -> tuple[Words, Places]:
        theirs, places = _anchors(base, part)
        same = ours.take(np.searchsorted(ours, theirs), mode="clip") == theirs
        return theirs[same], places[same]

    theirs, places = _all(threaded(known, ground.parts() if len(ours) else []))
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs[order], ours)
    many = np.searchsorted(theirs[order], ours, "right") - first
    many[many > MOST_PLACES] = 0
    if many.sum() > _MOST:
        many[:] = 0
    start = np.repeat(starts, many)
    return places[order][spread(first, many)] - start, start


def _all(parts: Iterable[tuple[Words, Places]]) -> tuple[Words, Places]:
    """The anchors of all parts; none where there are too many, as in text that repeats itself."""
    hashes, found, size = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], 0
    for some, places in parts:
        hashes.append(some)
        found.append(places)
        size += len(some)
        if size > _MOST:
            return hashes[0], found[0]
    return np.concatenate(hashes), np.concatenate(found)


def _anchors(base: int, part: Codes) -> tuple[Words, Places]:
    """The anchors of some characters, which start at `base`: their hashes, and where they are."""
    there = words(part)
    found = [np.empty(0, np.int64)]
    for low in range(0, len(there) - 8, _PART):
        first = there[low : low + _PART][: len(there) - 8 - low] * FIRST
        found.append(np.flatnonzero(first < np.uint64((1 << 64) // _APART)) + low)
    places = np.concatenate(found)
    places = places[~repeats(there, places)]
    return hashed(there[places], there[places + 8]), places + base
