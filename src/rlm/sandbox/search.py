"""Ranking passages by the rare words that they share with a query, over texts of any size, without an index."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

PASSAGE = 300


def rank(texts: Callable[[], Iterable[tuple[str, str]]], query: str, k: int) -> list[tuple[str, str, int, int, float]]:
    """Return the k best passages as (name, text, start, end, score), the best first."""
    words = sorted({word.lower() for word in re.findall(r"\w+", query)})
    counts = dict.fromkeys(words, 0)
    total = 0
    for _, text in texts():
        low = text.lower()
        total += len(low)
        for word in words:
            counts[word] += low.count(word)
    weights = {word: math.log(1 + total / (PASSAGE * counts[word])) for word in words if counts[word]}
    found = []
    for name, text in texts():
        start = 0
        for line in text.splitlines(keepends=True):
            low = line.lower()
            score = sum(weight for word, weight in weights.items() if word in low)
            if score:
                found.append((-score, len(found), name, text, start, start + len(line.rstrip("\n"))))
            start += len(line)
    return [(name, text, start, end, -score) for score, _, name, text, start, end in sorted(found)[:k]]
