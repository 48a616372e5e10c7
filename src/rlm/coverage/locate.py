"""Where in an input texts are from: every stretch of them that stands in the input, character by character.

Texts and input are cut into *seeds* at the same few characters, so that what is copied is cut alike in both. The seeds
of the texts go into a table, one pass over the input notes where each of them stands, and each that is found is
extended to both sides as far as text and input agree. That is done twice: with long seeds, which find whole chunks at
little cost, then with short ones in what is left, which find single lines and phrases. All that touches every
character of the input is done in C (`re.findall`, the lookup of many strings at once, comparing slices): 40 MB take
about half a second, whatever the texts. The table, not the input, is bounded: more texts take more passes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, compress
from typing import NamedTuple

LEAST = 24  # characters of a stretch: shorter ones stand in any text
MOST_PLACES = 8  # that are noted of a seed; one that stands in more says little

_LONG, _SHORT = 64, 16  # characters of a seed, on average
_TABLE = 200_000  # seeds that are looked for at once: some 40 MB
_FEW = 16  # seeds that are looked for one by one, which is quicker then: of an instruction, say
_SLICE = 1 << 17  # of the input, at a time
_SAMPLES, _SAMPLE = 64, 1 << 11  # how often, and how many characters, the input is looked at for where to cut
_LEAST_SEED = 4  # characters; anything has shorter ones in it
_STEP, _LONGEST_STEP = 32, 1 << 16  # characters compared at once

# Where seeds stand. One place stands by itself: most have no more, and lists take memory.
_Places = dict[str, int | list[int]]


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
    ground = _Ground(blocks)
    for size in (_LONG, _SHORT):
        cutter = ground.cutter(size)
        gaps = [gap for text in range(len(texts)) for gap in _gaps(text, len(texts[text]), found[text])]
        for batch, wanted in _tables(gaps, texts, cutter):
            places = ground.places(wanted, cutter)
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


def _tables(
    gaps: Sequence[_Gap], texts: Sequence[str], cutter: re.Pattern[str]
) -> Iterator[tuple[list[_Gap], set[str]]]:
    """The gaps with their seeds, so many at a time that these are not too many."""
    batch: list[_Gap] = []
    wanted: set[str] = set()
    for gap in gaps:
        batch.append(gap)
        wanted.update(cutter.findall(texts[gap.text], gap.start, gap.end))
        if len(wanted) >= _TABLE:
            yield batch, wanted
            batch, wanted = [], set()
    if batch:
        yield batch, wanted


class _Ground:
    """The input as one row of characters: its blocks, each followed by one that is in none of them."""

    def __init__(self, blocks: Sequence[str]) -> None:
        self.blocks = blocks
        self.bases = list(accumulate((len(block) + 1 for block in blocks), initial=0))

    def cutter(self, size: int) -> re.Pattern[str]:
        """What cuts a text into seeds of about `size` characters: after line ends, and after some characters.

        Those are chosen that occur most evenly: as long as that makes no more seeds, the one that cuts most of the
        windows of `size` characters that are not cut yet, for how often it occurs.
        """
        counts: Counter[str] = Counter()
        windows: dict[str, set[int]] = {}
        number = 0
        for sample in self._samples():
            counts.update(sample)
            for start in range(0, len(sample), size):
                for char in set(sample[start : start + size]):
                    windows.setdefault(char, set()).add(number)
                number += 1
        chosen, most = ["\n"], sum(counts.values()) / size
        taken, uncut = counts["\n"], set(range(number)) - windows.pop("\n", set())
        while True:
            worth = {
                char: len(at & uncut) / counts[char] for char, at in windows.items() if taken + counts[char] <= most
            }
            if not worth or not (best := max(worth, key=lambda char: (worth[char], char))) or not worth[best]:
                break
            chosen.append(best)
            taken += counts[best]
            uncut -= windows.pop(best)
        kind = re.escape("".join(chosen))
        # Where none of them comes for long, words are cut off: from where the last cut was, so alike in both, too.
        return re.compile(rf"[^{kind}]{{1,{size * 2}}}+[^{kind}\s]*+[{kind}\s]?|[{kind}]")

    def _samples(self) -> Iterator[str]:
        step = max(sum(map(len, self.blocks)) // _SAMPLES, _SAMPLE)
        ahead = 0  # characters until the next one
        for block in self.blocks:
            while ahead < len(block):
                yield block[ahead : ahead + _SAMPLE]
                ahead += step
            ahead -= len(block)

    def places(self, wanted: set[str], cutter: re.Pattern[str]) -> _Places:
        """Where each of the seeds stands: the first places, and one more to say that there are more.

        A seed that has enough places is taken out of `wanted`.
        """
        wanted -= {seed for seed in wanted if len(seed) < _LEAST_SEED}
        if len(wanted) <= _FEW:
            return {seed: each for seed in wanted if (each := self._each_place(seed))}
        places: _Places = {}
        for base, block in zip(self.bases, self.blocks, strict=False):
            start = 0
            while start < len(block):
                end = min(start + _SLICE, len(block))
                seeds = cutter.findall(block, start, end)
                if end < len(block) and len(seeds) > 1:
                    end -= len(seeds.pop())  # which may go on in the next slice
                starts = accumulate(map(len, seeds), initial=base + start)
                for seed, at in compress(zip(seeds, starts, strict=False), map(wanted.__contains__, seeds)):
                    known = places.get(seed)
                    if known is None:
                        places[seed] = at
                    elif isinstance(known, int):
                        places[seed] = [known, at]
                    else:
                        known.append(at)
                        if len(known) > MOST_PLACES:
                            wanted.discard(seed)
                start = end
        return places

    def _each_place(self, seed: str) -> list[int]:
        places: list[int] = []
        for base, block in zip(self.bases, self.blocks, strict=False):
            at = block.find(seed)
            while at >= 0 and len(places) <= MOST_PLACES:
                places.append(base + at)
                at = block.find(seed, at + 1)
        return places

    def block(self, place: int) -> int:
        """The block of a place, as its number."""
        return bisect_right(self.bases, place) - 1


class _Walk:
    """One gap, from its start to its end: each seed that was found is extended, and what that covers is skipped."""

    def __init__(self, text: str, gap: _Gap, ground: _Ground, places: _Places, cutter: re.Pattern[str]) -> None:
        self._text = text
        self._gap = gap
        self._ground = ground
        self._places = places
        self._cutter = cutter

    def matches(self) -> list[Match]:
        """The stretches. Seeds that stand in few places go first: they can't be led astray."""
        found = self._stretches(self._gap, common=False)
        for gap in list(_gaps(self._gap.text, self._gap.end, [Match(0, self._gap.start, (), False), *found])):
            found += self._stretches(gap, common=True)
        return found

    def _stretches(self, gap: _Gap, *, common: bool) -> list[Match]:
        found: list[Match] = []
        done = gap.start
        seeds = self._cutter.findall(self._text, gap.start, gap.end)
        starts = accumulate(map(len, seeds), initial=gap.start)
        standing = compress(zip(seeds, starts, strict=False), map(self._places.__contains__, seeds))
        for seed, at in standing:
            if at < done:
                continue
            known = self._places[seed]
            places = [known] if isinstance(known, int) else known
            if (len(places) > MOST_PLACES) is not common:
                continue
            match = self._longest(places, done, at, gap.end, len(seed))
            if match is not None and match.end - match.start >= LEAST:
                found.append(match)
                done = match.end
        return found

    def _longest(self, places: Sequence[int], low: int, here: int, high: int, size: int) -> Match | None:
        """The longest stretch of text[low:high] about a seed that stands at one of the places, and where it does."""
        text, ground = self._text, self._ground
        # A stretch of `LEAST` characters goes on by so many on one side of the seed at least.
        more = (LEAST - size + 1) // 2
        before, after = text[max(here - more, low) : here], text[here + size : here + size + more]
        best: tuple[int, int] = (here, here)
        tied: list[tuple[int, int]] = []
        for place in places:
            number = ground.block(place)
            block, at = ground.blocks[number], place - ground.bases[number]
            if more > 0 and not (block.startswith(after, at + size) or block.endswith(before, 0, at)):
                continue
            start = here - _agreeing_before(text, low, here, block, at)
            end = here + size + _agreeing(text, here + size, high, block, at + size)
            if end - start > best[1] - best[0]:
                best, tied = (start, end), []
            if (start, end) == best:
                tied.append((number, at + start - here))
        return Match(*best, tuple(tied), len(places) > MOST_PLACES) if tied else None


def _agreeing(text: str, start: int, end: int, block: str, at: int) -> int:
    """How many characters of text[start:end] agree with block[at:], from their starts on."""
    most = min(end - start, len(block) - at)
    done, step, growing = 0, _STEP, True
    while done < most:
        step = min(step, most - done)
        if text[start + done : start + done + step] == block[at + done : at + done + step]:
            done += step
            if growing:
                step = min(step * 4, _LONGEST_STEP)
        elif step == 1:
            break
        else:
            step, growing = max(step // 4, 1), False
    return done


def _agreeing_before(text: str, low: int, end: int, block: str, at: int) -> int:
    """How many characters of text[low:end] agree with block[:at], from their ends on."""
    most = min(end - low, at)
    done, step, growing = 0, _STEP, True
    while done < most:
        step = min(step, most - done)
        if text[end - done - step : end - done] == block[at - done - step : at - done]:
            done += step
            if growing:
                step = min(step * 4, _LONGEST_STEP)
        elif step == 1:
            break
        else:
            step, growing = max(step // 4, 1), False
    return done
