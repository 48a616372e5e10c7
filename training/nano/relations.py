"""Facts that are stated by a verb, not by a noun: who founded it, what it costs, when it opens. From relations.txt."""

from __future__ import annotations

from dataclasses import dataclass

import written


@dataclass(frozen=True)
class Relation:
    """One verb, or some that are asked and stated alike.

    Attributes:
        kind: The kind of its values.
        apart: Whether each of its verbs is a fact of its own.
        questions: (question, the word to search for).
        sentences: How it is stated.
    """

    kind: str
    apart: bool
    questions: list[tuple[str, str]]
    sentences: list[str]

    def answering(self, key: str) -> list[str]:
        """The sentences that answer a question with this key."""
        return [one for one in self.sentences if key[:4] in one.lower()] if self.apart else self.sentences


def read(text: str) -> list[Relation]:
    """The relations of a file's text."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = []
    for block in "\n".join(lines).strip().split("\n\n"):
        head, *rest = block.strip().splitlines()
        asks = [(question, key) for line in rest if line[0] == "?" for question, _, key in [line[2:].partition(" | ")]]
        found.append(Relation(head.lstrip("="), head[0] == "=", asks, [line[2:] for line in rest if line[0] == "."]))
    return found


RELATIONS = [relation for text in written.texts("relations") for relation in read(text)]
