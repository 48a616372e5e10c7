"""Trains the tokenizer: byte-level BPE in which a word has the same pieces wherever it stands.

A name is read after a space and written after a quote. With plain byte-level BPE these are different tokens, and a
network that copies has to know every such pair; here the pieces are learnt from words without their space, and only
frequent small-letter beginnings get a second token that includes it. llama.cpp's pre-tokeniser "smollm" splits alike.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

import scenes
import text
import wording
from dialogue import ASSISTANT, END, PAD, USER, imitate
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPACED = 1500  # pieces that have a second token, with the space before them


def corpus(books: Path, size: int) -> list[str]:
    """Dialogues, prose and code, about in the shares that the network will see."""
    world = wording.World(random.Random(7), books)
    found = [part for _ in range(size) if (told := imitate(scenes.scene(world, scenes.SHARES))) for _, part in told]
    found += world.rng.sample(text.paragraphs(books, held_out=False), size // 10)
    found += ["\n".join(world.rng.choices(text.source_lines(held_out=False), k=size // 2))]
    return found


def train(texts: list[str], vocab: int) -> Tokenizer:
    """A tokenizer of at most `vocab` tokens."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    apart = pre_tokenizers.Split(Regex(r" (?=\p{L})"), "isolated")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, apart, bytes_])
    trainer = trainers.BpeTrainer(
        vocab_size=vocab - SPACED,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    state = json.loads(tokenizer.to_str())
    pieces, merges = state["model"]["vocab"], state["model"]["merges"]
    spaced = pieces["Ġ"]
    counts: Counter[int] = Counter()
    for part in tokenizer.encode_batch(texts):
        counts.update(after for before, after in zip(part.ids, part.ids[1:], strict=False) if before == spaced)
    words = {place: word for word, place in pieces.items()}
    small = [words[place] for place, _ in counts.most_common() if words[place].isascii() and words[place].islower()]
    common = [word for word in small if word.isalpha()][:SPACED]
    for word in common:
        pieces[f"Ġ{word}"] = len(pieces)
        merges.append(["Ġ", word])
    return as_llama_cpp(Tokenizer.from_str(json.dumps(state)))


def as_llama_cpp(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, splitting and joining as llama.cpp does with the pre-tokeniser "smollm"."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def main() -> None:
    """Writes tokenizer.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    texts = corpus(options.books, 6000)
    tokenizer = train(texts, options.vocab)
    tokenizer.save(str(options.out))
    size = sum(map(len, texts)) / sum(len(tokenizer.encode(part).ids) for part in texts)
    print(f"{tokenizer.get_vocab_size()} tokens, {size:.2f} characters a token")


if __name__ == "__main__":
    main()
