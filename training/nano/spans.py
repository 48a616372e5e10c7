"""Where the value stands in what a cell printed: what the network is asked two layers before its last.

A look-up's second cell repeats a printed sentence and marks the value on the way. The sentence is printed twice, and
where it is read for the second time all of it is known: what will have to be marked can be found there already, for
all of its words at once. So each of these is asked whether the next is of the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from dialogue import END

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNASKED, OUTSIDE, FIRST, INSIDE = -1, 0, 1, 2


@dataclass(frozen=True)
class Spans:
    """Finds the value in a dialogue's tokens.

    Attributes:
        quote: The id of the token that a repeated sentence stands behind.
        opening: Of the two tokens that stand before a value.
        closing: Of the two that stand behind it, one after the other.
        bar: Of the token between what is printed of a sentence.
        ends: Of those that end a line.
    """

    quote: int
    opening: frozenset[int]
    closing: list[int]
    bar: int
    ends: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Spans:
        """With the ids of a tokenizer."""
        ids = tokenizer.token_to_id
        opening, ends = frozenset((ids("Ġ["), ids("["))), frozenset((ids("Ċ"), ids(END)))
        return cls(ids('"""'), opening, [ids("Ġ"), ids("]")], ids("Ġ|"), ends)

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Of each token [length] whether the next is of the value, in the sentence that is repeated; else UNASKED."""
        found = np.full(len(tokens), UNASKED, np.int64)
        told = tokens.tolist()
        start = told.index(self.quote) + 1 if self.quote in told else len(told)
        marks = [k for k in range(start, len(told) - 1) if {told[k], told[k + 1]} <= self.opening]
        if not marks:
            return found
        mark = marks[-1]  # a bracket of the sentence may stand before it
        first = mark + 2
        last = next((k for k in range(first, len(told) - 1) if told[k : k + 2] == self.closing), first)
        said = told[start:mark] + told[first:last]
        for place in range(start - len(said), 0, -1):  # the last one is the second reading
            if told[place - 1] == self.bar and told[place : place + len(said)] == said:
                value, behind = place + mark - start, place + len(said)
                end = next(k for k in range(behind, start) if told[k] in self.ends)
                found[place - 1 : end] = OUTSIDE
                found[value - 1] = FIRST
                found[value : behind - 1] = INSIDE
                break
        return found
