"""Where in an input texts are from: every stretch of them that stands in the input, character by character.

Texts and input are cut into *seeds* at the same few characters (`seeds`), so that what is copied is cut alike in both.
The seeds of the texts go into a table, one pass over the input notes where each of them stands, and each that is found
is extended to both sides as far as text and input agree. That is done twice: with long seeds, which find whole chunks
at little cost, then with short ones in what is left, which find single lines and phrases. The table, not the input, is
bounded: more texts take more passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rlm.coverage.seeds import MOST_PLACES, Cutter, Ground, Places, choose, standing

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


class _Gap(NamedTuple):
    """A part of a text of which nothing is known yet."""

    text: int
    start: int
    end: int


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
    for size in (_LONG, _SHORTEST if small else _SHORT):
        cutter = choose(blocks, size)
        gaps = [gap for text in range(len(texts)) for gap in _gaps(text, len(texts[text]), found[text])]
        for batch, wanted in _tables(gaps, texts, cutter):
            if len(wanted) <= _FEW:
                places = ground.places_of_few({seed for gap in batch for seed in _seeds(gap, texts, cutter)})
            else:
                places = ground.places(wanted, cutter)
            wanted.clear()
            for gap in batch:
                found[gap.text] += _Walk(texts[gap.text], gap, ground, places, cutter).matches()
        for matches in found:
            matches.sort()
    return found


def _gaps(text: int, size: int, matches: Sequence[Match]) -> Iterator[_Gap]:
    """What the matches of a text leave."""
    at = 0
    for match in [*matches, Match(size, size, (), False)]:
        if match.start - at >= LEAST:
            yield _Gap(text, at, match.start)
        at = match.end


def _tables(gaps: Sequence[_Gap], texts: Sequence[str], cutter: Cutter) -> Iterator[tuple[list[_Gap], set[int]]]:
    """The gaps with the hashes of their seeds, so many at a time that these are not too many."""
    batch: list[_Gap] = []
    wanted: set[int] = set()
    for gap in gaps:
        batch.append(gap)
        wanted.update(map(hash, _seeds(gap, texts, cutter)))
        if len(wanted) >= _TABLE:
            yield batch, wanted
            batch, wanted = [], set()
    if batch:
        yield batch, wanted


def _seeds(gap: _Gap, texts: Sequence[str], cutter: Cutter) -> list[str]:
    """The seeds of a gap that are worth to be looked for."""
    return [seed for seed in cutter.cut(texts[gap.text], gap.start, gap.end) if len(seed) >= cutter.least]


class _Walk:
    """One gap: each seed that was found is extended, and what that covers is skipped."""

    def __init__(self, text: str, gap: _Gap, ground: Ground, places: Places, cutter: Cutter) -> None:
        self._text = text
        self._gap = gap
        self._ground = ground
        self._places = places
        self._cutter = cutter

    def matches(self) -> list[Match]:
        """The stretches, in order. Seeds that stand in few places go first: they can't be led astray."""
        once: list[tuple[int, int, Sequence[int]]] = []  # where a seed is in the text, its size, and its places
        few: list[tuple[int, int, Sequence[int]]] = []
        many: list[tuple[int, int, Sequence[int]]] = []
        seeds = self._cutter.cut(self._text, self._gap.start, self._gap.end)
        for seed, at in standing(seeds, self._gap.start, self._places):
            known = self._places[hash(seed)]
            if isinstance(known, int):
                once.append((at, len(seed), (known,)))
            else:
                (few if len(known) <= MOST_PLACES else many).append((at, len(seed), known))
        found: list[Match] = []
        for hits in (once, few, many):
            if hits and (more := self._stretches(hits, found)):
                found += more
                found.sort()
        return found

    def _stretches(self, hits: Sequence[tuple[int, int, Sequence[int]]], found: Sequence[Match]) -> list[Match]:
        """The stretches about the seeds that are in none of those found."""
        stretches: list[Match] = []
        others = iter(found)
        low, match = self._gap.start, next(others, None)
        high = match.start if match is not None else self._gap.end
        for at, size, places in hits:
            while match is not None and high <= at:
                low, match = match.end, next(others, None)
                high = match.start if match is not None else self._gap.end
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
    most = min(end - start, len(block) - at)
    done, step = 0, _STEP
    while done < most:
        ours, theirs = (
            text[start + done : start + min(done + step, most)],
            block[at + done : at + min(done + step, most)],
        )
        if ours == theirs:
            done += len(ours)
            step = min(step * 4, _LONGEST_STEP)
        elif len(ours) <= _NARROW:
            return done + len(ours) - _differing(ours, theirs, "big")
        else:
            step //= 4
    return done


def _agreeing_before(text: str, low: int, end: int, block: str, at: int) -> int:
    """How many characters of text[low:end] agree with block[:at], from their ends on."""
    most = min(end - low, at)
    done, step = 0, _STEP
    while done < most:
        size = min(step, most - done)
        ours, theirs = text[end - done - size : end - done], block[at - done - size : at - done]
        if ours == theirs:
            done += size
            step = min(step * 4, _LONGEST_STEP)
        elif size <= _NARROW:
            return done + size - _differing(ours, theirs, "little")
        else:
            step //= 4
    return done


def _differing(ours: str, theirs: str, order: Literal["big", "little"]) -> int:
    """How many characters are left of two texts of one size from where they first differ: seen from start, or end."""
    # As numbers, whose highest bit that differs is found at once: four times as quick as by halves.
    code = "utf-32-be" if order == "big" else "utf-32-le"
    differing = int.from_bytes(ours.encode(code, "surrogatepass"), order) ^ int.from_bytes(
        theirs.encode(code, "surrogatepass"), order
    )
    return (differing.bit_length() + 31) // 32
