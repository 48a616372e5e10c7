"""Where in an input texts are from: every stretch of them that stands in the input, character by character.

Texts and input are cut into *seeds* at the same few characters (`seeds`), so that what is copied is cut alike in both.
The seeds of the texts go into a table, one pass over the input notes where each of them stands, and each that is found
is extended to both sides as far as text and input agree. Long seeds come first, which find whole chunks at little cost;
then, where those are lines, the lines that a text lists, without the marks about them; then short ones in what is left,
which find phrases. The table, not the input, is bounded: more texts take more passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rlm.coverage.seeds import MOST_PLACES, Cutter, Ground, LineCutter, Places, choose, standing

LEAST = 24  # characters of a stretch: shorter ones stand in any text

_LONG, _SHORT, _SHORTEST = 64, 12, 8  # characters of a seed, on average
_SMALL = 4_000_000  # characters of an input that is cut into the shortest ones: they find a little more
_TABLE = 400_000  # seeds that are looked for at once: some 60 MB
_FEW = 16  # seeds that are looked for one by one
_STEP, _LONGEST_STEP = 64, 1 << 16  # characters compared at once
_NARROW = 256  # characters of which the first that differs is found at once


class Match(NamedTuple):
    """A stretch of a text that is from the input.

    Attributes:
        start, end: Its characters in the text.
        places: Where it stands in the input, as (block, offset), in order.
        more: Whether it may stand in more places than these.
    """

    start: int
    end: int
    places: tuple[tuple[int, int], ...]
    more: bool


_Hit = tuple[int, int, Sequence[int]]  # where a seed is in the text, its size, and its places


def locate(
    texts: Sequence[str], blocks: Sequence[str], known: Sequence[Sequence[Match]] | None = None
) -> list[list[Match]]:
    """The stretches of each text that stand in the input, in order; they don't overlap.

    Args:
        texts: The texts.
        blocks: The input.
        known: Stretches of each text that are known already, in order; they are in the result.
    """
    found = [list(matches) for matches in known] if known is not None else [[] for _ in texts]
    ground = Ground(blocks)
    small = sum(map(len, blocks)) < _SMALL
    for cutter, ours in _cutters(blocks, _SHORTEST if small else _SHORT):
        for batch, wanted in _tables(texts, found, ours):
            if len(wanted) > _FEW:
                places = ground.places(wanted, cutter)
            else:
                places = ground.places_of_few(_all_seeds(batch, texts, found, ours))
            wanted.clear()  # what takes memory is dropped as soon as it can be
            for number in batch if places else ():
                walk = _Walk(texts[number], ground, places, ours)
                found[number] += [match for gap in _gaps(texts[number], found[number]) for match in walk.matches(*gap)]
                found[number].sort()
            places.clear()
    return found


def _cutters(blocks: Sequence[str], short: int) -> Iterator[tuple[Cutter, Cutter]]:
    """What cuts the input and what cuts the texts, from the longest seeds to the shortest."""
    long = choose(blocks, _LONG)
    yield long, long
    if long.takes_lines:
        yield long, LineCutter(_LONG)
    cutter = choose(blocks, short)
    yield cutter, cutter


def _gaps(text: str, matches: Sequence[Match]) -> Iterator[tuple[int, int]]:
    """What the matches of a text leave, from where to where."""
    at = 0
    for match in [*matches, Match(len(text), len(text), (), False)]:
        if match.start - at >= LEAST:
            yield at, match.start
        at = match.end


def _tables(texts: Sequence[str], found: Sequence[Sequence[Match]], cutter: Cutter) -> Iterator[tuple[range, set[int]]]:
    """The texts by number, and the hashes of the seeds in their gaps, so many at a time that these are not too many."""
    first = 0
    wanted: set[int] = set()
    for number, text in enumerate(texts):
        for gap in _gaps(text, found[number]):
            wanted.update(map(hash, _seeds(text, gap, cutter)))
        if len(wanted) >= _TABLE:
            yield range(first, number + 1), wanted
            first, wanted = number + 1, set()
    if wanted:
        yield range(first, len(texts)), wanted


def _seeds(text: str, gap: tuple[int, int], cutter: Cutter) -> list[str]:
    """The seeds of a gap that are worth to be looked for."""
    return [seed for seed in cutter.cut(text, *gap) if len(seed) >= cutter.least]


def _all_seeds(batch: range, texts: Sequence[str], found: Sequence[Sequence[Match]], cutter: Cutter) -> set[str]:
    """The seeds of the gaps of some texts."""
    gaps = ((texts[number], gap) for number in batch for gap in _gaps(texts[number], found[number]))
    return {seed for text, gap in gaps for seed in _seeds(text, gap, cutter)}


class _Walk:
    """One text, gap by gap: each seed that was found is extended, and what that covers is skipped."""

    def __init__(self, text: str, ground: Ground, places: Places, cutter: Cutter) -> None:
        self._text = text
        self._ground = ground
        self._places = places
        self._cutter = cutter

    def matches(self, start: int, end: int) -> list[Match]:
        """The stretches in text[start:end]. Seeds that stand in few places go first: they can't be led astray."""
        found: list[Match] = []
        few: list[_Hit] = []
        many: list[_Hit] = []
        low = start
        for seed, at in standing(self._cutter.cut(self._text, start, end), start, self._places):
            if at < low:
                continue  # most are: a line has several seeds
            known = self._places[hash(seed)]
            if not isinstance(known, int):
                (few if len(known) <= MOST_PLACES else many).append((at, len(seed), known))
            elif (longest := self._longest((known,), low, at, end, len(seed))) is not None:
                found.append(longest)
                low = longest.end
        for hits in (few, many):
            if hits and (more := self._stretches(hits, found, start, end)):
                found += more
                found.sort()
        return found

    def _stretches(self, hits: Sequence[_Hit], found: Sequence[Match], start: int, end: int) -> list[Match]:
        """The stretches about the seeds that are in none of those found."""
        stretches: list[Match] = []
        others = iter(found)
        low, match = start, next(others, None)
        high = match.start if match is not None else end
        for at, size, places in hits:
            while match is not None and high <= at:
                low, match = match.end, next(others, None)
                high = match.start if match is not None else end
            if low <= at and at + size <= high and (longest := self._longest(places, low, at, high, size)) is not None:
                stretches.append(longest)
                low = longest.end
        return stretches

    def _longest(self, places: Sequence[int], low: int, here: int, high: int, size: int) -> Match | None:
        """The longest stretch of text[low:high] about a seed that stands at one of the places, and where it does."""
        text, ground = self._text, self._ground
        # A stretch of `LEAST` characters goes on by so many on one side of the seed at least.
        more = (LEAST - size + 1) // 2
        seed = text[here : here + size]
        before, after = text[max(here - more, low) : here], text[here + size : here + size + more]
        most = LEAST - size
        tied: list[tuple[int, int]] = []
        start = end = here
        for place in places:
            number = ground.block(place)
            block, at = ground.blocks[number], place - ground.bases[number]
            if not block.startswith(seed, at) or (
                more > 0 and not (block.startswith(after, at + size) or block.endswith(before, 0, at))
            ):
                continue
            back = _agreeing_before(text, low, here, block, at)
            ahead = _agreeing(text, here + size, high, block, at + size)
            if back + ahead > most or (back + ahead == most and not tied):
                most, start, end, tied = back + ahead, here - back, here + size + ahead, []
            if (here - back, here + size + ahead) == (start, end):
                tied.append((number, at - back))
        return Match(start, end, tuple(tied), len(places) > MOST_PLACES) if tied else None


def _agreeing(text: str, start: int, end: int, block: str, at: int) -> int:
    """How many characters of text[start:end] agree with block[at:], from their starts on."""
    begin, end = start, min(end, start + len(block) - at)
    if start < end and text[start] != block[at]:  # as after most lines: slices would take ten times as long
        return 0
    step = _STEP
    while start < end:
        ours = text[start : start + step] if start + step < end else text[start:end]
        theirs = block[at : at + len(ours)]
        if ours == theirs:
            start += len(ours)
            at += len(ours)
            step = min(step * 4, _LONGEST_STEP)
        elif len(ours) <= _NARROW:
            return start + len(ours) - _differing(ours, theirs, "big") - begin
        else:
            step //= 4
    return start - begin


def _agreeing_before(text: str, low: int, end: int, block: str, at: int) -> int:
    """How many characters of text[low:end] agree with block[:at], from their ends on."""
    begin, low = end, max(low, end - at)
    if end > low and text[end - 1] != block[at - 1]:
        return 0
    step = _STEP
    while end > low:
        ours = text[end - step : end] if end - step > low else text[low:end]
        theirs = block[at - len(ours) : at]
        if ours == theirs:
            end -= len(ours)
            at -= len(ours)
            step = min(step * 4, _LONGEST_STEP)
        elif len(ours) <= _NARROW:
            return begin - end + len(ours) - _differing(ours, theirs, "little")
        else:
            step //= 4
    return begin - end


def _differing(ours: str, theirs: str, order: Literal["big", "little"]) -> int:
    """How many characters are left of two texts of one size from where they first differ: seen from start, or end."""
    # As numbers, whose highest bit that differs is found at once: four times as quick as by halves.
    code = "utf-32-be" if order == "big" else "utf-32-le"
    differing = int.from_bytes(ours.encode(code, "surrogatepass"), order) ^ int.from_bytes(
        theirs.encode(code, "surrogatepass"), order
    )
    return (differing.bit_length() + 31) // 32
