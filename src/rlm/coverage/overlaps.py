"""Which of the stretches that overlap in a text are told: the longest, and of those as long in one place, all."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence

from rlm.coverage.locate import LEAST


def settled(stretches: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, Sequence[int]]]:
    """Stretches that don't overlap, as start, end and which of those given they are; of the others, what is left."""
    left = [(start - end, start, number) for number, (start, end) in enumerate(stretches)]
    heapq.heapify(left)
    taken: list[tuple[int, int]] = []
    while left:
        size, start, number = heapq.heappop(left)
        end = start - size
        at = bisect_right(taken, (start, end))
        low = taken[at - 1][1] if at else start
        high = taken[at][0] if at < len(taken) else end
        if low <= start and end <= high:
            numbers = [number]
            while left and left[0][:2] == (size, start):
                numbers.append(heapq.heappop(left)[2])
            insort(taken, (start, end))
            yield start, end, numbers
            continue
        # What stands before the next one that is taken; and what is after that is looked at again.
        parts = (max(start, low), min(end, high)), (taken[at][1] if at < len(taken) else end, end)
        for first, last in parts:
            if last - first >= LEAST:
                heapq.heappush(left, (first - last, first, number))
