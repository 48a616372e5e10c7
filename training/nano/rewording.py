"""Words of a sentence exchanged for others that can stand in their place, so that more of them are seen.

`wordings/synonyms-1.txt` has a group a line, between tabs: each member can replace any other, with the same grammar
and without changing which words of a sentence are the value.
"""

from __future__ import annotations

import random
import re

import written


class Rewording:
    """Exchanges the members of some groups."""

    def __init__(self, groups: list[list[str]]) -> None:
        self.group = {member: group for group in groups for member in group}
        longest_first = sorted(self.group, key=len, reverse=True)
        members = "|".join(map(re.escape, longest_first))
        self.member = re.compile(rf"(?<![\w{{'’-])(?:(an?) )?({members})(?![\w}}'’-])")

    def __call__(self, rng: random.Random, template: str, share: float) -> str:
        """The template, that share of its words that are in a group exchanged for any of theirs; its slots stay."""

        def other(found: re.Match[str]) -> str:
            if rng.random() >= share:
                return found[0]
            article, word = found.groups()
            word = rng.choice(self.group[word])
            return (("an " if word[0] in "aeiou" else "a ") if article else "") + word

        return self.member.sub(other, template)


GROUPS = [line.split("\t") for line in written.lines("synonyms")]
reworded = Rewording(GROUPS)
