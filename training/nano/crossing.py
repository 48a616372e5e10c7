"""Sentences crossed at a slot: the head of one template and the tail of another, which name the same things once.

A few hundred templates are soon known by heart, word by word up to the value; a network that has seen a million
sentences made of their halves has to read on instead.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict

SLOT = re.compile(r"\{([ANV])\}")


class Crossing:
    """The heads and tails of templates, by the slot at which they were cut and what stands on the other side."""

    def __init__(self, templates: list[str]) -> None:
        self.heads: list[tuple[str, tuple[str, frozenset[str]]]] = []
        self.tails: dict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
        for template in templates:
            slots = [(found[1], found.end()) for found in SLOT.finditer(template)]
            if sorted(name for name, _ in slots) != ["A", "N", "V"]:
                continue
            for place, (name, end) in enumerate(slots[:2]):
                later = frozenset(slot for slot, _ in slots[place + 1 :])
                self.heads.append((template[:end], (name, later)))
                self.tails[name, later].append(template[end:])

    def template(self, rng: random.Random) -> str:
        """A head and a tail that fits it."""
        head, cut = rng.choice(self.heads)
        return head + rng.choice(self.tails[cut])
