"""Other words in the place of those that a question has after a space and a cell without one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
from scenes import DEFINE, FIND, LOOKUPS, QUOTE

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RENAMED, LONGEST = 0.5, 96  # share of such words; tokens of a dialogue, beyond which none is: there words have a sense


def twins(tokenizer: Tokenizer) -> dict[int, int]:
    """Token of a word -> token of the same word with the space before it; without the words that all cells have."""
    vocabulary = tokenizer.get_vocab()
    cells = FIND + QUOTE + DEFINE + "".join(cell for *_, cell in LOOKUPS.values())
    same = set(tokenizer.encode(cells).ids)
    pairs = ((token, vocabulary.get("Ġ" + word)) for word, token in vocabulary.items() if word.isalpha())
    return {word: spaced for word, spaced in pairs if spaced is not None and not {word, spaced} & same}


def renamed(ids: np.ndarray, ask: np.ndarray, pairs: dict[int, int], rng: random.Random) -> np.ndarray:
    """The tokens [length] of a dialogue, half of such words exchanged for any others throughout.

    `ask` are the positions whose next token is supervised, `pairs` is what `twins` gives. Which two tokens are one
    word has to be learnt for each word: so each word is seen as often as any other.
    """
    if len(ids) > LONGEST:
        return ids
    given, said = set(ids.tolist()), sorted(set(ids[ask.astype(np.int64) + 1].tolist()))
    ids = ids.copy()
    for word in said:
        if (spaced := pairs.get(word)) in given and rng.random() < RENAMED:
            other = rng.choice(list(pairs))
            if not {other, pairs[other]} & given:
                ids[ids == word], ids[ids == spaced] = other, pairs[other]
                given |= {other, pairs[other]}
    return ids
