"""Other words in the place of those that a cell copies, so that each of them is copied often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from dialogue import MARKED
from scenes import DEFINE, FIND, GREP, LOOKUPS, NAMED, QUOTE

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Shares of a question's and of a value's words; tokens of a dialogue, beyond which none is: there words have a sense.
RENAMED, REVALUED, LONGEST = 0.25, 0.05, 110


@dataclass(frozen=True)
class Renaming:
    """Exchanges words.

    Attributes:
        pairs: Token of a word -> token of the same word with the space before it, and the other way round; without the
            words that all cells have.
        plain: Those without the space, in a fixed order.
        marks: The tokens that a value's mark begins with, after a space and without.
    """

    pairs: dict[int, int]
    plain: dict[int, None]
    marks: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Renaming:
        """The words of a tokenizer."""
        vocabulary = tokenizer.get_vocab()
        cells = FIND + QUOTE + DEFINE + NAMED + GREP + MARKED + "".join(cell for *_, cell in LOOKUPS.values())
        same = set(tokenizer.encode(cells).ids)
        twins = ((token, vocabulary.get("Ġ" + word)) for word, token in vocabulary.items() if word.isalpha())
        known = {word: spaced for word, spaced in twins if spaced is not None and not {word, spaced} & same}
        both = {**known, **{spaced: word for word, spaced in known.items()}}
        return cls(both, dict.fromkeys(known), frozenset({vocabulary["Ġ["], vocabulary["["]}))

    def __call__(self, ids: np.ndarray, ask: np.ndarray, rng: random.Random) -> np.ndarray:
        """The tokens [length] of a dialogue, some of the words that are copied exchanged for any others throughout.

        `ask` are the positions whose next token is supervised. That a token is to be copied has to be learnt for each:
        so each is copied as often as any other. One that stands there once is no copy; of four, it is a common word.
        """
        if len(ids) > LONGEST:
            return ids
        said = ids[ask.astype(np.int64) + 1].tolist()
        share = RENAMED
        mark = next((place for place, token in enumerate(said) if token in self.marks), None)
        if mark is not None:  # what stands before the mark is read, not only copied
            said, share = said[mark:], REVALUED
        given = ids.tolist()
        told = set(given)
        ids = ids.copy()
        words = list(self.plain)
        for word in sorted(set(said)):
            twin = self.pairs.get(word)
            if twin is None or not 2 <= given.count(word) + given.count(twin) <= 3 or rng.random() >= share:
                continue
            other = rng.choice(words)
            other = other if word in self.plain else self.pairs[other]
            if not {other, self.pairs[other]} & told:
                ids[ids == word], ids[ids == twin] = other, self.pairs[other]
                told |= {other, self.pairs[other]}
        return ids
